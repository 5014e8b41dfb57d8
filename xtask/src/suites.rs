//! The programs of tests, what is in them, and how they are run.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::steps::{output, run};

/// A program of tests, by the arguments with which cargo runs it.
pub struct Suite {
    pub name: &'static str,
    cargo: &'static [&'static str],
}

const SUITES: [Suite; 6] = [
    Suite {
        name: "imgbuild",
        cargo: &["--package", "imgbuild", "--lib"],
    },
    Suite {
        name: "xtask",
        cargo: &["--package", "xtask", "--bins"],
    },
    Suite {
        name: "layout",
        cargo: &["--test", "layout"],
    },
    Suite {
        name: "product",
        cargo: &["--test", "product"],
    },
    Suite {
        name: "judges",
        cargo: &["--test", "judges"],
    },
    Suite {
        name: "boot",
        cargo: &["--test", "boot"],
    },
];

/// Those that are there.
fn suites() -> impl Iterator<Item = &'static Suite> {
    SUITES.iter().filter(|suite| suite.is_there())
}

impl Suite {
    fn is_there(&self) -> bool {
        self.cargo[0] != "--test"
            || Path::new("tests").join(self.name).join("main.rs").exists()
            || Path::new("tests")
                .join(format!("{}.rs", self.name))
                .exists()
    }

    /// Names of its tests, those that are marked as ignored or all.
    fn names(&self, ignored: bool) -> anyhow::Result<Vec<String>> {
        let mut arguments = [&["test", "--locked", "--quiet"], self.cargo].concat();
        arguments.extend(["--", "--list", "--format", "terse"]);
        if ignored {
            arguments.push("--ignored");
        }
        let text = output("cargo", &arguments)
            .with_context(|| format!("asking the tests of `{}` for their names", self.name))?;
        let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
        Ok(names.map(str::to_owned).collect())
    }
}

/// A test, and the step of `cargo xtask test` that runs it.
pub struct Test {
    pub suite: &'static Suite,
    pub name: String,
    pub step: &'static str,
}

/// All tests; builds them.
pub fn tests() -> anyhow::Result<Vec<Test>> {
    let mut tests = Vec::new();
    for suite in suites() {
        let ignored = suite.names(true)?;
        for name in suite.names(false)? {
            let step = step_of(suite.name, &name, ignored.contains(&name));
            tests.push(Test { suite, name, step });
        }
    }
    Ok(tests)
}

fn step_of(suite: &str, name: &str, ignored: bool) -> &'static str {
    match (suite, ignored) {
        ("boot", true) if name.starts_with("every_time::") => "boots",
        ("boot", true) if name.starts_with("kubernetes::") => "boots-kubernetes",
        ("boot", true) => "boots-all",
        (_, true) => "slow-tests",
        ("judges", false) => "judges",
        (_, false) => "quick-tests",
    }
}

/// Where the registries of a default DNS and pod network are while tests run: nobody listens there,
/// so that what is built does not depend on the network.
const NO_REGISTRIES: (&str, &str) = (
    "IMGBUILD_REGISTRY_MIRROR",
    "registry.k8s.io=http://127.0.0.1:1,ghcr.io=http://127.0.0.1:1",
);

/// Unit tests and all that needs no other program, no network and no base.
pub fn quick() -> anyhow::Result<String> {
    let mut line = Command::new("cargo");
    line.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
    line.args(["--lib", "--bins"]);
    for suite in suites().filter(|it| ["layout", "product", "boot"].contains(&it.name)) {
        line.args(suite.cargo);
    }
    run(line.env(NO_REGISTRIES.0, NO_REGISTRIES.1))?;
    Ok(String::new())
}

/// What other programs say of what imgbuild makes.
pub fn judges() -> anyhow::Result<String> {
    let mut line = Command::new("cargo");
    line.args(["test", "--locked", "--no-fail-fast", "--test", "judges"]);
    run(line.env(NO_REGISTRIES.0, NO_REGISTRIES.1))?;
    Ok(String::new())
}

/// The tests that are marked as slow, one at a time: several of them at once would want the same
/// cache.
pub fn slow() -> anyhow::Result<String> {
    let mut line = Command::new("cargo");
    line.args(["test", "--locked", "--no-fail-fast"]);
    line.args(["--lib", "--test", "product", "--test", "judges"]);
    line.args(["--", "--ignored", "--test-threads=1"]);
    run(with_program(&mut line)?)?;
    Ok(String::new())
}

/// Boots nodes, one test at a time: those of the groups `tests`.
pub fn boots(tests: &[&str]) -> anyhow::Result<String> {
    let mut line = Command::new("cargo");
    line.args(["test", "--locked", "--test", "boot", "--"]);
    line.args(tests);
    line.args(["--ignored", "--test-threads=1", "--nocapture"]);
    run(with_program(&mut line)?)?;
    Ok("what the consoles showed is in target/test-logs/consoles".to_owned())
}

/// Runs these tests of a suite and no others.
pub fn these(suite: &Suite, tests: &[&Test]) -> anyhow::Result<String> {
    let mut line = Command::new("cargo");
    line.args(["test", "--locked", "--no-fail-fast"]);
    line.args(suite.cargo).arg("--");
    line.args(tests.iter().map(|test| &test.name));
    line.args(["--exact", "--include-ignored"]);
    if tests.iter().any(|test| is_slow(test)) {
        line.args(["--test-threads=1", "--nocapture"]);
        with_program(&mut line)?;
    }
    run(line.env(NO_REGISTRIES.0, NO_REGISTRIES.1))?;
    Ok(String::new())
}

/// Whether a test takes the machine for itself, and the optimized program.
pub fn is_slow(test: &Test) -> bool {
    test.step == "slow-tests" || test.step.starts_with("boots")
}

/// Tells the tests to run the optimized program.
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
        .env(NO_REGISTRIES.0, NO_REGISTRIES.1)
        .env("RUST_BACKTRACE", "0"))
}

#[cfg(test)]
mod tests {
    use super::step_of;

    #[test]
    fn each_test_has_its_step() {
        for (suite, name, ignored, step) in [
            ("imgbuild", "pki::a", false, "quick-tests"),
            ("product", "plan::a", false, "quick-tests"),
            ("judges", "pack::a", false, "judges"),
            ("judges", "base::real::a", true, "slow-tests"),
            ("boot", "harness::a", false, "quick-tests"),
            ("boot", "every_time::a", true, "boots"),
            ("boot", "with_all::a", true, "boots-all"),
            ("boot", "kubernetes::single::a", true, "boots-kubernetes"),
        ] {
            assert_eq!(step_of(suite, name, ignored), step, "{suite} {name}");
        }
    }
}
