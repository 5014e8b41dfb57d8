//! A test's own folder: specs, a key for SSH, and what imgbuild makes of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use imgbuild::cache::Cache;

/// A kernel argument for every machine. The kernel's test of the timer's interrupt counts ticks by
/// the processor's clock; it panics ("IO-APIC + timer doesn't work!") where other programs hold up
/// an emulator (kernel `Documentation/admin-guide/kernel-parameters.txt`).
pub const UNTIMED: &str = "no_timer_check";

/// A folder that goes with the test. It lies under `target/`, for images are large.
pub struct Lab {
    folder: tempfile::TempDir,
    /// The public half of the key that every node of the lab knows, as a line of `authorized_keys`.
    pub public_key: String,
}

impl Lab {
    /// A folder with a new key; needs `ssh-keygen` (Debian package `openssh-client`).
    pub fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("boot-")
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
            .unwrap();
        let key = folder.path().join("ssh-key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f"])
            .arg(&key)
            .status()
            .expect("starting ssh-keygen (Debian package openssh-client)");
        assert!(made.success(), "ssh-keygen failed");
        let public_key = fs::read_to_string(key.with_extension("pub")).unwrap();
        Self {
            public_key: public_key.trim().to_owned(),
            folder,
        }
    }

    /// The private half of the key.
    pub fn key(&self) -> PathBuf {
        self.path("ssh-key")
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file that specs may name and gives its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// Runs `imgbuild SPEC -o OUTPUT ARGUMENTS` and gives the output's path.
    pub fn build(&self, spec: &Path, output: &str, arguments: &[&str]) -> PathBuf {
        let output = self.path(output);
        let start = Instant::now();
        let run = Command::new(program())
            .arg(spec)
            .arg("-o")
            .arg(&output)
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "imgbuild failed: {said}");
        let time = start.elapsed().as_secs_f32();
        println!(
            "built {} in {time:.1} s",
            output.file_name().unwrap().display()
        );
        output
    }

    /// Runs imgbuild in the folder and gives what it prints; it has to succeed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new(program())
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "imgbuild {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Makes the image of a disk of `size` bytes with the files of `folder`. Needs `mkfs.ext4` (Debian
/// package e2fsprogs).
pub fn disk_of(folder: &Path, disk: &Path, size: u64) -> PathBuf {
    imgbuild::qemu::create_disk(disk, size).unwrap();
    let made = Command::new("mkfs.ext4")
        .args(["-q", "-d"])
        .arg(folder)
        .arg(disk)
        .output()
        .expect("starting mkfs.ext4 (Debian package e2fsprogs)");
    assert!(made.status.success(), "{made:?}");
    disk.to_owned()
}

/// The cache that imgbuild takes bases from.
pub fn cache() -> Cache {
    Cache::locate(|variable| std::env::var_os(variable)).unwrap()
}

/// The imgbuild to test.
pub fn program() -> PathBuf {
    std::env::var_os("IMGBUILD_PROGRAM")
        .map_or_else(|| env!("CARGO_BIN_EXE_imgbuild").into(), PathBuf::from)
}
