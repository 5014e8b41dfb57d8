//! What outputs replace, and what they leave alone.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

fn imgbuild(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args(arguments)
        .current_dir(folder)
        .env("IMGBUILD_CACHE", folder.join("cache"))
        .output()
        .expect("imgbuild runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// An output by any name that is the spec, a part of it, the lock or a key.
#[test]
fn nothing_replaces_what_it_is_made_from() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("writes");
    write(
        "node.yaml",
        "version: 1\nhostname: a\ninclude: [part.yaml]\n",
    );
    write("part.yaml", "etcd: {}\n");
    write("imgbuild.lock", "{\"version\": 1}\n");
    write("config.ign", r#"{"ignition":{"version":"3.3.0"}}"#);
    let built = imgbuild(folder, &["node.yaml", "-o", "node.ign"]);
    assert!(built.status.success(), "{}", said(&built));
    symlink("node.yaml", folder.join("link.ign")).expect("links");
    fs::hard_link(folder.join("part.yaml"), folder.join("hard.ign")).expect("links");
    fs::hard_link(folder.join("keys/etcd/ca.key"), folder.join("key.ign")).expect("links");
    symlink("keys", folder.join("other")).expect("links");
    fs::create_dir(folder.join("sub")).expect("creates");
    let before = contents(folder);
    let spec = |output| ["node.yaml", "--format", "ignition", "-o", output];
    for (output, what) in [
        ("node.yaml", "the spec"),
        ("sub/../node.yaml", "the spec"),
        ("link.ign", "the spec"),
        ("part.yaml", "part of the spec"),
        ("hard.ign", "part of the spec"),
        ("imgbuild.lock", "the lock"),
        ("keys/etcd/ca.key", "part of the key folder"),
        ("key.ign", "part of the key folder"),
        ("keys/new.ign", "part of the key folder"),
        ("other/etcd/new.ign", "part of the key folder"),
        ("keys/", "part of the key folder"),
    ] {
        refused(&imgbuild(folder, &spec(output)), output, what);
        assert_eq!(contents(folder), before, "{output}");
    }
    for (arguments, what) in [
        (
            &[
                "import",
                "config.ign",
                "--target",
                "flatcar",
                "-o",
                "config.ign",
            ][..],
            "the config",
        ),
        (
            &[
                "embed",
                "--pxe",
                "--ignition",
                "config.ign",
                "-o",
                "config.ign",
            ],
            "the config",
        ),
        (
            &[
                "embed",
                "--pxe",
                "--network-keyfile",
                "config.ign",
                "-o",
                "config.ign",
            ],
            "a keyfile",
        ),
    ] {
        refused(&imgbuild(folder, arguments), "config.ign", what);
        assert_eq!(contents(folder), before, "{arguments:?}");
    }
    let again = imgbuild(folder, &["node.yaml", "-o", "node.ign"]);
    assert!(again.status.success(), "{}", said(&again));
}

fn refused(output: &Output, name: &str, what: &str) {
    let said = said(output);
    assert_eq!(output.status.code(), Some(2), "{name}: {said}");
    let message = format!("is {what}, which an output must not replace");
    assert!(said.contains(&message), "{name}: {said}");
}

/// The files below `folder`, but for locks.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("reads") {
        let path = entry.expect("reads").path();
        let name = path.display().to_string();
        if path.is_dir() {
            if !name.ends_with("cache") {
                found.extend(contents(&path));
            }
        } else if path.file_name().is_some_and(|name| name != ".lock") {
            found.push((name, fs::read(&path).expect("reads")));
        }
    }
    found.sort();
    found
}

/// A folder to boot from a network, of a system that needs no base.
fn tree(folder: &Path, rest: &str) -> Output {
    let head = "version: 1\ntarget: flatcar\nhostname: a\nbase: {kernel: {source: kernel}, initrd: {source: initrd}}\n";
    fs::write(folder.join("kernel"), "kernel").expect("writes");
    fs::write(folder.join("initrd"), "initrd").expect("writes");
    fs::write(folder.join("node.yaml"), format!("{head}{rest}")).expect("writes");
    imgbuild(folder, &["node.yaml", "-o", "tree/"])
}

#[test]
fn a_tree_keeps_what_the_user_put_into_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let first = tree(folder, "");
    assert!(first.status.success(), "{}", said(&first));
    let at = |name: &str| folder.join("tree").join(name);
    let settings = fs::read_to_string(at("dnsmasq.conf")).expect("is there");
    let filled_in = settings.replace("#tftp-root=/srv/pxe", "tftp-root=/srv/tree");
    assert_ne!(filled_in, settings);
    fs::write(at("dnsmasq.conf"), &filled_in).expect("writes");
    fs::write(at("ipxe.efi"), "a program").expect("writes");

    let card = "network: {interfaces: [{name: e, mac: '52:54:00:77:00:11', dhcp: true}]}\n";
    let second = tree(folder, card);
    let told = said(&second);
    assert!(second.status.success(), "{told}");
    assert!(
        told.contains("tree/dnsmasq.conf was changed since imgbuild wrote it"),
        "{told}"
    );
    assert_eq!(
        fs::read_to_string(at("dnsmasq.conf")).expect("stays"),
        filled_in
    );
    assert_eq!(fs::read(at("ipxe.efi")).expect("stays"), b"a program");
    let new = fs::read_to_string(at("dnsmasq.conf.new")).expect("is beside it");
    assert!(new.contains("52:54:00:77:00:11"), "{new}");
    assert!(at("machines/52-54-00-77-00-11.ipxe").exists());

    // What was written for a card that is gone goes with it.
    let third = tree(folder, "");
    assert!(third.status.success(), "{}", said(&third));
    assert!(!at("machines/52-54-00-77-00-11.ipxe").exists());
    assert_eq!(
        fs::read_to_string(at("dnsmasq.conf")).expect("stays"),
        filled_in
    );
    assert_eq!(fs::read(at("ipxe.efi")).expect("stays"), b"a program");
}

/// W0212: where machines fetch their keys over a network.
#[test]
fn private_keys_on_the_network_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let without = tree(folder, "");
    assert!(without.status.success(), "{}", said(&without));
    assert!(!said(&without).contains("W0212"), "{}", said(&without));
    let with = tree(folder, "etcd: {}\n");
    let told = said(&with);
    assert!(with.status.success(), "{told}");
    assert!(
        told.contains("warning[W0212]: private keys of a are sent over the network"),
        "{told}"
    );
    let own = "storage: {files: [{path: /etc/a, mode: 0600, contents: {inline: '-----BEGIN PRIVATE KEY-----'}}]}\n";
    let with = tree(folder, own);
    assert!(said(&with).contains("W0212"), "{}", said(&with));
    for (output, is_told) in [("a.ign", false), ("a.cpio", false), ("tree/", true)] {
        let built = imgbuild(folder, &["node.yaml", "-o", output]);
        assert!(built.status.success(), "{}", said(&built));
        assert_eq!(said(&built).contains("W0212"), is_told, "{output}");
    }
    let core = format!("version: 1\ntarget: fedora-coreos\nhostname: a\n{own}");
    fs::write(folder.join("core.yaml"), core).expect("writes");
    let embed = [
        "embed",
        "--pxe",
        "--ignition",
        "core.yaml",
        "-o",
        "core.img",
    ];
    let embedded = imgbuild(folder, &embed);
    assert!(embedded.status.success(), "{}", said(&embedded));
    assert!(said(&embedded).contains("W0212"), "{}", said(&embedded));
    let json = imgbuild(
        folder,
        &["node.yaml", "-o", "tree/", "--message-format", "json"],
    );
    assert!(said(&json).contains(r#""code":"W0212""#), "{}", said(&json));
}
