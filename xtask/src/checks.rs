//! The steps of `cargo xtask test`.

use std::process::Command;

use crate::steps::{command, run};
use crate::{bench, chrony, coreos_installer, deny, kubernetes_schemas, packages, suites};

/// When a step is run, unless it is asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Also with `--quick`.
    Quick,
    /// By `cargo xtask test`.
    Always,
    /// With `--all`.
    All,
    /// Where this environment variable is set.
    Set(&'static str),
}

/// A step of `cargo xtask test`.
pub struct Step {
    pub name: &'static str,
    pub when: When,
    pub about: &'static str,
    /// Steps without which there is no point in it.
    pub after: &'static [&'static str],
    pub run: fn() -> anyhow::Result<String>,
}

/// Names the folder of Kubernetes' programs, which no package has.
const KUBERNETES: &str = "IMGBUILD_KUBE_DIR";

const PACKAGES: &[&str] = &["packages"];
/// What boots, and tests that take long, cannot do without.
pub const BOOTS: &[&str] = &["packages", "release-build"];

/// All steps in their order.
pub const STEPS: [Step; 18] = [
    Step {
        name: "packages",
        when: When::Always,
        about: "installs the Debian packages that the tests need",
        after: &[],
        run: packages::install,
    },
    Step {
        name: "kubernetes-schemas",
        when: When::Always,
        about: "fetches Kubernetes' schemas, which judge manifests",
        after: PACKAGES,
        run: kubernetes_schemas::install,
    },
    Step {
        name: "chronyd",
        when: When::Always,
        about: "unpacks chronyd, which judges its settings",
        after: PACKAGES,
        run: chrony::install,
    },
    Step {
        name: "coreos-installer",
        when: When::Always,
        about: "builds coreos-installer, which judges live images",
        after: PACKAGES,
        run: coreos_installer::install,
    },
    Step {
        name: "format",
        when: When::Quick,
        about: "rustfmt",
        after: &[],
        run: || cargo(&["fmt", "--all", "--check"]),
    },
    Step {
        name: "lints",
        when: When::Always,
        about: "clippy, pedantic; warnings are errors",
        after: &[],
        run: || {
            let clippy = ["clippy", "--workspace", "--all-targets", "--locked"];
            cargo(&[&clippy[..], &["--", "--deny", "warnings"]].concat())
        },
    },
    Step {
        name: "documentation",
        when: When::Always,
        about: "rustdoc; warnings are errors",
        after: &[],
        run: documentation,
    },
    Step {
        name: "dependencies",
        when: When::Always,
        about: "licenses, sources, bans",
        after: &[],
        run: deny::check,
    },
    Step {
        name: "advisories",
        when: When::Always,
        about: "advisories on dependencies; a warning where their database cannot be reached",
        after: &["dependencies"],
        run: deny::advisories,
    },
    Step {
        name: "quick-tests",
        when: When::Quick,
        about: "unit tests, `product`, `layout`, and those of the boot tests' harness",
        after: &[],
        run: suites::quick,
    },
    Step {
        name: "doc-tests",
        when: When::Quick,
        about: "examples in the documentation",
        after: &[],
        run: || cargo(&["test", "--workspace", "--locked", "--doc"]),
    },
    Step {
        name: "judges",
        when: When::Always,
        about: "what other programs say of what imgbuild makes",
        after: &[],
        run: suites::judges,
    },
    Step {
        name: "release-build",
        when: When::Always,
        about: "the optimized program, for the steps below",
        after: &[],
        run: || cargo(&["build", "--release", "--locked"]),
    },
    Step {
        name: "slow-tests",
        when: When::Always,
        about: "ignored tests of `product` and `judges`: real bases, builds that are killed",
        after: BOOTS,
        run: suites::slow,
    },
    Step {
        name: "benchmark",
        when: When::Always,
        about: "the benchmark runs, once",
        after: &["release-build"],
        run: benchmark,
    },
    Step {
        name: "boots",
        when: When::Always,
        about: "boots of every run: `every_time::` of `boot`",
        after: BOOTS,
        run: || suites::boots(&["every_time::"]),
    },
    Step {
        name: "boots-all",
        when: When::All,
        about: "boots of the other media and firmwares, and arm64: `with_all::` of `boot`",
        after: BOOTS,
        run: || suites::boots(&["with_all::"]),
    },
    Step {
        name: "boots-kubernetes",
        when: When::Set(KUBERNETES),
        about: "boots with the real Kubernetes: `kubernetes::` of `boot`",
        after: BOOTS,
        run: || suites::boots(&["kubernetes::"]),
    },
];

fn cargo(arguments: &[&str]) -> anyhow::Result<String> {
    command("cargo", arguments)?;
    Ok(String::new())
}

fn documentation() -> anyhow::Result<String> {
    let mut line = Command::new("cargo");
    line.args([
        "doc",
        "--workspace",
        "--locked",
        "--no-deps",
        "--document-private-items",
    ]);
    run(line.env("RUSTDOCFLAGS", "--deny warnings"))?;
    Ok("see target/doc/imgbuild/index.html".to_owned())
}

fn benchmark() -> anyhow::Result<String> {
    bench::everything(&bench::Options {
        quick: true,
        base: false,
    })?;
    Ok("once each: see `cargo xtask bench` for figures".to_owned())
}
