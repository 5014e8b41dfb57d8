//! What was made once is used again, as long as it is right.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use imgbuild::pki::{Access, KeyFolder, Keys};

use crate::member::{DAY, KUBE1, Member, contents, make, member_at, now, told};
use crate::randomness::Counter;

/// What happens to a folder between two builds.
type Change = fn(&Path);

#[test]
fn the_same_time_and_randomness_give_the_same_bytes() {
    let scratch = tempfile::tempdir().expect("a folder");
    for name in ["a", "b"] {
        make(&scratch.path().join(name));
    }
    assert_eq!(
        contents(&scratch.path().join("a")),
        contents(&scratch.path().join("b"))
    );
}

#[test]
fn what_was_made_is_kept() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    assert_eq!(
        told(&root, &KUBE1, now()),
        [
            "created etcd/ca.crt (CN=etcd-ca)",
            "created nodes/kube1/etcd/server.crt (CN=kube1)",
            "created nodes/kube1/etcd/peer.crt (CN=kube1)",
            "created nodes/kube1/etcd/healthcheck-client.crt (CN=kube-etcd-healthcheck-client)",
        ]
    );
    let before = contents(&root);
    assert_eq!(told(&root, &KUBE1, now() + 100 * DAY), [""; 0]);
    assert_eq!(contents(&root), before);
    for (name, mode, _) in before {
        assert_eq!(
            mode & 0o077,
            if name == ".gitignore" { 0o044 } else { 0 },
            "{name}: {mode:o}"
        );
    }
    assert_eq!(
        fs::read_to_string(root.join(".gitignore")).expect("made"),
        "*\n"
    );
    assert_eq!(
        fs::metadata(&root).expect("made").permissions().mode() & 0o7777,
        0o700
    );
}

#[test]
fn a_second_member_has_the_same_authority() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    let first = make(&root);
    let kube2 = Member {
        node: "kube2",
        dns: &[],
        addresses: &["192.168.1.11"],
    };
    let (second, notices) =
        member_at(&root, Access::Write, &kube2, now(), 5).expect("keys are made");
    assert_eq!(first.ca_certificate, second.ca_certificate);
    assert_ne!(first.server.key, second.server.key);
    assert_eq!(notices.len(), 3);
}

#[test]
fn certificates_are_issued_anew_when_they_are_no_longer_right() {
    let moved = Member {
        addresses: &["192.168.1.20", "fd00::10"],
        ..KUBE1
    };
    let same = || KUBE1;
    let names = "the node's names or addresses changed (+192.168.1.20, -192.168.1.10)";
    let cases: [(&str, Change, Member, SystemTime, Vec<String>); 5] = [
        (
            "an address changed",
            |_| {},
            moved,
            now(),
            vec![
                format!("reissued nodes/kube1/etcd/server.crt: {names}"),
                format!("reissued nodes/kube1/etcd/peer.crt: {names}"),
            ],
        ),
        (
            "a certificate was removed",
            |root| fs::remove_file(root.join("nodes/kube1/etcd/peer.crt")).expect("is there"),
            same(),
            now(),
            vec!["created nodes/kube1/etcd/peer.crt (CN=kube1)".to_owned()],
        ),
        (
            "they end soon",
            |_| {},
            same(),
            now() + 1090 * DAY,
            ["server", "peer", "healthcheck-client"]
                .map(|n| {
                    format!("nodes/kube1/etcd/{n}.crt expires in 4 days: remove it to have it reissued, then build and boot the node")
                })
                .to_vec(),
        ),
        (
            "they have ended",
            |_| {},
            same(),
            now() + 1100 * DAY,
            ["server", "peer", "healthcheck-client"]
                .map(|n| format!("reissued nodes/kube1/etcd/{n}.crt: the old one expired 6 days ago"))
                .to_vec(),
        ),
        (
            "the authority is another",
            |root| {
                let other = root.with_extension("other");
                member_at(&other, Access::Write, &KUBE1, now(), 77).expect("keys are made");
                for file in ["ca.crt", "ca.key"] {
                    fs::copy(other.join("etcd").join(file), root.join("etcd").join(file)).expect("copies");
                }
            },
            same(),
            now(),
            ["server", "peer", "healthcheck-client"]
                .map(|n| format!("reissued nodes/kube1/etcd/{n}.crt: the old one was not issued by etcd/ca.crt"))
                .to_vec(),
        ),
    ];
    for (case, change, member, at, expected) in cases {
        let scratch = tempfile::tempdir().expect("a folder");
        let root = scratch.path().join("keys");
        make(&root);
        change(&root);
        let key = fs::read(root.join("nodes/kube1/etcd/server.key")).expect("a key");
        let got: Vec<String> = told(&root, &member, at)
            .into_iter()
            .map(|n| n.replace("keys.other/", ""))
            .collect();
        assert_eq!(got, expected, "{case}");
        assert_eq!(
            fs::read(root.join("nodes/kube1/etcd/server.key")).expect("a key"),
            key,
            "{case}: the key is kept"
        );
    }
}

#[test]
fn an_authority_kept_elsewhere_needs_no_key_here() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    make(&root);
    fs::remove_file(root.join("etcd/ca.key")).expect("is there");
    assert_eq!(told(&root, &KUBE1, now()), [""; 0]);
}

#[test]
fn salts_repeat_for_a_user_and_differ_between_users_and_clusters() {
    let scratch = tempfile::tempdir().expect("a folder");
    let salt = |folder: &str, user: &str, seed: u64| {
        let mut rng = Counter(seed);
        let folder = KeyFolder::open(scratch.path().join(folder), Access::Write).expect("opens");
        Keys::new(folder, now(), &mut rng)
            .password_salt(user)
            .expect("a salt")
    };
    let core = salt("a", "core", 1);
    assert_eq!(salt("a", "core", 2), core);
    assert_ne!(salt("a", "root", 2), core);
    assert_ne!(salt("b", "core", 2), core);
}
