//! What imgbuild writes, seen from outside: the same bytes whenever and wherever, whole or not at
//! all, no identities inside.
//!
//! All need a base, which takes minutes to build where the cache has none, so they are `#[ignore]`d
//! and run by `cargo xtask test`. `IMGBUILD_PROGRAM` names another `imgbuild` than the one that
//! cargo built for the tests.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// A node and what it takes from other files.
const SPEC: &str = "\
version: 1
hostname: kube1
users:
  - {name: core, groups: [sudo], password_file: password}
network:
  interfaces:
    - {mac: '52:54:00:12:34:56', addresses: [192.168.1.10/24], gateway: 192.168.1.1}
etcd: {}
storage_device: /dev/vda
storage:
  files:
    - {path: /etc/lab/greeting, contents: {inline: hello}}
";

/// All formats: an output's name and what it needs said.
const OUTPUTS: [(&str, &[&str]); 7] = [
    ("node.ign", &[]),
    ("node.iso", &[]),
    ("node.cpio", &[]),
    ("node.cpio.gz", &[]),
    ("node.cpio.zst", &[]),
    ("node.initrd", &[]),
    ("tree", &["--format", "pxe"]),
];

/// The imgbuild to test.
fn program() -> PathBuf {
    std::env::var_os("IMGBUILD_PROGRAM")
        .map_or_else(|| env!("CARGO_BIN_EXE_imgbuild").into(), PathBuf::from)
}

/// A project of its own below `target/`, where images fit.
fn project() -> tempfile::TempDir {
    let folder = tempfile::Builder::new()
        .prefix("artifacts-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .unwrap();
    fs::write(folder.path().join("node.yaml"), SPEC).unwrap();
    fs::write(folder.path().join("password"), "correct horse\n").unwrap();
    fs::create_dir(folder.path().join("out")).unwrap();
    folder
}

/// `imgbuild node.yaml -o out/OUTPUT ARGUMENTS` in `folder`, before it runs.
fn command(folder: &Path, output: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .args(["node.yaml", "-o"])
        .arg(Path::new("out").join(output))
        .args(arguments)
        .current_dir(folder);
    command
}

/// Builds and must succeed.
fn build(folder: &Path, output: &str, arguments: &[&str]) {
    let done = command(folder, output, arguments).output().unwrap();
    assert!(done.status.success(), "{output}: {}", complaint(&done));
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn sha256(path: &Path) -> String {
    let mut file = fs::File::open(path).unwrap();
    let mut hasher = Sha256::new();
    let mut bytes = vec![0; 1 << 20];
    loop {
        let length = file.read(&mut bytes).unwrap();
        if length == 0 {
            return format!("{:x?}", hasher.finalize());
        }
        hasher.update(&bytes[..length]);
    }
}

/// All files below `folder`, by their path in it, with their digests.
fn contents(folder: &Path) -> BTreeMap<PathBuf, String> {
    fn add(root: &Path, folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(root, &path, found);
            } else {
                found.insert(path.strip_prefix(root).unwrap().into(), sha256(&path));
            }
        }
    }
    let mut found = BTreeMap::new();
    add(folder, folder, &mut found);
    found
}

/// Copies a folder with what is in it and who may read it.
fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_files(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

#[test]
#[ignore = "needs a base: cargo xtask test"]
fn two_folders_two_times_one_result() {
    let first = project();
    for (output, arguments) in OUTPUTS {
        build(first.path(), output, arguments);
    }
    let made = contents(&first.path().join("out"));
    // The second project has the first one's keys and lock, as a clone of a repository and its
    // secrets has.
    let second = project();
    copy_files(&first.path().join("keys"), &second.path().join("keys"));
    let lock = "imgbuild.lock";
    fs::copy(first.path().join(lock), second.path().join(lock)).unwrap();
    for (output, arguments) in OUTPUTS {
        // Over what an earlier run left as well as into an empty folder.
        build(
            second.path(),
            output,
            &[arguments, &["--locked", "--offline"]].concat(),
        );
        build(
            second.path(),
            output,
            &[arguments, &["--locked", "--offline"]].concat(),
        );
    }
    let made_again = contents(&second.path().join("out"));
    assert_eq!(made, made_again);
}

#[test]
#[ignore = "needs a base: cargo xtask test"]
fn killed_at_any_moment() {
    const KILLS: u32 = 50;
    let folder = project();
    build(folder.path(), "node.iso", &[]);
    // How long it takes with base, lock and keys already there.
    let start = Instant::now();
    build(folder.path(), "node.iso", &[]);
    let whole = start.elapsed();
    let expected = sha256(&folder.path().join("out/node.iso"));
    for (kill, moment) in moments(KILLS, whole).enumerate() {
        // Every second time from the start, with new keys; else with those of the build above.
        let fresh = kill % 2 == 0;
        let own = project();
        if !fresh {
            copy_files(&folder.path().join("keys"), &own.path().join("keys"));
        }
        let lock = "imgbuild.lock";
        fs::copy(folder.path().join(lock), own.path().join(lock)).unwrap();
        let after = format!("{:.3}", moment.as_secs_f64());
        let done = Command::new("timeout")
            .args(["--signal=KILL", &after])
            .arg(program())
            .args(["node.yaml", "-o", "out/node.iso"])
            .current_dir(own.path())
            .output()
            .unwrap();
        let was_killed = done.status.signal() == Some(9) || done.status.code() == Some(137);
        assert!(
            was_killed || done.status.success(),
            "after {after} s: {}",
            complaint(&done)
        );
        let left: Vec<PathBuf> = contents(&own.path().join("out")).into_keys().collect();
        let iso = own.path().join("out/node.iso");
        assert_eq!(
            iso.exists(),
            !left.is_empty(),
            "killed after {after} s, {left:?} is left"
        );
        if iso.exists() && !fresh {
            assert_eq!(sha256(&iso), expected, "killed after {after} s");
        }
        build(own.path(), "node.iso", &[]);
        if !fresh {
            assert_eq!(
                sha256(&iso),
                expected,
                "the build after one killed after {after} s"
            );
        }
    }
}

/// `count` moments of a stretch of time, one somewhere in each of as many equal parts of it. Where
/// in its part is drawn by a linear congruential generator (Knuth, MMIX), seeded with the process
/// id, which the test's output tells.
fn moments(count: u32, whole: Duration) -> impl Iterator<Item = Duration> {
    let mut state = u64::from(std::process::id());
    println!("{count} moments of {whole:?}, seed {state}");
    (0..count).map(move |part| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let within = f64::from(u32::try_from(state >> 32).unwrap()) / f64::from(u32::MAX);
        whole.mul_f64((f64::from(part) + within) / f64::from(count))
    })
}

#[test]
#[ignore = "needs a base: cargo xtask test"]
fn full_disk() {
    let folder = project();
    build(folder.path(), "node.iso", &[]);
    // A small file system for the output alone, in a name space of its own.
    let script = "mount -t tmpfs -o size=40m none out && \"$0\" node.yaml -o \"out/$1\" $2 $3; code=$?; ls -A out; exit $code";
    for (output, arguments) in OUTPUTS {
        let large = matches!(output, "node.iso" | "node.initrd" | "tree");
        let done = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
            .arg(program())
            .arg(output)
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .expect("starting unshare (Debian package util-linux)");
        let left = String::from_utf8_lossy(&done.stdout).trim().to_owned();
        let said = complaint(&done);
        if large {
            assert_eq!(done.status.code(), Some(1), "{output}: {said}");
            assert!(said.contains("No space left on device"), "{output}: {said}");
            assert_eq!(left, "", "{output}");
        } else {
            assert_eq!(done.status.code(), Some(0), "{output}: {said}");
            assert_eq!(left, output);
        }
    }
    build(folder.path(), "node.iso", &[]);
}

/// An image has neither SSH host keys nor a machine-id: each machine makes its own.
#[test]
#[ignore = "needs a base: cargo xtask test"]
fn no_identity_inside() {
    let folder = project();
    build(folder.path(), "node.iso", &[]);
    let root = folder.path().join("root.squashfs");
    let extracted = Command::new("xorriso")
        .args(["-osirrox", "on", "-indev", "out/node.iso"])
        .args(["-extract", "/imgbuild/root.squashfs"])
        .arg(&root)
        .current_dir(folder.path())
        .output()
        .expect("starting xorriso (Debian package xorriso)");
    assert!(extracted.status.success(), "{}", complaint(&extracted));
    let listed = Command::new("unsquashfs")
        .args(["-lls", "-dest", ""])
        .arg(&root)
        .output()
        .expect("starting unsquashfs (Debian package squashfs-tools)");
    assert!(listed.status.success(), "{}", complaint(&listed));
    let listing = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(
        listing.contains("/etc/ssh/sshd_config"),
        "not a listing: {listing}"
    );
    for line in listing.lines() {
        assert!(!line.contains("/etc/ssh/ssh_host_"), "a host key: {line}");
        assert!(
            !line.contains("/var/lib/dbus/machine-id"),
            "a machine-id: {line}"
        );
        let is_id = line.contains(" /etc/machine-id");
        // Mode, owner, size: an empty file asks systemd for a first boot.
        assert!(
            !is_id || line.split_whitespace().nth(2) == Some("0"),
            "a machine-id: {line}"
        );
    }
}
