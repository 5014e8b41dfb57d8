//! Images of programs as systemd-sysext takes them. Needs the Debian packages cpio,
//! squashfs-tools, systemd and util-linux.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::projects::{Project, said};

pub const PROGRAMS: [&str; 6] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubectl",
    "kubelet",
];
pub const PLUGINS: [&str; 4] = ["bridge", "host-local", "loopback", "portmap"];

/// The head of a program for amd64, and no more: nothing here runs it.
pub fn program(name: &str) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(18, 0);
    bytes.extend([62, 0]);
    bytes.extend(name.as_bytes());
    bytes
}

/// Writes all programs and plugins into the project's folder `programs`.
pub fn write_programs(project: &Project) {
    let folder = project.path("programs");
    fs::create_dir(&folder).unwrap();
    for name in PROGRAMS.iter().chain(&PLUGINS) {
        fs::write(folder.join(name), program(name)).unwrap();
    }
}

/// Unpacks what lies behind the system's own part of `initrd`, as the kernel does, into `to`.
pub fn unpack(initrd: &Path, own: &[u8], to: &Path) {
    let bytes = fs::read(initrd).unwrap();
    assert!(bytes.starts_with(own), "the system's own is as it was");
    let start = own.len().next_multiple_of(4);
    assert!(bytes[own.len()..start].iter().all(|byte| *byte == 0));
    fs::create_dir(to).unwrap();
    let archive = to.with_extension("cpio");
    fs::write(&archive, &bytes[start..]).unwrap();
    let run = Command::new("cpio")
        .args(["--extract", "--quiet", "--preserve-modification-time"])
        .current_dir(to)
        .stdin(fs::File::open(archive).unwrap())
        .output()
        .expect("starting cpio (Debian package cpio)");
    assert!(run.status.success(), "{}", said(&run));
}

/// A root with a system's release and the files of the extension `image` as an extension of it.
pub fn root(at: PathBuf, image: &Path, release: &str) -> PathBuf {
    fs::create_dir_all(at.join("usr/lib")).unwrap();
    fs::create_dir_all(at.join("etc/extensions")).unwrap();
    fs::write(at.join("usr/lib/os-release"), release).unwrap();
    symlink("../usr/lib/os-release", at.join("etc/os-release")).unwrap();
    let run = Command::new("unsquashfs")
        .args(["-quiet", "-no-progress", "-no-xattrs", "-dest"])
        .arg(at.join("etc/extensions/kubernetes"))
        .arg(image)
        .output()
        .expect("starting unsquashfs (Debian package squashfs-tools)");
    assert!(run.status.success(), "{}", said(&run));
    at
}

/// Has systemd-sysext merge what it finds in `root`, and lists files below its /usr. All in
/// namespaces of its own.
pub fn merged(root: &Path) -> String {
    const SCRIPT: &str = "\
mount --make-rshared /
mount -t tmpfs tmpfs /run
mount --make-shared /run
mkdir /run/systemd
systemd-sysext --root=\"$1\" merge
cd \"$1/usr\"
find . -type f | sort
";
    let run = Command::new("unshare")
        .args([
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-euc",
            SCRIPT,
            "sysext",
        ])
        .arg(root)
        .output()
        .expect("starting unshare (Debian package util-linux)");
    let said = said(&run) + &String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}");
    said
}
