//! Other systems' way of booting, with Debian's kernel and stand-ins for their initrds: does the
//! config lie where the system's first boot looks for it, with the kernel arguments that make it
//! look?

pub mod fedora_coreos;
pub mod flatcar;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use imgbuild::cache::Cache;
use imgbuild::formats::cpio::Archive;
use imgbuild::names::Arch;
use imgbuild::qemu::{Firmware, Machine, Medium};
use sha2::{Digest, Sha256};

use crate::guest::Guest;
use crate::lab::{self, Lab};

/// What a stand-in says last.
const END: &str = "stand-in: end";

/// How a stand-in's first program begins: it tells the kernel's arguments.
const BEGINNING: &str = "\
#!/bin/busybox sh
/bin/busybox mkdir -p /proc
/bin/busybox mount -t proc proc /proc
for word in $(/bin/busybox cat /proc/cmdline); do
    echo \"stand-in: argument $word\"
done
";

/// A stand-in for an initrd: busybox, a first program that does `then`, and `files`. Needs
/// `busybox-static`.
fn initrd(then: &str, files: &[(&str, &[u8])]) -> Vec<u8> {
    let busybox = fs::read("/usr/bin/busybox")
        .or_else(|_| fs::read("/bin/busybox"))
        .expect("busybox (Debian package busybox-static)");
    let init = format!("{BEGINNING}{then}echo '{END}'\n/bin/busybox poweroff -f\n");
    let mut archive = Archive::new(Vec::new());
    archive.file("bin/busybox", 0o755, &busybox).unwrap();
    archive.file("init", 0o755, init.as_bytes()).unwrap();
    for (path, contents) in files {
        archive.file(path, 0o644, contents).unwrap();
    }
    archive.finish().unwrap()
}

/// The folder of Debian's base in the cache.
fn base() -> PathBuf {
    let run = Command::new(lab::program())
        .args(["base", "build"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "imgbuild failed: {said}");
    let id = String::from_utf8_lossy(&run.stdout).trim().to_owned();
    let cache: Cache = lab::cache();
    cache.base(&id)
}

/// SHA-256 in hexadecimal.
fn digest(bytes: &[u8]) -> String {
    let mut digest = String::new();
    for byte in Sha256::digest(bytes) {
        write!(digest, "{byte:02x}").unwrap();
    }
    digest
}

/// Boots a machine, and its console shows every line of `expected`.
fn boots(
    lab: &Lab,
    test: &str,
    (name, firmware, medium): (&str, Firmware, Medium),
    expected: &[&str],
) {
    let machine = Machine::new(name, Arch::Amd64, firmware, medium);
    let guest = Guest::start(lab, test, machine, None);
    guest.shows(END, 0);
    let console = guest.console.text();
    for line in expected {
        assert!(console.contains(line), "{name}: no `{line}`");
    }
    println!("{name}: the config is there");
}
