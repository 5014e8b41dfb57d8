//! What a test found, for programs: JUnit's XML, and JSON.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde_json::{Value as Json, json};
use x509_cert::der::DateTime;

use super::stages::Stage;

/// What a test found.
#[derive(Debug, Clone)]
pub struct Report {
    /// The name of what was tested.
    pub artifact: String,
    pub begun: SystemTime,
    pub time: Duration,
    /// The machines did not boot: they started from a snapshot.
    pub from_snapshot: bool,
    pub nodes: Vec<NodeReport>,
    /// In the order in which they ran.
    pub results: Vec<CheckResult>,
}

/// What is to be said of a node.
#[derive(Debug, Clone)]
pub struct NodeReport {
    pub name: String,
    /// How long its boot took, by what the console showed.
    pub stages: Vec<(Stage, Duration)>,
    /// The same as systemd measured it, in its own words.
    pub systemd: Option<String>,
    /// What its console showed.
    pub console: PathBuf,
    /// The last lines of it.
    pub console_end: Vec<String>,
}

/// How a check went.
#[derive(Debug, Clone)]
pub struct CheckResult {
    /// The node that it is about.
    pub node: String,
    /// What was checked, in words.
    pub title: String,
    pub time: Duration,
    pub verdict: Verdict,
}

/// Whether a node is as the check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Passed,
    Failed {
        why: String,
        /// What the node answered.
        said: String,
    },
    /// It was not asked.
    Skipped {
        why: String,
    },
}

impl Report {
    /// Results with a failure.
    pub fn failures(&self) -> impl Iterator<Item = &CheckResult> {
        let is_failure = |it: &&CheckResult| matches!(it.verdict, Verdict::Failed { .. });
        self.results.iter().filter(is_failure)
    }

    /// Results of checks that were not made.
    pub fn skipped(&self) -> impl Iterator<Item = &CheckResult> {
        let is_skipped = |it: &&CheckResult| matches!(it.verdict, Verdict::Skipped { .. });
        self.results.iter().filter(is_skipped)
    }

    /// As JSON. Times are in seconds.
    pub fn to_json(&self) -> Json {
        let nodes: Vec<Json> = self.nodes.iter().map(NodeReport::to_json).collect();
        let checks: Vec<Json> = self.results.iter().map(CheckResult::to_json).collect();
        json!({
            "artifact": self.artifact,
            "begun": timestamp(self.begun),
            "seconds": seconds(self.time),
            "from_snapshot": self.from_snapshot,
            "passed": self.failures().next().is_none(),
            "nodes": nodes,
            "checks": checks,
        })
    }

    /// As JUnit's XML: a test suite of the artifact, with a test case for each check, whose class
    /// is the node.
    pub fn to_junit(&self) -> String {
        let counts = format!(
            r#"tests="{}" failures="{}" errors="0" skipped="{}" time="{}""#,
            self.results.len(),
            self.failures().count(),
            self.skipped().count(),
            seconds(self.time)
        );
        let name = xml(&self.artifact);
        let begun = timestamp(self.begun);
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <testsuites name=\"imgbuild test\" {counts}>\n  \
             <testsuite name=\"{name}\" {counts} timestamp=\"{begun}\" hostname=\"localhost\">\n    <properties>\n"
        );
        // Writing to a String does not fail, here and below.
        for node in &self.nodes {
            for (stage, time) in &node.stages {
                let key = xml(&format!("{}: {}", node.name, stage.as_str()));
                let _ = writeln!(
                    text,
                    "      <property name=\"{key}\" value=\"{}\"/>",
                    seconds(*time)
                );
            }
        }
        text.push_str("    </properties>\n");
        for result in &self.results {
            text.push_str(&result.to_junit());
        }
        text.push_str("    <system-out>");
        for node in &self.nodes {
            let path = node.console.display();
            let end = node.console_end.join("\n");
            text.push_str(&xml(&format!("{}: {path}\n{end}\n", node.name)));
        }
        text.push_str("</system-out>\n  </testsuite>\n</testsuites>\n");
        text
    }
}

impl NodeReport {
    fn to_json(&self) -> Json {
        let stages = self.stages.iter();
        let stages: serde_json::Map<_, _> = stages
            .map(|(stage, time)| (stage.as_str().to_owned(), seconds(*time).into()))
            .collect();
        json!({
            "name": self.name,
            "stages": stages,
            "systemd": self.systemd,
            "console": self.console.display().to_string(),
        })
    }
}

impl CheckResult {
    fn to_json(&self) -> Json {
        let (verdict, why, said) = match &self.verdict {
            Verdict::Passed => ("passed", None, None),
            Verdict::Failed { why, said } => ("failed", Some(why), Some(said)),
            Verdict::Skipped { why } => ("skipped", Some(why), None),
        };
        json!({
            "node": self.node,
            "check": self.title,
            "verdict": verdict,
            "seconds": seconds(self.time),
            "why": why,
            "said": said,
        })
    }

    fn to_junit(&self) -> String {
        let (node, title) = (xml(&self.node), xml(&self.title));
        let head = format!(
            "    <testcase classname=\"{node}\" name=\"{title}\" time=\"{}\"",
            seconds(self.time)
        );
        match &self.verdict {
            Verdict::Passed => format!("{head}/>\n"),
            Verdict::Failed { why, said } => format!(
                "{head}>\n      <failure message=\"{}\" type=\"check\">{}</failure>\n    </testcase>\n",
                xml(why),
                xml(said)
            ),
            Verdict::Skipped { why } => format!(
                "{head}>\n      <skipped message=\"{}\"/>\n    </testcase>\n",
                xml(why)
            ),
        }
    }
}

/// Seconds with milliseconds.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

/// ISO 8601 in UTC, without a fraction.
fn timestamp(time: SystemTime) -> String {
    DateTime::from_system_time(time).map_or_else(|_| String::new(), |time| time.to_string())
}

/// `text` as XML's content or an attribute's value, with `?` for what XML 1.0 (§2.2) cannot have.
fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' => escaped.push(c),
            '\u{fffe}' | '\u{ffff}' => escaped.push('?'),
            c if c.is_control() => escaped.push('?'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (1_796_065_445, "2026-11-30T19:04:05Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(timestamp(time), expected, "{seconds}");
        }
    }

    #[test]
    fn nothing_breaks_out_of_the_xml() {
        assert_eq!(
            xml("a<b>&\"c\"\u{1b}[0m\r\n\u{ffff}"),
            "a&lt;b&gt;&amp;&quot;c&quot;?[0m?\n?"
        );
    }
}
