//! What is said when packages are not what the lock says. Needs apt, as every build of the base
//! does.

use std::fs;
use std::path::Path;

use imgbuild::base::{Base, BaseRequest, ensure};
use imgbuild::lock::{Lock, LockedPackage};
use imgbuild::progress::Silent;

use crate::base::packages::{Member, Packing, deb, lock, pinned, publish, request};

fn package() -> (LockedPackage, Vec<u8>) {
    let bytes = deb(
        Packing::Xz,
        &[("usr/bin/tool", Member::File(0o755, 0, 0, b"tool"))],
    );
    (pinned("tool", &bytes), bytes)
}

fn message(built: anyhow::Result<Base>) -> String {
    match built {
        Ok(base) => panic!("built {base:?}"),
        Err(error) => format!("{error:#}"),
    }
}

#[test]
fn packages_that_are_not_what_the_lock_says() {
    type Case<'a> = (&'a str, &'a dyn Fn(&Path, &mut BaseRequest), &'a [&'a str]);
    let (package, bytes) = package();
    let publish_it = |folder: &Path| publish(folder, &package, &bytes);
    let cases: [Case<'_>; 4] = [
        (
            "gone from the mirror",
            &|_, _| {},
            &[
                "no longer has tool 1.0~rc1+deb13u1 (all)",
                "`imgbuild update`",
            ],
        ),
        (
            "changed on the mirror, same size",
            &|folder, _| {
                let mut other = bytes.clone();
                let last = other.len() - 1;
                other[last] ^= 1;
                publish(folder, &package, &other);
            },
            &["tool 1.0~rc1+deb13u1 (all) no longer matches imgbuild.lock"],
        ),
        (
            "changed on the mirror, another size",
            &|folder, _| publish(folder, &package, b"short"),
            &["tool 1.0~rc1+deb13u1 (all) no longer matches imgbuild.lock"],
        ),
        (
            "offline and not in the cache",
            &|folder, request| {
                publish_it(folder);
                request.offline = true;
            },
            &[
                "1 packages are not in the cache, the first of them tool",
                "`--offline`",
            ],
        ),
    ];
    for (name, prepare, expected) in cases {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut request = request(folder.path());
        prepare(folder.path(), &mut request);
        let mut lock = lock(vec![package.clone()], Vec::new());
        let before = lock.clone();
        let message = message(ensure(&request, &mut lock, &Silent));
        for words in expected {
            assert!(message.contains(words), "{name}: {message}");
        }
        assert_eq!(lock, before, "{name}: the lock");
        let bases = folder.path().join("cache/bases");
        assert!(!bases.exists(), "{name}: a base was stored");
    }
}

#[test]
fn wrong_bytes_are_fetched_anew() {
    let (package, bytes) = package();
    let half = &bytes[..bytes.len() / 2];
    for (name, wrong) in [("others", &b"wrong"[..]), ("half", half), ("none", b"")] {
        let folder = tempfile::tempdir().expect("temporary folder");
        publish(folder.path(), &package, &bytes);
        let request = request(folder.path());
        let cached = request.cache.package(&package.sha256);
        fs::create_dir_all(cached.parent().expect("a parent")).expect("mkdir");
        fs::write(&cached, wrong).expect("write");
        let mut lock = lock(vec![package.clone()], Vec::new());
        // The package alone makes no base, but it is fetched and read.
        let message = message(ensure(&request, &mut lock, &Silent));
        assert!(
            message.contains("no package contains a kernel"),
            "{name}: {message}"
        );
        assert_eq!(fs::read(&cached).expect("fetched"), bytes, "{name}");
    }
}

#[test]
fn what_the_lock_does_not_pin() {
    let folder = tempfile::tempdir().expect("temporary folder");
    for (locked, offline, expected) in [(true, false, "`--locked`"), (false, true, "`--offline`")] {
        let request = BaseRequest {
            locked,
            offline,
            ..request(folder.path())
        };
        let message = message(ensure(&request, &mut Lock::default(), &Silent));
        assert!(message.contains("does not pin"), "{message}");
        assert!(message.contains(expected), "{message}");
    }
}
