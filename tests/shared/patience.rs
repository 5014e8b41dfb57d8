//! How long a test waits: with the patience of [`imgbuild::trial`], whose end fails the test.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Output};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Instant;

use imgbuild::qemu::Interrupt;
use imgbuild::trial;
pub use imgbuild::trial::{GLANCE, computed};

/// For a server or a program on this machine that answers within seconds where nobody disturbs it.
pub const PROGRAM: Patience = Patience::minutes(5, 30);

/// For how long nothing may move, and how long it may take altogether.
#[derive(Debug, Clone, Copy)]
pub struct Patience(pub trial::Patience);

impl Patience {
    /// `still` minutes without anything that moves, `end` minutes altogether.
    pub const fn minutes(still: u64, end: u64) -> Self {
        Self(trial::Patience::minutes(still, end))
    }

    /// Begins to wait for `what`, as a message says it.
    pub fn wait(self, what: impl Into<String>) -> Wait {
        Wait(self.0.wait(what))
    }

    /// Waits for the end of `child`, which does `what`, and gives what it printed on its pipes. It
    /// is killed where `progress` stands still.
    #[track_caller]
    pub fn finish(self, what: &str, child: Child, progress: impl Fn() -> u64) -> Output {
        let ended = self.0.finish(what, child, progress, &Interrupt::default());
        ended.unwrap_or_else(|why| panic!("{why}"))
    }

    /// Reads the lines of a server until `found` gives something of one. They are read on
    /// afterwards, for a server stops once nobody takes what it says.
    #[track_caller]
    pub fn line_of<T>(
        self,
        process: u32,
        output: impl Read + Send + 'static,
        mut found: impl FnMut(&str) -> Option<T>,
    ) -> T {
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
                // Whoever has found what it looked for listens no more.
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        let mut said: Vec<String> = Vec::new();
        let mut wait = self.wait("a server's word that it is ready");
        loop {
            match lines.recv_timeout(GLANCE) {
                Ok(line) => {
                    if let Some(found) = found(&line) {
                        return found;
                    }
                    said.push(line);
                }
                Err(RecvTimeoutError::Disconnected) => panic!("it ended: {said:#?}"),
                Err(RecvTimeoutError::Timeout) => {}
            }
            wait.check(said.len() as u64 + computed(process));
        }
    }
}

/// Something that is waited for.
#[derive(Debug)]
pub struct Wait(pub trial::Wait);

impl Wait {
    /// Fails the test where `progress` has been the same for too long, or the end has come.
    #[track_caller]
    pub fn check(&mut self, progress: u64) {
        if let Err(why) = self.look(Instant::now(), progress) {
            panic!("{why}");
        }
    }

    /// Why there is no point in waiting any longer, where there is none.
    pub fn look(&mut self, now: Instant, progress: u64) -> Result<(), String> {
        self.0.look(now, progress)
    }
}
