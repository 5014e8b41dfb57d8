//! What a run of the suite reports: its `JUnit` report, of which only what ran is of interest.

use std::fs;
use std::path::Path;

/// How one test ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// As the suite calls it, without the kind of its node.
    pub name: String,
    pub passed: bool,
    pub seconds: f64,
    /// What a failed one says.
    pub why: String,
}

/// The tests that ran, of a `JUnit` report; the others, thousands, are taken out of the file.
///
/// A test that was interrupted when its process ended has not run.
pub fn take(report: &Path) -> Vec<Outcome> {
    let Ok(text) = fs::read_to_string(report) else {
        return Vec::new();
    };
    let mut kept = String::new();
    let mut pieces = text.split("<testcase ");
    kept.push_str(pieces.next().unwrap_or_default());
    let mut outcomes = Vec::new();
    for piece in pieces {
        let status = attribute(piece, "status");
        if status == "skipped" {
            // The end of the whole may follow the last one.
            if let Some((_, end)) = piece.split_once("</testsuite>") {
                kept.push_str("</testsuite>");
                kept.push_str(end);
            }
            continue;
        }
        kept.push_str("<testcase ");
        kept.push_str(piece);
        let Some(name) = attribute(piece, "name")
            .strip_prefix("[It] ")
            .map(str::to_owned)
        else {
            continue;
        };
        if status != "interrupted" {
            outcomes.push(Outcome {
                name,
                passed: status == "passed",
                seconds: attribute(piece, "time").parse().unwrap_or_default(),
                why: reason(piece),
            });
        }
    }
    fs::write(report, kept).unwrap();
    outcomes
}

/// The value of an attribute of the element that `piece` begins with.
fn attribute(piece: &str, name: &str) -> String {
    let mark = format!("{name}=\"");
    let value = piece.split_once(&mark).map_or("", |(_, rest)| rest);
    unescaped(value.split('"').next().unwrap_or_default())
}

/// The text of a failure.
fn reason(piece: &str) -> String {
    let text = piece.split_once("<failure").map_or("", |(_, rest)| rest);
    let text = text.split("</failure>").next().unwrap_or_default();
    unescaped(text.split_once('>').map_or("", |(_, rest)| rest))
}

fn unescaped(text: &str) -> String {
    text.replace("&#34;", "\"")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#xA;", "\n")
        .replace("&#x9;", "\t")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// A report with one test of each kind.
#[test]
fn what_ran_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("junit_01.xml");
    let case = |name: &str, status: &str, inside: &str| {
        format!(
            "<testcase name=\"{name}\" classname=\"all\" status=\"{status}\" time=\"1.5\">{inside}</testcase>\n"
        )
    };
    let text = [
        "<testsuites><testsuite name=\"all\">\n".to_owned(),
        case("[It] a &#34;quoted&#34; one", "passed", ""),
        case(
            "[It] another",
            "failed",
            "<failure message=\"no\" type=\"failed\">a &lt; b</failure>",
        ),
        case("[SynchronizedBeforeSuite]", "passed", ""),
        case("[It] the last", "interrupted", ""),
        case(
            "[It] none",
            "skipped",
            "<skipped message=\"skipped\"></skipped>",
        ),
        "</testsuite></testsuites>\n".to_owned(),
    ]
    .concat();
    fs::write(&report, text).unwrap();
    let outcomes = take(&report);
    let ran: Vec<_> = outcomes
        .iter()
        .map(|it| (it.name.as_str(), it.passed, it.why.as_str()))
        .collect();
    assert_eq!(
        ran,
        [("a \"quoted\" one", true, ""), ("another", false, "a < b")]
    );
    let kept = fs::read_to_string(&report).unwrap();
    assert!(!kept.contains("none") && kept.ends_with("</testsuite></testsuites>\n"));
    // What was kept is read again by the next run.
    assert_eq!(take(&report).len(), 2);
}
