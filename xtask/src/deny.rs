//! Checks the dependencies: licenses, sources, bans and advisories.

use std::process::{Command, Stdio};

use anyhow::Context;

use crate::steps::{Unchecked, command, output};

/// Runs `cargo deny` for what needs no network, installing it if it is missing.
pub fn check() -> anyhow::Result<String> {
    if output("cargo", &["deny", "--version"]).is_none() {
        // Unoptimized it compiles in half the time and still checks in seconds.
        command("cargo", &["install", "--locked", "--debug", "cargo-deny"])
            .context("installing cargo-deny")?;
    }
    command("cargo", &["deny", "check", "bans", "licenses", "sources"])?;
    Ok(String::new())
}

/// Looks for advisories. Their database is a Git repository of its own, which a closed network does
/// not reach: then nothing is known.
pub fn advisories() -> anyhow::Result<String> {
    let fetched = Command::new("cargo")
        .args(["deny", "fetch", "db"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .output()
        .context("starting `cargo deny fetch`")?;
    if !fetched.status.success() {
        let why = "NOT checked: the database of advisories cannot be reached from here";
        return Err(Unchecked(why.to_owned()).into());
    }
    command("cargo", &["deny", "check", "--disable-fetch", "advisories"])?;
    Ok(String::new())
}
