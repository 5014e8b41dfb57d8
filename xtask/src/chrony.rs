//! chronyd, which checks our settings for it. Debian's package would replace the machine's time
//! service, so it is unpacked and not installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::steps::run;

/// Where the tests look for it; they know it by this name too
/// (`tests/judges/fedora_coreos/time.rs`).
const FOLDER: &str = "target/xtask/chrony";

/// Fetches and unpacks the package if it is missing, and returns a note of that.
pub fn install() -> anyhow::Result<String> {
    let folder = Path::new(FOLDER);
    if folder.exists() {
        return Ok("chronyd is there".to_owned());
    }
    let unfinished = Path::new("target/xtask/chrony.new");
    if unfinished.exists() {
        fs::remove_dir_all(unfinished).context("removing an unfinished chrony")?;
    }
    // Lists and caches of our own: no root is needed, and the machine's own stay as they are.
    for name in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(unfinished.join(name)).context("making folders for apt")?;
    }
    let full = unfinished
        .canonicalize()
        .context("finding the folder for apt")?;
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.arg("-q").current_dir(&full);
        for (option, name) in [("Dir::State::lists", "lists"), ("Dir::Cache", "cache")] {
            command
                .arg("-o")
                .arg(format!("{option}={}", full.join(name).display()));
        }
        command.args(["-o", "Debug::NoLocking=true", "-o", "APT::Sandbox::User="]);
        command.args(arguments);
        command
    };
    run(&mut apt(&["update"])).context("asking for Debian's packages")?;
    run(&mut apt(&["download", "chrony"])).context("fetching chrony")?;
    let unpack = "dpkg-deb --extract chrony_*.deb .";
    run(Command::new("sh").args(["-euc", unpack]).current_dir(&full))
        .context("unpacking chrony")?;
    for name in ["lists", "cache"] {
        fs::remove_dir_all(full.join(name)).context("removing apt's folders")?;
    }
    fs::rename(unfinished, FOLDER).with_context(|| format!("renaming {}", unfinished.display()))?;
    Ok("unpacked chrony".to_owned())
}
