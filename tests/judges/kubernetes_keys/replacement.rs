//! Authorities and leaves that are replaced.

use std::fs;
use std::path::Path;

use crate::kubernetes_keys::project::{CERTIFICATE, files, good, run, single, text, verify_leaves};

#[test]
fn authorities_are_replaced_in_three_steps() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = single(folder.path(), "");
    let spec = text(&spec);
    let keys = folder.path().join("keys");
    good(&["keys", "init", spec]);
    let read = |file: &str| fs::read_to_string(keys.join(file)).expect("there");
    let (first, first_key, first_sa) = (read("ca.crt"), read("ca.key"), read("sa.key"));
    let on_node = |path: &str| {
        let all = files(Path::new(spec), "kube1");
        let found = all.into_iter().find(|(at, _)| at == path);
        found.map(|(_, text)| text)
    };
    let count = |text: Option<String>, what: &str| text.expect("there").matches(what).count();
    let refused = |step: &str, words: &str| {
        let (status, _, err) = run(&["keys", "rotate", spec, "--ca", step]);
        assert_eq!(status, 1, "{step}");
        assert!(err.contains(words), "{step}: {err}");
    };
    refused("issue", "start with `--ca trust`");
    refused("drop", "has no predecessor to drop");

    good(&["keys", "rotate", spec, "--ca", "trust"]);
    refused("trust", "continue with `--ca issue`");
    assert_eq!(read("ca.crt"), first);
    assert_eq!(count(on_node("/etc/kubernetes/pki/ca.crt"), CERTIFICATE), 2);
    assert_eq!(
        count(on_node("/etc/kubernetes/pki/etcd/ca.crt"), CERTIFICATE),
        2
    );
    assert_eq!(count(on_node("/etc/kubernetes/pki/sa.pub"), "BEGIN"), 2);
    // The controller manager refuses a file of two to sign with.
    assert_eq!(
        on_node("/etc/kubernetes/pki/ca-signing.crt").as_ref(),
        Some(&first)
    );
    assert_eq!(verify_leaves(&keys), 14);
    let leaf = read("nodes/kube1/kubernetes/apiserver.crt");

    good(&["keys", "rotate", spec, "--ca", "issue"]);
    refused("issue", "continue with `--ca drop`");
    assert_ne!(read("ca.crt"), first);
    assert_eq!(read("ca.old.crt"), first);
    assert_ne!(read("nodes/kube1/kubernetes/apiserver.crt"), leaf);
    assert_eq!(count(on_node("/etc/kubernetes/pki/ca.crt"), CERTIFICATE), 2);
    assert_eq!(
        on_node("/etc/kubernetes/pki/ca-signing.crt"),
        Some(read("ca.crt"))
    );
    assert_eq!(verify_leaves(&keys), 14);

    good(&["keys", "rotate", spec, "--ca", "drop"]);
    assert_eq!(on_node("/etc/kubernetes/pki/ca.crt"), Some(read("ca.crt")));
    assert_eq!(on_node("/etc/kubernetes/pki/ca-signing.crt"), None);
    assert_eq!(count(on_node("/etc/kubernetes/pki/sa.pub"), "BEGIN"), 1);
    assert_eq!(verify_leaves(&keys), 14);
    // Nothing is lost.
    let archive = fs::read_dir(keys.join("old"))
        .expect("an archive")
        .next()
        .expect("one")
        .expect("readable")
        .path();
    for (file, text) in [
        ("ca.crt", first),
        ("ca.key", first_key),
        ("sa.key", first_sa),
    ] {
        assert_eq!(fs::read_to_string(archive.join(file)).expect("kept"), text);
    }
}

#[test]
fn leaves_are_made_anew_and_the_old_ones_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = single(folder.path(), "");
    let spec = text(&spec);
    let keys = folder.path().join("keys");
    good(&["keys", "init", spec]);
    let read = |file: &str| fs::read_to_string(keys.join(file)).expect("there");
    let before = |file: &str| (file.to_owned(), read(file));
    let proxy = before("nodes/kube1/kubernetes/kube-proxy.key");
    let server = before("nodes/kube1/kubernetes/apiserver.key");
    let authority = before("ca.key");
    let (status, _, err) = run(&["keys", "rotate", spec, "kube9"]);
    assert_eq!(status, 1);
    assert!(err.contains("matches `kube9`"), "{err}");
    good(&["keys", "rotate", spec, "apiserver"]);
    assert_ne!(read(&server.0), server.1);
    assert_eq!(read(&proxy.0), proxy.1);
    good(&["keys", "rotate", spec]);
    assert_ne!(read(&proxy.0), proxy.1);
    assert_eq!(read(&authority.0), authority.1);
    assert_eq!(verify_leaves(&keys), 14);
    let archives = fs::read_dir(keys.join("old")).expect("an archive");
    assert!(
        archives
            .map(|entry| entry.expect("readable").path().join(&server.0))
            .filter_map(|path| fs::read_to_string(path).ok())
            .any(|text| text == server.1)
    );
    assert!(!good(&["keys", "list", spec]).contains("old/"));
}
