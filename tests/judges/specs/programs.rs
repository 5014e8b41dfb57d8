//! Keys that `ssh-keygen` made, and limits that the kernel holds the program to.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::Path;

use imgbuild::diagnostic::Sources;
use imgbuild::spec::load;

const HEAD: &str = "version: 1\nhostname: kube1\n";

/// Writes `text` as `name` into `folder`.
fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    fs::write(folder.join(name), text).expect("writing a file");
}

/// `ssh-keygen`'s keys of every type are keys.
#[test]
fn keys_of_every_type() {
    let folder = tempfile::tempdir().expect("a folder");
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let status = std::process::Command::new("ssh-keygen")
            .args(["-q", "-t", kind, "-N", "", "-f"])
            .arg(folder.path().join(kind))
            .status()
            .expect("this test needs ssh-keygen (Debian: openssh-client)");
        assert!(status.success(), "{kind}");
    }
    write(
        folder.path(),
        "node.yaml",
        "version: 1\nhostname: kube1\nusers: [{name: core, ssh_authorized_keys_local: ['*.pub']}]\n",
    );
    let mut sources = Sources::default();
    let loaded = load(&folder.path().join("node.yaml"), None, &mut sources);
    let loaded = loaded.expect("nothing is wrong");
    assert_eq!(loaded.diagnostics, []);
    let user = &loaded.cluster.nodes[0].users[0];
    assert_eq!(
        loaded
            .files
            .ssh_keys(&user.ssh_authorized_keys_local[0])
            .len(),
        3
    );
}

/// The whole program, held by the kernel to one second of processor time and 200 MB of address
/// space.
#[test]
fn the_program_stays_small() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut laughs = format!("{HEAD}a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..20 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        writeln!(laughs, "a{level}: &a{level} [{before}]").expect("a string");
    }
    let large = File::create(folder.path().join("large.yaml")).expect("making a file");
    large.set_len(100_000_000).expect("making it large");
    write(folder.path(), "laughs.yaml", laughs);
    write(
        folder.path(),
        "deep.yaml",
        format!("{HEAD}users: {}", "[".repeat(1_000_000)),
    );
    write(
        folder.path(),
        "latin.yaml",
        b"version: 1\nhostname: k\xfcbe\n",
    );
    write(
        folder.path(),
        "wide.yaml",
        format!("{HEAD}modules: [{}]\n", "a,".repeat(500_000)),
    );
    for (name, code) in [
        ("large", "E0002"),
        ("laughs", "E0006"),
        ("deep", "E0005"),
        ("latin", "E0003"),
        ("wide", "E0006"),
    ] {
        let output = std::process::Command::new("prlimit")
            .args([
                "--cpu=1",
                "--as=200000000",
                env!("CARGO_BIN_EXE_imgbuild"),
                "check",
            ])
            .arg(folder.path().join(format!("{name}.yaml")))
            .output()
            .expect("this test needs prlimit (Debian: util-linux)");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains(code), "{name}: {said}");
    }
}
