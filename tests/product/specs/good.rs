//! Good specs: what is merged from where, what the local files hold, and that every place leads
//! back to the text.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use imgbuild::diagnostic::Sources;
use imgbuild::spec::{Loaded, TreeEntryKind, load};

use crate::specs::check::{lines, write};

/// Loads `node.yaml` of a folder, which has nothing wrong.
fn loaded(folder: &Path, sources: &mut Sources) -> Loaded {
    let loaded = match load(&folder.join("node.yaml"), Some(folder), sources) {
        Ok(loaded) => loaded,
        Err(diagnostics) => panic!("{}", lines(&diagnostics, sources, folder).join("\n")),
    };
    let said = lines(&loaded.diagnostics, sources, folder).join("\n");
    assert_eq!(said, "");
    loaded
}

#[test]
fn examples_are_good() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    for (name, nodes) in [
        ("etcd-node.yaml", 1),
        ("etcd-cluster.yaml", 3),
        ("full-node.yaml", 1),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEYSg9hGbKSkAWGFpVxlXKW9iNw1CmJDcrJ5mFvWTXIm lab\n";
        write(folder.path(), ".ssh/id_ed25519.pub", key);
        fs::copy(examples.join(name), folder.path().join("node.yaml")).expect("copying an example");
        let mut sources = Sources::default();
        let loaded = loaded(folder.path(), &mut sources);
        assert_eq!(loaded.cluster.nodes.len(), nodes, "{name}");
        let user = &loaded.cluster.nodes[0].users[0];
        let keys = loaded.files.ssh_keys(&user.ssh_authorized_keys_local[0]);
        assert_eq!(keys[0].as_str(), key.trim_end(), "{name}");
    }
}

/// The full example leaves out no section.
#[test]
fn the_full_example_is_full() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/full-node.yaml");
    let text = fs::read_to_string(path).expect("an example");
    for key in imgbuild::spec::Spec::KEYS {
        let there = text.lines().any(|line| {
            let line = line.strip_prefix("# ").unwrap_or(line);
            line.starts_with(&format!("{key}:"))
        });
        assert!(there, "{key}");
    }
}

#[test]
fn what_is_included_and_what_is_common() {
    let folder = tempfile::tempdir().expect("a folder");
    write(
        folder.path(),
        "node.yaml",
        "version: 1\n\
         cluster: {name: lab}\n\
         include: [site/common.yaml]\n\
         modules: [b]\n\
         sysctls: {vm.swappiness: 10}\n\
         nodes:\n\
         \x20 - hostname: kube1\n\
         \x20   include: role.yaml\n\
         \x20   modules: [c]\n\
         \x20 - hostname: kube2\n\
         \x20   etcd: ~\n\
         \x20   users: [{name: core, uid: 1001}, {name: two}]\n",
    );
    write(
        folder.path(),
        "site/common.yaml",
        "include: [deeper/more.yaml]\n\
         modules: [a, b]\n\
         sysctls: {vm.swappiness: 60, net.ipv4.ip_forward: 1}\n\
         users: [{name: core, uid: 1000, password_file: pw}]\n\
         etcd: {}\n",
    );
    write(folder.path(), "site/pw", "secret\n");
    write(
        folder.path(),
        "site/deeper/more.yaml",
        "swap: {zram: {size: 1GiB}}\n",
    );
    write(
        folder.path(),
        "role.yaml",
        "modules: [role]\nkernel: cloud\n",
    );
    let mut sources = Sources::default();
    let loaded = loaded(folder.path(), &mut sources);
    assert_eq!(
        loaded.cluster.name.as_ref().map(|name| name.as_str()),
        Some("lab")
    );
    let [kube1, kube2] = loaded.cluster.nodes.as_slice() else {
        panic!("two nodes");
    };
    let modules = |node: &imgbuild::spec::Spec| -> Vec<String> {
        node.modules
            .iter()
            .map(|module| module.as_str().to_owned())
            .collect()
    };
    assert_eq!(modules(kube1), ["a", "b", "role", "c"]);
    assert_eq!(modules(kube2), ["a", "b"]);
    let sysctls: Vec<String> = kube1
        .sysctls
        .iter()
        .map(|(key, value)| format!("{}={}", **key, **value))
        .collect();
    assert_eq!(sysctls, ["vm.swappiness=10", "net.ipv4.ip_forward=1"]);
    assert!(kube1.kernel.is_some() && kube2.kernel.is_none());
    assert!(kube1.etcd.is_some() && kube2.etcd.is_none());
    assert!(kube1.swap.is_some());
    let users: Vec<_> = kube2
        .users
        .iter()
        .map(|user| (user.name.as_str(), user.uid.map(|uid| uid.value)))
        .collect();
    assert_eq!(users, [("core", Some(1001)), ("two", None)]);

    // Every place leads to the file that says it, and a path starts from that file's folder.
    let place = |span| {
        sources
            .place(span)
            .replace(&format!("{}/", folder.path().display()), "")
    };
    assert_eq!(place(kube1.modules[0].span), "site/common.yaml:2:11");
    assert_eq!(place(kube1.modules[2].span), "role.yaml:1:11");
    assert_eq!(place(kube1.modules[3].span), "node.yaml:9:15");
    assert_eq!(place(kube1.sysctls[0].1.span), "node.yaml:5:26");
    assert_eq!(
        place(kube2.users[0].uid.expect("there").span),
        "node.yaml:12:31"
    );
    let password = kube1.users[0].password_file.as_ref().expect("there");
    assert_eq!(loaded.files.text(password), Some("secret\n"));
}

#[test]
fn local_files() {
    let folder = tempfile::tempdir().expect("a folder");
    write(
        folder.path(),
        "node.yaml",
        "version: 1\n\
         hostname: kube1\n\
         storage:\n\
         \x20 files: [{path: /a, contents: {local: files/a.bin}}]\n\
         \x20 trees: [{local: tree, path: /opt}]\n\
         systemd:\n\
         \x20 units: [{name: a.service, contents_local: files/a.service}]\n",
    );
    write(folder.path(), "files/a.bin", b"\x00\xff");
    write(folder.path(), "files/a.service", "[Unit]\n");
    write(folder.path(), "tree/z", "z");
    write(folder.path(), "tree/bin/run", "#!/bin/sh\n");
    let executable = fs::Permissions::from_mode(0o755);
    fs::set_permissions(folder.path().join("tree/bin/run"), executable).expect("a mode");
    symlink("../z", folder.path().join("tree/bin/link")).expect("making a link");
    symlink("/nowhere", folder.path().join("tree/dangling")).expect("making a link");
    let mut sources = Sources::default();
    let loaded = loaded(folder.path(), &mut sources);
    let node = &loaded.cluster.nodes[0];
    let storage = node.storage.as_ref().expect("there");
    let contents = storage.files[0].contents.as_ref().expect("there");
    let file = contents.local.as_ref().expect("there");
    assert_eq!(loaded.files.file(file), Some(&b"\x00\xff"[..]));
    let unit = &node.systemd.as_ref().expect("there").units[0];
    let text = unit.contents_local.as_ref().expect("there");
    assert_eq!(loaded.files.text(text), Some("[Unit]\n"));
    let tree = loaded.files.tree(&storage.trees[0].local).expect("there");
    let shown: Vec<String> = tree
        .iter()
        .map(|entry| match &entry.kind {
            TreeEntryKind::File {
                contents,
                executable,
            } => {
                format!("{} {} {executable}", entry.path, contents.len())
            }
            TreeEntryKind::Link { target } => format!("{} -> {target}", entry.path),
        })
        .collect();
    assert_eq!(
        shown,
        [
            "bin/link -> ../z",
            "bin/run 10 true",
            "dangling -> /nowhere",
            "z 1 false"
        ]
    );
}

/// Windows' line ends and byte order mark, and no line end at the end.
#[test]
fn line_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    write(
        folder.path(),
        "node.yaml",
        "\u{feff}version: 1\r\nhostname: kube1\r\nusers:\r\n  - name: core\r\n    groups: [sudo]",
    );
    let mut sources = Sources::default();
    let loaded = loaded(folder.path(), &mut sources);
    let user = &loaded.cluster.nodes[0].users[0];
    assert_eq!(sources.position(user.groups[0].span), (5, 14));
    assert_eq!(user.groups[0].as_str(), "sudo");
}
