//! Inputs that are made to hurt, given to the command: each is refused with a message, within a
//! limit of memory and of processor time. Specs of this kind are in `product/specs/hostile.rs`.

mod archives;
mod artifacts;
mod configs;
mod images;
mod registries;
mod small_files;

use std::path::Path;
use std::process::{Command, Output};

/// The most memory, in KiB: 256 MB, and what the program itself and its libraries are mapped to.
const MEMORY: u64 = 256_000 + 64_000;

/// The most seconds of a processor, for a program that is not optimized.
const SECONDS: u64 = 60;

/// Runs `imgbuild` in `folder` within the limits, which the kernel enforces.
pub fn limited(folder: &Path, arguments: &[&str]) -> Output {
    let script = format!("ulimit -v {MEMORY} && ulimit -t {SECONDS} && exec \"$0\" \"$@\"");
    Command::new("sh")
        .args(["-c", &script, env!("CARGO_BIN_EXE_imgbuild")])
        .args(arguments)
        .current_dir(folder)
        .env("IMGBUILD_CACHE", folder.join("cache"))
        // Each further pool reserves 64 MiB and uses none of it.
        .env("MALLOC_ARENA_MAX", "1")
        .env_remove("DOCKER_CONFIG")
        .env("HOME", folder)
        .output()
        .expect("sh runs")
}

/// Runs `imgbuild`, which has to end with the exit status `code` and say `why`.
pub fn refused(name: &str, folder: &Path, arguments: &[&str], code: i32, why: &str) {
    let output = limited(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(code),
        "{name}: {arguments:?}: {}: {said}",
        output.status
    );
    assert!(said.contains(why), "{name}: {arguments:?}: {said}");
}
