//! `cargo xtask test`: every check, from formatting to booted nodes, or some of them.

use anyhow::bail;
use clap::Args;

use crate::checks::{BOOTS, STEPS, Step, When};
use crate::steps::Steps;
use crate::suites::{self, Test};

#[derive(Args)]
pub struct Options {
    /// Only what needs no packages and no network, and takes less than two minutes once built
    #[arg(long, conflicts_with_all = ["all", "only"])]
    quick: bool,
    /// Also boot what is not booted every time: the other media and firmwares, arm64
    #[arg(long)]
    all: bool,
    /// Only the step of this name, or the tests whose names (as `BINARY::TEST`) contain it, ignored
    /// ones too; may be given several times
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Show all steps and all tests, each with the step that runs it, and run nothing
    #[arg(long, conflicts_with_all = ["all", "only", "quick"])]
    list: bool,
}

/// Runs the chosen steps and returns whether all passed. Each step runs even if an earlier one
/// failed, so that one run reports everything.
pub fn everything(options: &Options) -> anyhow::Result<bool> {
    if options.list {
        return list().map(|()| true);
    }
    let mut steps = Steps::default();
    for name in &options.only {
        only(&mut steps, name)?;
    }
    if options.only.is_empty() {
        for step in &STEPS {
            match why_not(step, options) {
                None => go(&mut steps, step),
                Some("") => {}
                Some(why) => steps.skip(step.name, why),
            }
        }
    }
    Ok(steps.summary())
}

/// Why a step is left out; an empty reason need not be told.
fn why_not(step: &Step, options: &Options) -> Option<&'static str> {
    match step.when {
        When::Quick => None,
        _ if options.quick => Some(""),
        When::All if !options.all => Some("only with --all"),
        When::Set(variable) if std::env::var_os(variable).is_none() => {
            Some("IMGBUILD_KUBE_DIR names no folder of Kubernetes' programs")
        }
        When::Always | When::All | When::Set(_) => None,
    }
}

/// Runs a step, if those passed that it needs.
fn go(steps: &mut Steps, step: &Step) {
    match step.after.iter().find(|name| !steps.passed(name)) {
        Some(missing) => steps.skip(step.name, &format!("`{missing}` did not pass")),
        None => steps.run(step.name, step.run),
    }
}

/// Runs a step and what it needs, unless that has run.
fn with_needs(steps: &mut Steps, name: &str) {
    for step in STEPS.iter().filter(|step| step.name == name) {
        for needed in step.after {
            with_needs(steps, needed);
        }
        if !steps.had(name) {
            go(steps, step);
        }
    }
}

/// Runs the step `name`, or the tests whose names contain it.
fn only(steps: &mut Steps, name: &str) -> anyhow::Result<()> {
    if STEPS.iter().any(|step| step.name == name) {
        with_needs(steps, name);
        return Ok(());
    }
    let all = suites::tests()?;
    let wanted: Vec<&Test> = all
        .iter()
        .filter(|test| full(test).contains(name))
        .collect();
    if wanted.is_empty() {
        bail!("no step and no test has `{name}` in its name: see `cargo xtask test --list`");
    }
    for test in &wanted {
        for needed in needs(test) {
            with_needs(steps, needed);
        }
    }
    for tests in wanted.chunk_by(|a, b| a.suite.name == b.suite.name) {
        let suite = tests[0].suite;
        steps.run(&format!("{}-{name}", suite.name).replace("::", "."), || {
            suites::these(suite, tests)
        });
    }
    Ok(())
}

/// Steps that have to be done for a test.
fn needs(test: &Test) -> Vec<&'static str> {
    let judges = ["packages", "kubernetes-schemas", "chronyd"];
    let mut needed = match test.step {
        "quick-tests" => return Vec::new(),
        "judges" => judges.to_vec(),
        "slow-tests" => [&judges[..], &["release-build"]].concat(),
        _ => BOOTS.to_vec(),
    };
    if test.name.starts_with("coreos_installer::") {
        needed.push("coreos-installer");
    }
    needed
}

fn full(test: &Test) -> String {
    format!("{}::{}", test.suite.name, test.name)
}

/// Prints all steps, then all tests with the steps that run them.
fn list() -> anyhow::Result<()> {
    println!("steps:");
    for step in &STEPS {
        let when = match step.when {
            When::Quick => "quick",
            When::Always => "always",
            When::All => "--all",
            When::Set(variable) => variable,
        };
        println!("  {:18} {when:17}  {}", step.name, step.about);
    }
    println!("tests:");
    for test in suites::tests()? {
        println!("  {:18} {}", test.step, full(&test));
    }
    Ok(())
}
