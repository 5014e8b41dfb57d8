//! Which tests failed, out of what Rust's test harness printed.

use std::collections::BTreeMap;

/// A test that failed, and what it said.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    pub test: String,
    pub said: String,
}

impl Failure {
    /// Logs of its own that the test tells of.
    pub fn logs(&self) -> impl Iterator<Item = &str> {
        self.said.lines().filter_map(|l| l.strip_prefix("log: "))
    }
}

/// The failed tests that `log` names, in its order.
pub fn failures(log: &str) -> Vec<Failure> {
    let mut names: Vec<&str> = Vec::new();
    let mut said: BTreeMap<&str, String> = BTreeMap::new();
    let mut current: Option<&str> = None;
    let mut listing = false;
    for line in log.lines() {
        if listing && let Some(name) = line.strip_prefix("    ") {
            if !names.contains(&name) {
                names.push(name);
            }
            continue;
        }
        listing = line == "failures:";
        if listing || line.starts_with("test result: ") {
            current = None;
        } else if let Some(name) = heading(line) {
            current = Some(name);
            said.entry(name).or_default();
        } else if is_abort(line) {
            // Whatever ran then is to blame; tests that run side by side are not told apart.
            names.push(current.unwrap_or("a test that ended the whole program"));
        }
        if let Some(name) = current {
            let text = said.entry(name).or_default();
            text.push_str(line);
            text.push('\n');
        }
    }
    names
        .into_iter()
        .map(|name| Failure {
            test: name.to_owned(),
            said: said.remove(name).unwrap_or_default(),
        })
        .collect()
}

/// The test whose words follow: what it said is shown after all tests, or as it comes.
fn heading(line: &str) -> Option<&str> {
    let shown_after = |line: &str| line.strip_suffix(" stdout ----").map(str::len);
    if let Some(rest) = line.strip_prefix("---- ") {
        return shown_after(rest).map(|length| &rest[..length]);
    }
    let (name, _) = line.strip_prefix("test ")?.split_once(" ... ")?;
    (!name.contains(' ')).then_some(name)
}

/// Whether cargo says that a test program did not get to its end.
fn is_abort(line: &str) -> bool {
    line.contains("process didn't exit successfully") && line.contains("(signal: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPTURED: &str = "\
running 3 tests
test a::one ... ok
test a::two ... FAILED
test b::three ... FAILED

failures:

---- a::two stdout ----
thread 'a::two' panicked at tests/a.rs:1:1:
no two
log: target/two.log

---- b::three stdout ----
no three

failures:
    a::two
    b::three

test result: FAILED. 1 passed; 2 failed; 0 ignored
";

    #[test]
    fn what_was_kept_until_the_end() {
        let found = failures(CAPTURED);
        let names: Vec<&str> = found.iter().map(|it| it.test.as_str()).collect();
        assert_eq!(names, ["a::two", "b::three"]);
        assert!(found[0].said.contains("no two\n"), "{}", found[0].said);
        assert!(!found[0].said.contains("no three"), "{}", found[0].said);
        assert_eq!(found[0].logs().collect::<Vec<_>>(), ["target/two.log"]);
    }

    #[test]
    fn what_was_shown_as_it_came() {
        let log = "\
test a::one ... built it
ok
test a::two ... built it
no two
FAILED

failures:

failures:
    a::two

test result: FAILED. 1 passed; 1 failed; 0 ignored
";
        let expected = Failure {
            test: "a::two".to_owned(),
            said: "test a::two ... built it\nno two\nFAILED\n\n".to_owned(),
        };
        assert_eq!(failures(log), [expected]);
    }

    #[test]
    fn a_program_that_ended_within_a_test() {
        let log = "\
test a::one ... ok
test a::two ... thread panicked in a destructor
error: test failed, to rerun pass `--test boot`

Caused by:
  process didn't exit successfully: `target/debug/deps/boot-1` (signal: 6, SIGABRT: process abort signal)
";
        let found = failures(log);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].test, "a::two");
        assert!(
            found[0].said.contains("in a destructor"),
            "{}",
            found[0].said
        );
    }

    #[test]
    fn nothing_failed() {
        assert_eq!(
            failures("test a::one ... ok\n\ntest result: ok. 1 passed\n"),
            []
        );
        assert_eq!(failures("error: could not compile `imgbuild`\n"), []);
    }
}
