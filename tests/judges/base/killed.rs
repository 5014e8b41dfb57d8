//! A build that is killed leaves nothing damaged, whenever it is.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use imgbuild::cache::Cache;

use crate::base::{synthetic, tools};
use crate::killing::kill_after;

/// How many times a build is killed, at moments spread over the time that a whole one takes.
const KILLS: u32 = 50;

/// Starts `imgbuild base build` with the cache and the mirror in `folder`; its standard output
/// closes when it ends.
fn start(folder: &Path) -> Child {
    let mirror = format!("file:{}", folder.join("debian").display());
    Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args([
            "base", "build", "--arch", "amd64", "--kernel", "cloud", "--locked", "--mirror",
            &mirror,
        ])
        .arg("--lock")
        .arg(folder.join("imgbuild.lock"))
        .arg("--cache")
        .arg(folder.join("cache"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("imgbuild")
}

/// What is in the cache is whole.
fn check(folder: &Path, whole: &Path) {
    let cache = Cache::new(folder.join("cache"));
    for name in ["packages", "bases"] {
        let Ok(list) = fs::read_dir(cache.root().join(name)) else {
            continue;
        };
        for entry in list {
            let path = entry.expect("list").path();
            if name == "packages" {
                let hash = path
                    .file_stem()
                    .expect("a name")
                    .to_string_lossy()
                    .into_owned();
                assert_eq!(tools::sha256(&path), hash, "{}", path.display());
            } else {
                assert_eq!(
                    tools::hashes(&path),
                    tools::hashes(whole),
                    "{}",
                    path.display()
                );
            }
        }
    }
}

#[test]
#[ignore = "slow: builds fifty times"]
fn builds_that_are_killed_leave_nothing_damaged() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let lock = synthetic::publish_packages(folder.path());
    lock.save(&folder.path().join("imgbuild.lock"))
        .expect("save");
    let begin = Instant::now();
    assert!(start(folder.path()).wait().expect("wait").success());
    let duration = begin.elapsed();
    let whole = folder.path().join("whole");
    let base = fs::read_dir(folder.path().join("cache/bases"))
        .expect("list")
        .next();
    fs::rename(base.expect("a base").expect("list").path(), &whole).expect("rename");

    for kill in 0..KILLS {
        // Half of the times the packages have to be fetched, too.
        let cache = folder.path().join("cache");
        let gone = if kill % 2 == 0 {
            cache.clone()
        } else {
            cache.join("bases")
        };
        let _ = fs::remove_dir_all(gone);
        let moment = duration * kill / KILLS;
        let mut child = start(folder.path());
        kill_after(&mut child, moment);
        check(folder.path(), &whole);
    }

    assert!(start(folder.path()).wait().expect("wait").success());
    check(folder.path(), &whole);
    let left = fs::read_dir(folder.path().join("cache/tmp"))
        .expect("list")
        .count();
    assert_eq!(left, 0, "what killed builds left behind is swept");
}
