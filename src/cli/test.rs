//! `imgbuild test`: boots an artifact, checks its nodes, and prints how that went.

use std::fmt::Write as _;
use std::time::Duration;

use crate::ops::{self, Session, TestOptions, Tested};
use crate::qemu::Interrupt;
use crate::trial::{Report, Verdict};

use super::args::Test;
use super::messages::Messages;
use super::outcome::Failure;
use super::stdout::print;

/// Boots, checks, reports; a failed check is a failure.
pub fn run(wanted: &Test, session: &mut Session<'_>, messages: Messages) -> Result<(), Failure> {
    let options = options(wanted)?;
    let interrupt = Interrupt::from_signals()?;
    let tested = ops::test(&options, &interrupt, session)?;
    let report = &tested.report;
    if let Some(path) = &wanted.junit {
        ops::write_report(path, &report.to_junit())?;
    }
    let json = format!("{:#}\n", report.to_json());
    match &wanted.json {
        Some(path) if path.as_os_str() == "-" => print(json)?,
        Some(path) => {
            ops::write_report(path, &json)?;
            print(table(report))?;
        }
        None => print(table(report))?,
    }
    conclude(&tested, messages)
}

fn options(wanted: &Test) -> Result<TestOptions, Failure> {
    Ok(TestOptions {
        checks: wanted.checks.clone(),
        node: wanted.node.clone(),
        firmware: wanted.computer.firmware(),
        medium: wanted.computer.medium,
        memory: wanted.computer.memory,
        cpus: wanted.computer.cpus,
        accel: wanted.computer.accel,
        user: wanted.ssh_user.clone(),
        ssh_keys: wanted.ssh_key.clone(),
        timeout: wanted.timeout,
        logs: wanted.logs.clone(),
        snapshot: wanted.snapshot.clone(),
        keys: wanted.source.keys.clone(),
        fetch: wanted.source.base.options()?,
        ..TestOptions::new(&wanted.what)
    })
}

/// The checks, the answers to those that failed, and the stages of the boots.
fn table(report: &Report) -> String {
    let mut text = String::new();
    let widths = |of: fn(&crate::trial::CheckResult) -> &str| {
        let lengths = report.results.iter().map(|it| of(it).chars().count());
        lengths.max().unwrap_or_default()
    };
    let (node, title) = (widths(|it| &it.node), widths(|it| &it.title));
    // Writing to a String does not fail, here and below.
    for result in &report.results {
        let verdict = match result.verdict {
            Verdict::Passed => "passed",
            Verdict::Failed { .. } => "FAILED",
            Verdict::Skipped { .. } => "skipped",
        };
        let _ = writeln!(
            text,
            "{:node$}  {:title$}  {verdict:7}  {:>8}",
            result.node,
            result.title,
            shown(result.time)
        );
    }
    failures(report, &mut text);
    boots(report, &mut text);
    text
}

fn failures(report: &Report, text: &mut String) {
    for result in report.failures() {
        let Verdict::Failed { why, said } = &result.verdict else {
            continue;
        };
        let _ = writeln!(text, "\n{}: {}: {why}", result.node, result.title);
        for line in said.lines() {
            let _ = writeln!(text, "    {line}");
        }
        if result.title != "ready" {
            continue;
        }
        let node = report.nodes.iter().find(|node| node.name == result.node);
        if let Some(node) = node {
            let _ = writeln!(text, "\nThe end of the console of {}:", node.name);
            for line in &node.console_end {
                let _ = writeln!(text, "    {line}");
            }
        }
    }
}

fn boots(report: &Report, text: &mut String) {
    for node in &report.nodes {
        let stages: Vec<String> = (node.stages.iter())
            .map(|(stage, time)| format!("{} {}", stage.as_str(), shown(*time)))
            .collect();
        if !stages.is_empty() {
            let _ = writeln!(text, "\n{}: {}", node.name, stages.join(", "));
        }
        if let Some(systemd) = &node.systemd {
            let _ = writeln!(text, "{}: systemd: {systemd}", node.name);
        }
    }
}

fn counted(checks: usize) -> String {
    match checks {
        1 => "1 check".to_owned(),
        many => format!("{many} checks"),
    }
}

fn shown(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f32())
}

fn conclude(tested: &Tested, messages: Messages) -> Result<(), Failure> {
    let report = &tested.report;
    let failures = report.failures().count();
    if let Some(logs) = &tested.logs {
        messages.note(&format!("the consoles are in {}", logs.display()));
    }
    let all = report.results.len();
    if failures > 0 {
        return Err(Failure::Checks(format!(
            "{failures} of {} failed",
            counted(all)
        )));
    }
    messages.note(&format!(
        "{} passed in {}",
        counted(all),
        shown(report.time)
    ));
    Ok(())
}
