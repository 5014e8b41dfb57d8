//! coreos-installer, the peer that embeds configs into Fedora CoreOS's live images: it judges our
//! images in the tests, and is what the benchmark compares with. Its crate also holds trimmed live
//! images of every layout, for the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::steps::run;

const VERSION: &str = "0.27.0";

/// Where the tests look for it; they know it by this name too
/// (`tests/judges/coreos_installer/mod.rs`).
const FOLDER: &str = "target/xtask/coreos-installer-0.27.0";

/// The built program, where it is.
pub fn program() -> Option<PathBuf> {
    Path::new(FOLDER)
        .join("bin/coreos-installer")
        .canonicalize()
        .ok()
}

/// A live image of the newest layout, compressed by xz, where it is.
pub fn live_image() -> Option<PathBuf> {
    Path::new(FOLDER)
        .join("fixtures/embed-areas-2023-07.x86_64.iso.xz")
        .canonicalize()
        .ok()
}

/// Fetches and builds the published crate if that was not done yet, and returns a note of it.
pub fn install() -> anyhow::Result<String> {
    let folder = Path::new(FOLDER);
    if folder.join("fixtures").exists() && program().is_some() {
        return Ok("coreos-installer is there".to_owned());
    }
    fs::create_dir_all(folder).with_context(|| format!("making {FOLDER}"))?;
    let folder = folder.canonicalize().context("finding its folder")?;
    if program().is_none() {
        run(Command::new("cargo")
            .args(["install", "--locked", "--no-track", "coreos-installer"])
            .args(["--version", VERSION, "--root"])
            .arg(&folder)
            // Kept until it is done, so that an interrupted build goes on.
            .env("CARGO_TARGET_DIR", folder.join("build")))
        .context("building coreos-installer")?;
        fs::remove_dir_all(folder.join("build")).context("removing what it was built from")?;
    }
    fixtures(&folder)?;
    Ok(format!("built coreos-installer {VERSION}"))
}

/// Copies the live images out of the crate's sources, which cargo has unpacked in its own folder.
fn fixtures(folder: &Path) -> anyhow::Result<()> {
    let unfinished = folder.join("fixtures.new");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).context("removing unfinished test images")?;
    }
    fs::create_dir_all(&unfinished).context("making a folder for test images")?;
    let source = sources()?.join("fixtures/iso");
    let mut count = 0;
    for entry in fs::read_dir(&source).with_context(|| format!("reading {}", source.display()))? {
        let path = entry.context("reading the crate's test images")?.path();
        let Some(name) = path
            .file_name()
            .filter(|_| path.extension().is_some_and(|e| e == "xz"))
        else {
            continue;
        };
        fs::copy(&path, unfinished.join(name))
            .with_context(|| format!("copying {}", path.display()))?;
        count += 1;
    }
    if count == 0 {
        bail!("{} has no test images", source.display());
    }
    fs::rename(&unfinished, folder.join("fixtures")).context("renaming the folder of test images")
}

/// The folder into which cargo unpacked the crate.
fn sources() -> anyhow::Result<PathBuf> {
    let home = match std::env::var_os("CARGO_HOME") {
        Some(home) => PathBuf::from(home),
        None => std::env::home_dir()
            .context("finding the home folder")?
            .join(".cargo"),
    };
    let registries = home.join("registry/src");
    let entries =
        fs::read_dir(&registries).with_context(|| format!("reading {}", registries.display()))?;
    for entry in entries {
        let registry = entry.context("reading cargo's registries")?.path();
        let found = registry.join(format!("coreos-installer-{VERSION}"));
        if found.exists() {
            return Ok(found);
        }
    }
    bail!(
        "{} has no sources of coreos-installer {VERSION}",
        registries.display()
    )
}
