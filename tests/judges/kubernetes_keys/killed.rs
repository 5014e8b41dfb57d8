//! A build that is killed while it makes a cluster's keys leaves none of them by half, and the next
//! one completes them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use imgbuild::pki::{Certificate, PrivateKey};

use crate::killing::kill_after;
use crate::kubernetes_keys::project::{good, single, text};

/// How many times a build is killed, at moments spread over the time that a whole one takes.
const KILLS: u32 = 60;

/// What is no PEM.
const OTHERS: [&str; 3] = ["encryption.key", "password-salt.key", "bootstrap-token.key"];

/// Starts a build of `spec`; its standard output closes when it ends.
fn start(spec: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .arg(spec)
        .arg("-o")
        .arg(spec.with_extension("ign"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("imgbuild")
}

/// Everything below `root`.
fn names_below(root: &Path) -> impl Iterator<Item = PathBuf> {
    let mut left = vec![root.to_owned()];
    std::iter::from_fn(move || {
        let next = left.pop()?;
        let entries = fs::read_dir(&next).into_iter().flatten();
        left.extend(entries.map(|entry| entry.expect("an entry").path()));
        Some(next)
    })
}

/// The files of the key folder, each of which is looked at: whole, and its owner's alone. What a
/// killed build has begun is not among them.
fn keys(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for path in names_below(root).filter(|path| !text(path).contains("/.")) {
        let Ok(metadata) = fs::metadata(&path) else {
            continue; // no folder at all
        };
        let mode = metadata.permissions().mode() & 0o777;
        if metadata.is_dir() {
            assert_eq!(mode, 0o700, "{}", path.display());
            continue;
        }
        assert_eq!(mode, 0o600, "{}", path.display());
        let pem = fs::read_to_string(&path).expect("text");
        let name = path.file_name().expect("a name").to_string_lossy();
        if name.ends_with(".crt") {
            Certificate::from_pem(&pem).expect("a whole certificate");
            assert!(path.with_extension("key").exists(), "{}", path.display());
        } else if !OTHERS.contains(&&*name) {
            PrivateKey::from_pem(&pem).expect("a whole key");
        }
        found.insert(path, pem);
    }
    found
}

#[test]
fn builds_that_are_killed_leave_whole_keys() {
    // Its name has no dot: what begins with one is a build's own.
    let folder = tempfile::Builder::new().prefix("killed").tempdir();
    let folder = folder.expect("a folder");
    let spec = single(folder.path(), ", encryption: {}");
    let root = folder.path().join("keys");
    // The first takes longer: nothing of it is in memory yet.
    let mut duration = Duration::MAX;
    for _ in 0..3 {
        let _ = fs::remove_dir_all(&root);
        let begin = Instant::now();
        assert!(start(&spec).wait().expect("wait").success());
        duration = duration.min(begin.elapsed());
    }
    let names: Vec<PathBuf> = keys(&root).into_keys().collect();

    let mut sorts = [0; 3];
    for kill in 0..KILLS {
        let _ = fs::remove_dir_all(&root);
        let _ = fs::remove_file(spec.with_extension("ign"));
        let mut child = start(&spec);
        kill_after(&mut child, duration * kill / KILLS);
        let left = keys(&root);
        let is_built = spec.with_extension("ign").exists();
        assert!(
            !is_built || left.len() == names.len(),
            "no node without its keys"
        );
        let sort = usize::from(!left.is_empty()) + usize::from(left.len() == names.len());
        sorts[sort] += 1;

        good(&[text(&spec), "-o", text(&spec.with_extension("ign"))]);
        let all = keys(&root);
        assert!(all.keys().eq(&names), "{all:?}");
        for (name, pem) in left {
            assert_eq!(all[&name], pem, "{} is kept", name.display());
        }
        // A build that lacks no key removes nothing: what is then left holds none.
        let unfinished = names_below(&root).filter(|path| text(path).contains("/.unfinished-"));
        let secrets: Vec<PathBuf> = unfinished.filter(|path| path.is_file()).collect();
        assert!(secrets.is_empty(), "the killed build left {secrets:?}");
    }
    println!("killed before any key, between the first and the last, behind the last: {sorts:?}");
}
