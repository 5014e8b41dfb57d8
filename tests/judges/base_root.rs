//! The Debian base of nodes as a folder, whose programs run the scripts of nodes.
//!
//! Debian packages that must be there: squashfs-tools util-linux.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use imgbuild::base::{BaseRequest, ensure};
use imgbuild::cache::Cache;
use imgbuild::facts::debian::BaseKind;
use imgbuild::facts::kernel::KernelFlavor;
use imgbuild::lock::Lock;
use imgbuild::names::Arch;
use imgbuild::progress::Silent;

use crate::patience::{PROGRAM, computed};

/// The base's root, unpacked. Programs run in it without the machine's network.
pub struct Root(tempfile::TempDir);

impl Root {
    /// The base comes from the cache that all tests share.
    pub fn new() -> Self {
        Self::of(BaseKind::new(Arch::Amd64, KernelFlavor::Generic))
    }

    /// The root of a base of another kind.
    pub fn of(kind: BaseKind) -> Self {
        let cache = std::env::var_os("IMGBUILD_TEST_CACHE").map_or_else(
            || Path::new(env!("CARGO_TARGET_TMPDIR")).join("base-cache"),
            PathBuf::from,
        );
        let request = BaseRequest {
            kind,
            mirror: None,
            offline: false,
            locked: false,
            allow_old_indexes: std::env::var_os("IMGBUILD_ALLOW_OLD_INDEXES").is_some(),
            cache: Cache::new(cache),
        };
        let base = ensure(&request, &mut Lock::default(), &Silent).unwrap();
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let root = folder.path().join("root");
        let unpacked = Command::new("unsquashfs")
            .args(["-no-progress", "-quiet", "-no-xattrs", "-dest"])
            .arg(&root)
            .arg(base.root.as_ref().expect("a root image"))
            .args([
                "bin",
                "sbin",
                "lib",
                "lib64",
                "etc",
                "usr/bin",
                "usr/sbin",
                "usr/lib/x86_64-linux-gnu",
                "usr/lib64",
            ])
            .stdout(Stdio::null())
            .status()
            .expect("starting unsquashfs (Debian package squashfs-tools)");
        // Owners and devices want root; the rest is there all the same.
        assert!(matches!(unpacked.code(), Some(0 | 2)), "unsquashfs failed");
        let root = Self(folder);
        for empty in ["proc", "dev", "tmp", "var/usrlocal"] {
            fs::create_dir_all(root.path(empty)).unwrap();
        }
        std::os::unix::fs::symlink("../var/usrlocal", root.path("usr/local")).unwrap();
        root
    }

    /// Writes a file of a node into it.
    pub fn lay(&self, path: &str, bytes: &[u8], mode: u32) {
        // The link of the base is absolute from the root's own view.
        let path = path.replace("/usr/local", "/var/usrlocal");
        let path = self.path(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join("root").join(path)
    }

    /// Runs `script` with bash in the root: processes and network of its own, which end with it.
    /// `prelude` comes before it, and is not shown where it fails.
    pub fn run(&self, prelude: &str, script: &str) -> String {
        let child = Command::new("unshare")
            .args(["--user", "--map-root-user", "--net", "--mount"])
            .args(["--pid", "--fork", "--kill-child"])
            .arg("--root")
            .arg(self.path(""))
            .args(["/usr/bin/bash", "-c"])
            .arg(format!(
                "set -eu; mount -t proc proc /proc; ip link set lo up\n{prelude}\n{script}"
            ))
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starting unshare (Debian package util-linux)");
        let process = child.id();
        let done = PROGRAM.finish("the script's end", child, || computed(process));
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{script}: {said}\n{complaint}");
        said
    }
}
