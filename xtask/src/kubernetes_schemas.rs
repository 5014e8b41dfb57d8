//! Kubernetes' own JSON schemas, which judge our manifests: the data of a package of the Python
//! registry, for the tests only.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::steps::run;

/// The package, which holds the schemas of every minor from 1.25 to its own.
const PACKAGE: &str = "kubernetes-validate==1.37.0";

/// Where the tests look for it; they know it by this name too (`tests/judges/manifests/oracle.rs`).
const FOLDER: &str = "target/xtask/kubernetes-validate-1.37.0";

/// Fetches the package if it is missing, and returns a note of that.
pub fn install() -> anyhow::Result<String> {
    if Path::new(FOLDER).exists() {
        return Ok("Kubernetes' schemas are there".to_owned());
    }
    let unfinished = format!("{FOLDER}.new");
    if Path::new(&unfinished).exists() {
        fs::remove_dir_all(&unfinished).with_context(|| format!("removing {unfinished}"))?;
    }
    // Debian's Python and its pip, as the registry of this machine is configured. Only data is
    // wanted, so no dependencies.
    let mut command = std::process::Command::new("/usr/bin/python3");
    command.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-compile",
    ]);
    command.args(["--root-user-action", "ignore"]);
    command.args([
        "--disable-pip-version-check",
        "--target",
        &unfinished,
        PACKAGE,
    ]);
    run(&mut command).context("fetching Kubernetes' schemas")?;
    fs::rename(&unfinished, FOLDER).with_context(|| format!("renaming {unfinished}"))?;
    Ok(format!("fetched {PACKAGE}"))
}
