//! A folder with a spec, and what imgbuild makes of it.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// Flatcar's PXE files by their names: stand-ins whose lengths are no multiples of anything.
pub const KERNEL: (&str, &[u8]) = ("flatcar_production_pxe.vmlinuz", b"stand-in for a kernel");
pub const INITRD: (&str, &[u8]) = (
    "flatcar_production_pxe_image.cpio.gz",
    b"stand-in for an initrd, which imgbuild does not look into",
);

/// The spec's head.
pub const HEAD: &str = "version: 1\ntarget: flatcar\nhostname: kube1\n";

/// `base:` of the stand-ins beside the spec.
pub const BASE: &str = "base:\n  kernel: {source: flatcar_production_pxe.vmlinuz}\n  initrd: {source: ./flatcar_production_pxe_image.cpio.gz}\n";

pub struct Project(tempfile::TempDir);

impl Project {
    /// A folder with `spec`, the stand-ins, and a cache of its own.
    pub fn new(spec: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in [KERNEL, INITRD] {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        fs::write(folder.path().join("node.yaml"), spec).unwrap();
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `imgbuild node.yaml ARGUMENTS`.
    pub fn try_build(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_imgbuild"))
            .current_dir(self.0.path())
            .env("IMGBUILD_CACHE", self.path("cache"))
            .arg("node.yaml")
            .args(arguments)
            .output()
            .unwrap()
    }

    /// The same, and it must succeed. Gives the output's path.
    pub fn build(&self, output: &str, arguments: &[&str]) -> PathBuf {
        let run = self.try_build(&[&["-o", output], arguments].concat());
        assert!(run.status.success(), "{}", said(&run));
        self.path(output)
    }

    /// The same, and it must fail for a reason that contains `why`.
    pub fn refuses(&self, arguments: &[&str], why: &str) {
        let run = self.try_build(arguments);
        let said = said(&run);
        assert!(!run.status.success(), "{arguments:?} succeeds");
        assert!(said.contains(why), "{said}");
    }
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
