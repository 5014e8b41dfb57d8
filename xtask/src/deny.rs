//! Checks the dependencies: licenses, sources, bans and, where the database can be reached,
//! advisories.

use std::process::{Command, Stdio};

use anyhow::Context;

use crate::steps::{command, output};

/// Runs `cargo deny`, installing it if it is missing. The note says when advisories could not be
/// looked up.
pub fn check() -> anyhow::Result<String> {
    if output("cargo", &["deny", "--version"]).is_none() {
        // Unoptimized it compiles in half the time and still checks in seconds.
        command("cargo", &["install", "--locked", "--debug", "cargo-deny"])
            .context("installing cargo-deny")?;
    }
    command("cargo", &["deny", "check", "bans", "licenses", "sources"])?;
    // The advisories are a Git repository of its own, which a closed network does not reach.
    let fetched = Command::new("cargo")
        .args(["deny", "fetch", "db"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .output()
        .context("starting `cargo deny fetch`")?;
    if !fetched.status.success() {
        let why = "NOT checked against advisories: their database cannot be reached from here";
        println!("{why}");
        return Ok(why.to_owned());
    }
    command("cargo", &["deny", "check", "--disable-fetch", "advisories"])?;
    Ok("advisories too".to_owned())
}
