//! `cargo xtask test`: every check, from formatting to booted nodes.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use clap::Args;

use crate::steps::{Steps, command, run};
use crate::{bench, chrony, coreos_installer, deny, kubernetes_schemas, packages};

#[derive(Args)]
pub struct Options {
    /// Also boot what is not booted every time: the other media and firmwares, arm64
    #[arg(long)]
    all: bool,
}

/// The integration test that boots machines; all other tests are done before.
const BOOT: &str = "boot";

/// Names the folder of Kubernetes' programs, which no package has.
const KUBERNETES: &str = "IMGBUILD_KUBE_DIR";

/// Runs everything and returns whether all passed. Each step runs even if an earlier one failed, so
/// that one run reports everything.
pub fn everything(options: &Options) -> anyhow::Result<bool> {
    let mut steps = Steps::default();
    let ready = steps.run("packages that the tests need", packages::install);
    if ready {
        steps.run("Kubernetes' schemas", kubernetes_schemas::install);
        steps.run("chronyd", chrony::install);
        steps.run("coreos-installer", coreos_installer::install);
    } else {
        steps.skip("Kubernetes' schemas", "packages are missing");
        steps.skip("chronyd", "packages are missing");
        steps.skip("coreos-installer", "packages are missing");
    }
    steps.run("format", || cargo(&["fmt", "--all", "--check"]));
    steps.run("lints", || {
        let to_the_end = ["--", "--deny", "warnings"];
        let clippy = ["clippy", "--workspace", "--all-targets", "--locked"];
        cargo(&[&clippy[..], &to_the_end].concat())
    });
    steps.run("dependencies", deny::check);
    steps.run("quick tests", || {
        cargo(&["test", "--workspace", "--locked", "--no-fail-fast"])
    });
    if !ready {
        steps.skip("slow tests", "packages are missing");
        steps.skip("boots", "packages are missing");
        return Ok(steps.summary());
    }
    let built = steps.run("release build", || {
        cargo(&["build", "--release", "--locked"])
    });
    let others = other_tests()?;
    steps.run("slow tests", || slow_tests(&others));
    if built {
        steps.run("benchmark runs", || {
            bench::everything(&bench::Options {
                quick: true,
                base: false,
            })?;
            Ok("once each: see `cargo xtask bench` for figures".to_owned())
        });
        steps.run("boots", || boots("every_time::"));
        let others = "boots of the other media, firmwares and arm64";
        if options.all {
            steps.run(others, || boots("with_all::"));
        } else {
            steps.skip(others, "only with --all");
        }
        let kubernetes = "boots with the real Kubernetes";
        if std::env::var_os(KUBERNETES).is_some() {
            steps.run(kubernetes, || boots("kubernetes::"));
        } else {
            steps.skip(
                kubernetes,
                &format!("{KUBERNETES} names no folder of its programs"),
            );
        }
    } else {
        steps.skip("benchmark runs", "the release build failed");
        steps.skip("boots", "the release build failed");
    }
    Ok(steps.summary())
}

fn cargo(arguments: &[&str]) -> anyhow::Result<String> {
    command("cargo", arguments)?;
    Ok(String::new())
}

/// Names of the integration tests that boot nothing.
fn other_tests() -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir("tests").into_iter().flatten() {
        let path = entry.context("reading tests/")?.path();
        let is_test = path.extension().is_some_and(|e| e == "rs") || path.join("main.rs").exists();
        if let (true, Some(name)) = (is_test, path.file_stem().and_then(|s| s.to_str())) {
            names.push(name.to_owned());
        }
    }
    names.retain(|name| name != BOOT);
    names.sort();
    Ok(names)
}

/// The tests that are marked as slow, one at a time: several of them at once would want the same
/// cache.
fn slow_tests(names: &[String]) -> anyhow::Result<String> {
    let mut line = Command::new("cargo");
    line.args(["test", "--locked", "--no-fail-fast", "--lib"]);
    for name in names {
        line.args(["--test", name]);
    }
    line.args(["--", "--ignored", "--test-threads=1"]);
    run(with_program(&mut line)?)?;
    Ok(String::new())
}

/// Boots nodes, one test at a time: those of the group `tests`.
fn boots(tests: &str) -> anyhow::Result<String> {
    let mut line = Command::new("cargo");
    line.args(["test", "--locked", "--test", BOOT, "--", tests]);
    line.args(["--ignored", "--test-threads=1", "--nocapture"]);
    run(with_program(&mut line)?)?;
    Ok("console logs are in target/boot-logs".to_owned())
}

/// Makes the tests run the optimized program.
fn with_program(line: &mut Command) -> anyhow::Result<&mut Command> {
    let program = Path::new("target/release/imgbuild");
    if !program.exists() {
        bail!("{} was not built", program.display());
    }
    let program = program
        .canonicalize()
        .context("finding the built program")?;
    // What a failed check says is enough; a trace of the test harness's calls only hides it.
    Ok(line
        .env("IMGBUILD_PROGRAM", program)
        .env("RUST_BACKTRACE", "0"))
}
