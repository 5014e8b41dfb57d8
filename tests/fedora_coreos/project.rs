//! A folder with a spec and stand-ins for Fedora's files, and what imgbuild makes of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use imgbuild::read;

/// Stand-ins whose lengths are no multiples of anything.
pub const KERNEL: (&str, &[u8]) = ("live-kernel.x86_64", b"stand-in for a kernel");
pub const INITRD: (&str, &[u8]) = ("live-initramfs.x86_64.img", b"stand-in for an initrd");
pub const ROOT: (&str, &[u8]) = (
    "live-rootfs.x86_64.img",
    b"stand-in for an initrd with the root file system, raw",
);

/// The spec's head.
pub const HEAD: &str = "version: 1\ntarget: fedora-coreos\nhostname: kube1\n";

/// `base:` of the stand-ins beside the spec.
pub const BASE: &str = "base:\n  kernel: {source: live-kernel.x86_64}\n  initrd: {source: live-initramfs.x86_64.img}\n  \
                        rootfs: {source: live-rootfs.x86_64.img}\n";

pub struct Project(tempfile::TempDir);

impl Project {
    /// A folder with `spec`, the stand-ins, and a cache of its own.
    pub fn new(spec: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in [KERNEL, INITRD, ROOT] {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        fs::write(folder.path().join("node.yaml"), spec).unwrap();
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `imgbuild ARGUMENTS`.
    pub fn imgbuild(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_imgbuild"))
            .current_dir(self.0.path())
            .env("IMGBUILD_CACHE", self.path("cache"))
            .args(arguments)
            .output()
            .unwrap()
    }

    /// What `imgbuild ARGUMENTS` prints; it must succeed.
    pub fn prints(&self, arguments: &[&str]) -> String {
        let run = self.imgbuild(arguments);
        assert!(run.status.success(), "{arguments:?}: {}", said(&run));
        String::from_utf8(run.stdout).unwrap()
    }

    /// Builds the spec. Gives the output's path.
    pub fn build(&self, output: &str, arguments: &[&str]) -> PathBuf {
        self.prints(&[&["node.yaml", "-o", output], arguments].concat());
        self.path(output)
    }

    /// Builds the spec, which must fail as wrong input for a reason that contains `why`.
    pub fn refuses(&self, arguments: &[&str], why: &str) {
        let run = self.imgbuild(&[&["node.yaml"], arguments].concat());
        let said = said(&run);
        assert_eq!(run.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(why), "{said}");
    }
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The text files of a config, by path.
pub fn files(config: &Path) -> BTreeMap<String, String> {
    let laid = read::laid(&fs::read(config).unwrap()).unwrap();
    let files = laid.files.into_iter();
    files
        .map(|(path, bytes)| (path, String::from_utf8_lossy(&bytes).into_owned()))
        .collect()
}
