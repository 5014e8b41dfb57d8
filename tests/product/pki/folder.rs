//! The key folder: damaged, open to others, looked at, killed over, shared by builds, not to be
//! written.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use imgbuild::pki::bundles::EtcdTls;
use imgbuild::pki::{Access, KeyFolder, Keys, Notice};

use crate::member::{DAY, KUBE1, KUBE2, Member, contents, make, member_at, now, refusal, told};
use crate::randomness::Counter;

type Damage<'a> = &'a dyn Fn(&Path);

#[allow(clippy::too_many_lines)] // a table
#[test]
fn broken_folders_are_refused_in_clear_words() {
    let write =
        |root: &Path, file: &str, text: &str| fs::write(root.join(file), text).expect("writes");
    let server = "nodes/kube1/etcd/server";
    let cases: [(&str, Damage, &str); 11] = [
        (
            "another key",
            &|root| {
                fs::copy(
                    root.join("nodes/kube1/etcd/peer.key"),
                    root.join(format!("{server}.key")),
                )
                .expect("copies");
            },
            "nodes/kube1/etcd/server.key is not the private key of nodes/kube1/etcd/server.crt: restore the matching pair, or remove both",
        ),
        (
            "no key",
            &|root| fs::remove_file(root.join(format!("{server}.key"))).expect("is there"),
            "nodes/kube1/etcd/server.key is missing: restore it, or remove nodes/kube1/etcd/server.crt to have both made again",
        ),
        (
            "no authority",
            &|root| {
                fs::remove_file(root.join("etcd/ca.crt")).expect("is there");
                fs::remove_file(root.join("etcd/ca.key")).expect("is there");
            },
            "etcd/ca.crt is missing, but nodes/kube1/etcd/healthcheck-client.crt was issued by it: restore it, or move the whole folder KEYS away to have keys for a new cluster made",
        ),
        (
            "an authority without its key, and something to sign",
            &|root| {
                fs::remove_file(root.join("etcd/ca.key")).expect("is there");
                fs::remove_file(root.join(format!("{server}.crt"))).expect("is there");
            },
            "nodes/kube1/etcd/server.crt cannot be issued (it is missing): etcd/ca.key is missing",
        ),
        (
            "an authority's key that is another's",
            &|root| {
                fs::copy(root.join(format!("{server}.key")), root.join("etcd/ca.key"))
                    .expect("copies");
            },
            "etcd/ca.key is not the private key of etcd/ca.crt: restore the matching pair, or remove both",
        ),
        (
            "an authority that is none",
            &|root| {
                fs::copy(root.join(format!("{server}.crt")), root.join("etcd/ca.crt"))
                    .expect("copies");
                fs::copy(root.join(format!("{server}.key")), root.join("etcd/ca.key"))
                    .expect("copies");
            },
            "etcd/ca.crt is not a CA certificate (no CA:TRUE in basicConstraints)",
        ),
        (
            "no PEM",
            &|root| write(root, &format!("{server}.key"), "secret\n"),
            "nodes/kube1/etcd/server.key is not a private key in PEM",
        ),
        (
            "a certificate for a key",
            &|root| {
                fs::copy(
                    root.join(format!("{server}.crt")),
                    root.join(format!("{server}.key")),
                )
                .expect("copies");
            },
            "nodes/kube1/etcd/server.key contains a CERTIFICATE instead of a private key",
        ),
        (
            "a damaged key",
            &|root| {
                write(
                    root,
                    "etcd/ca.key",
                    "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n",
                );
            },
            "etcd/ca.key is damaged, or is neither an EC private key on the curve P-256 (prime256v1) nor an RSA one",
        ),
        (
            "a folder that others can read",
            &|root| fs::set_permissions(root, Permissions::from_mode(0o750)).expect("changes"),
            "KEYS contains private keys but is open to other users (mode 0750): close it with `chmod 700 KEYS`; if someone may have read them, \
             remove the folder instead and rebuild every node",
        ),
        (
            "a file of 300 kB",
            &|root| write(root, "etcd/ca.crt", &"x".repeat(300_000)),
            "etcd/ca.crt is too large to be a key or certificate",
        ),
    ];
    for (case, change, expected) in cases {
        let scratch = tempfile::tempdir().expect("a folder");
        let root = scratch.path().join("keys");
        make(&root);
        change(&root);
        assert_eq!(refusal(&root, &KUBE1), expected, "{case}");
    }
}

#[test]
fn looking_changes_nothing() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    let (_, notices) =
        member_at(&root, Access::Look, &KUBE1, now(), 1).expect("keys are made in memory");
    assert_eq!(notices, []);
    assert!(!root.exists());

    make(&root);
    let before = contents(&root);
    let moved = Member {
        addresses: &["192.168.1.20"],
        ..KUBE1
    };
    let (tls, notices) = member_at(&root, Access::Look, &moved, now() + 3640 * DAY, 1)
        .expect("keys are made in memory");
    assert!(
        tls.server
            .certificate
            .starts_with("-----BEGIN CERTIFICATE-----\n")
    );
    assert_eq!(
        notices.iter().filter(|n| n.is_warning()).count(),
        1,
        "the authority ends soon: {notices:?}"
    );
    assert_eq!(contents(&root), before);
}

/// What was made in memory is kept as it would have been written, unless the folder has become
/// another meanwhile.
#[test]
fn what_was_held_back_is_kept() {
    let scratch = tempfile::tempdir().expect("a folder");
    let written = scratch.path().join("written");
    make(&written);
    let kept = scratch.path().join("kept");
    let mut rng = Counter(1);
    let folder = KeyFolder::open(&kept, Access::Look).expect("opens");
    let mut keys = Keys::new(folder, now(), &mut rng);
    let tls = KUBE1.keys(&mut keys).expect("keys");
    assert!(!kept.exists());
    let mut keeping = keys
        .keep_all()
        .expect("can be written")
        .expect("is as it was read");
    keeping.finish().expect("is written");
    let made = keys.notices();
    assert!(
        made.len() > 3
            && made
                .iter()
                .all(|notice| matches!(notice, Notice::Made { .. })),
        "{made:?}"
    );
    drop(keys);
    assert_eq!(contents(&kept), contents(&written));
    assert_eq!(told(&kept, &KUBE1, now()), [""; 0]);
    assert_eq!(make(&kept).server.key, tls.server.key);

    for (case, meanwhile) in [
        (
            "another build made the same",
            (&|root: &Path| _ = member_at(root, Access::Write, &KUBE2, now(), 3)) as &dyn Fn(&Path),
        ),
        ("an authority became another", &|root: &Path| {
            fs::write(root.join("etcd/ca.crt"), "another").expect("writes");
        }),
    ] {
        let root = scratch.path().join(case);
        make(&root);
        let mut rng = Counter(2);
        let folder = KeyFolder::open(&root, Access::Look).expect("opens");
        let mut keys = Keys::new(folder, now(), &mut rng);
        KUBE2.keys(&mut keys).expect("keys");
        // The lock of the one that looks is shared, so another waits for it; the test does not.
        fs::rename(root.join(".lock"), root.join(".lock-of-another")).expect("is there");
        meanwhile(&root);
        let certificates = || {
            let mut found = contents(&root);
            found.retain(|(name, ..)| !name.starts_with(".lock"));
            found
        };
        let before = certificates();
        assert!(keys.keep_all().expect("looks").is_none(), "{case}");
        drop(keys);
        assert!(certificates() == before, "{case}");
    }
}

#[test]
fn a_build_that_was_killed_leaves_nothing_behind_after_the_next() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    let whole = make(&root);
    // Killed while it wrote a certificate: its key is there, the certificate is not.
    let unfinished = root.join(".unfinished-Ab12/nodes/kube1/etcd");
    fs::create_dir_all(&unfinished).expect("makes");
    fs::write(unfinished.join("server.crt"), "-----BEGIN").expect("writes");
    fs::remove_file(root.join("nodes/kube1/etcd/server.crt")).expect("is there");
    let (tls, _) = member_at(&root, Access::Write, &KUBE1, now(), 3).expect("keys are made");
    assert_eq!(tls.server.key, whole.server.key);
    assert!(!root.join(".unfinished-Ab12").exists());
}

#[test]
fn builds_take_turns() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    let all: Vec<EtcdTls> = std::thread::scope(|scope| {
        let builds: Vec<_> = (0..8)
            .map(|seed| {
                let root = &root;
                scope.spawn(move || {
                    member_at(root, Access::Write, &KUBE1, now(), 1000 * seed)
                        .expect("keys are given")
                        .0
                })
            })
            .collect();
        builds
            .into_iter()
            .map(|build| build.join().expect("no panic"))
            .collect()
    });
    for tls in &all {
        assert_eq!(tls.ca_certificate, all[0].ca_certificate);
        assert_eq!(tls.peer.key, all[0].peer.key);
    }
}

#[test]
fn a_checkout_without_keys_is_closed_to_others() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    fs::create_dir(&root).expect("made");
    fs::set_permissions(&root, Permissions::from_mode(0o755)).expect("changes");
    fs::write(root.join("README.md"), "keys\n").expect("writes");
    make(&root);
    assert_eq!(
        fs::metadata(&root).expect("made").permissions().mode() & 0o7777,
        0o700
    );
    assert!(
        !root.join(".gitignore").exists(),
        "the repository that brought the folder says what it ignores"
    );
}

#[test]
fn a_folder_that_cannot_be_written_says_which() {
    let scratch = tempfile::tempdir().expect("a folder");
    let file = scratch.path().join("keys");
    fs::write(&file, "").expect("writes");
    assert_eq!(
        refusal(&file, &KUBE1),
        "KEYS must be the key folder, but is a file"
    );
    let missing = scratch.path().join("missing/keys");
    assert_eq!(
        refusal(&missing, &KUBE1),
        "creating the key folder KEYS: No such file or directory (os error 2)"
    );
    // Read-only for everyone, root too: nothing can be made in /proc.
    let read_only = Path::new("/proc/self/keys-of-a-test");
    assert_eq!(
        refusal(read_only, &KUBE1),
        "creating the key folder KEYS: No such file or directory (os error 2)"
    );
}
