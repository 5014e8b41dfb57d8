//! The harness itself: a failed boot ends alone, and patience is with what moves. Boots nothing.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use imgbuild::qemu::Interrupt;
use imgbuild::trial::{ConsoleLog, processor_time};

use crate::console_log::ShownOnFailure;
use crate::patience::{Patience, Wait, computed};

fn console() -> (ConsoleLog, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let console = ConsoleLog::in_folder(folder.path(), "machine").unwrap();
    (console, folder)
}

/// What a failed test said.
fn failure(test: impl FnOnce()) -> String {
    let failed = catch_unwind(AssertUnwindSafe(test)).expect_err("it fails");
    failed.downcast_ref::<String>().expect("words").clone()
}

/// A destructor that fails while a test does so ends the whole program, and this one with it.
#[test]
fn a_test_that_fails_at_the_console_ends_alone() {
    let (console, _folder) = console();
    console.writer().unwrap().write_all(b"booting\r\n").unwrap();
    let shown = ShownOnFailure(console.clone());
    let why = failure(move || {
        let mut wait = Patience::minutes(0, 0).wait("the word `ready`");
        let console = &shown.0;
        let found = console.wait_for("ready", 0, &mut wait.0, || 0, &Interrupt::default());
        found.unwrap_or_else(|why| panic!("{why}"));
    });
    assert!(why.starts_with("the word `ready`: "), "{why}");
    // The machine that is still there goes on, and so does whoever looks at it.
    console.writer().unwrap().write_all(b"ready\r\n").unwrap();
    assert_eq!(console.text(), "booting\r\nready\r\n");
}

#[test]
fn patience_is_with_what_moves() {
    let minutes = |n| Duration::from_secs(60 * n);
    let begun = Instant::now();
    let last = |looks: &[(u64, u64)]| {
        let mut wait: Wait = Patience::minutes(2, 10).wait("it");
        let mut end = Ok(());
        for (minute, progress) in looks {
            end = wait.look(begun + minutes(*minute) + Duration::from_secs(1), *progress);
        }
        end
    };
    for (name, looks, expected) in [
        ("at once", &[(0, 0)][..], Ok(())),
        ("not yet", &[(1, 0)], Ok(())),
        (
            "nothing",
            &[(1, 0), (2, 0)],
            Err("it: does not come: nothing moved for 120 s"),
        ),
        ("something", &[(1, 7), (2, 7), (3, 8), (4, 8)], Ok(())),
        (
            "no more",
            &[(1, 7), (2, 7), (4, 7)],
            Err("it: does not come: nothing moved for 120 s"),
        ),
        (
            "always something",
            &[(2, 1), (4, 2), (6, 3), (8, 4), (10, 5)],
            Err("it: did not come within 10 minutes"),
        ),
    ] {
        assert_eq!(last(looks), expected.map_err(str::to_owned), "{name}");
    }
}

/// What computes without a word is waited for, however long it takes; what does not is not.
#[test]
fn a_program_that_sleeps_is_ended() {
    let start = |script: &str| {
        let mut sh = std::process::Command::new("sh");
        sh.args(["-c", script]).spawn().expect("sh")
    };
    let done = Patience::minutes(1, 1).finish("a program", start("exit 3"), || 0);
    assert_eq!(done.status.code(), Some(3));
    let child = start("exec sleep 1000");
    let process = child.id();
    assert_eq!(computed(process), 0);
    let why = failure(move || {
        Patience::minutes(0, 1).finish("a sleeper", child, || computed(process));
    });
    assert_eq!(why, "a sleeper: does not come: nothing moved for 0 s");
}

/// A program gets on by computing, or by waiting for its turn to.
#[test]
fn processor_time_is_seen() {
    let mut sh = std::process::Command::new("sh");
    let mut busy = sh.args(["-c", "while :; do :; done"]).spawn().expect("sh");
    let mut wait = Patience::minutes(5, 5).wait("half a second of processor time");
    let begun = Instant::now();
    while processor_time(busy.id()) < Duration::from_millis(500) {
        wait.check(begun.elapsed().as_secs());
    }
    busy.kill().unwrap();
    busy.wait().unwrap();
    assert_eq!(processor_time(busy.id()), Duration::ZERO);
}
