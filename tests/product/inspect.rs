//! `imgbuild inspect` of artifacts, by the command.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn imgbuild(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("imgbuild runs")
}

#[test]
fn what_was_built_is_shown_without_its_secrets() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let spec = "version: 1\nhostname: kube1\nusers: [{name: core, groups: [sudo]}]\netcd: {}\n\
                storage: {files: [{path: /etc/motd, mode: 0640, overwrite: true, contents: {inline: hello}}]}\n";
    fs::write(folder.join("node.yaml"), spec).expect("writes");
    for (artifact, kind) in [
        ("node.ign", "an Ignition config"),
        ("node.cpio", "a node's payload"),
        ("node.cpio.zst", "a node's payload"),
    ] {
        let built = imgbuild(folder, &["node.yaml", "-o", artifact]);
        assert!(built.status.success(), "{built:?}");
        let shown = imgbuild(folder, &["inspect", artifact]);
        let text = String::from_utf8_lossy(&shown.stdout);
        assert!(shown.status.success(), "{shown:?}");
        for line in [
            &format!("{artifact}: {kind}"),
            "  node        kube1",
            "  Ignition    3.3.0, ",
            "  file /etc/motd  (0640)",
            "  user core",
            "  unit etcd.service  (enabled)",
            "  /etc/kubernetes/pki/etcd/ca.crt  CN=etcd-ca, by CN=etcd-ca, until ",
            "  /etc/kubernetes/pki/etcd/server.crt  CN=kube1, by CN=etcd-ca, until ",
        ] {
            let found = text.lines().any(|shown| shown.starts_with(line));
            assert!(found, "{artifact}: {line}\n{text}");
        }
        assert!(text.contains(" days left)"), "{text}");
        assert!(!text.contains("PRIVATE KEY"), "{text}");

        // Cut short, it is wrong input.
        let whole = fs::read(folder.join(artifact)).expect("was built");
        fs::write(folder.join("cut"), &whole[..whole.len() / 2]).expect("writes");
        let refused = imgbuild(folder, &["inspect", "cut"]);
        assert_eq!(refused.status.code(), Some(2), "{artifact}: {refused:?}");
    }
    let missing = imgbuild(folder, &["inspect", "missing.iso"]);
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
    let of_spec = imgbuild(folder, &["inspect", "node.ign", "--node", "kube1"]);
    assert_eq!(of_spec.status.code(), Some(2), "{of_spec:?}");
}
