//! Runs steps one after the other and keeps account of them.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// How a step ended.
enum End {
    Passed,
    Failed,
    Skipped,
}

/// The steps so far.
#[derive(Default)]
pub struct Steps {
    done: Vec<(String, End, Duration, String)>,
}

impl Steps {
    /// Runs `work` as the step `name`. It returns a note for the summary (may be empty). A failed
    /// step is reported at once and does not stop those after it. Returns whether it passed.
    pub fn run(&mut self, name: &str, work: impl FnOnce() -> anyhow::Result<String>) -> bool {
        println!("\n=== {name}");
        let start = Instant::now();
        let result = work();
        let time = start.elapsed();
        let (end, note) = match result {
            Ok(note) => (End::Passed, note),
            Err(error) => (End::Failed, format!("{error:#}")),
        };
        let passed = matches!(end, End::Passed);
        let verdict = if passed { "ok" } else { "FAILED" };
        println!("--- {name}: {verdict} in {}{}", seconds(time), colon(&note));
        self.done.push((name.to_owned(), end, time, note));
        passed
    }

    /// Reports that a step is skipped, and why.
    pub fn skip(&mut self, name: &str, why: &str) {
        println!("\n=== {name}\n--- {name}: skipped: {why}");
        let step = (
            name.to_owned(),
            End::Skipped,
            Duration::ZERO,
            why.to_owned(),
        );
        self.done.push(step);
    }

    /// Prints all steps with their times and returns whether none failed.
    pub fn summary(&self) -> bool {
        println!("\n=== summary");
        let (mut passed, mut failed, mut skipped) = (0, 0, 0);
        for (name, end, time, note) in &self.done {
            let word = match end {
                End::Passed => {
                    passed += 1;
                    "ok"
                }
                End::Failed => {
                    failed += 1;
                    "FAILED"
                }
                End::Skipped => {
                    skipped += 1;
                    "skipped"
                }
            };
            println!("{word:8} {:>8}  {name}{}", seconds(*time), colon(note));
        }
        let total: Duration = self.done.iter().map(|(_, _, time, _)| *time).sum();
        println!("{:8} {:>8}  altogether", "", seconds(total));
        println!("steps: {passed} passed, {failed} failed, {skipped} skipped");
        failed == 0
    }
}

fn colon(note: &str) -> String {
    if note.is_empty() {
        String::new()
    } else {
        format!(": {note}")
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// Runs a program with its output on ours and fails when it does.
pub fn command<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> anyhow::Result<()> {
    run(Command::new(program).args(arguments))
}

/// Runs a prepared command with its output on ours and no input, and fails when it does.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = shown(command);
    println!("$ {line}");
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("starting `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Runs a program and returns what it prints; `None` if it does not exist or fails.
pub fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A command as a person would type it, nearly.
fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|a| a.to_string_lossy().into_owned()));
    words.join(" ")
}
