//! Programs that are killed at a chosen moment.

use std::os::fd::AsFd as _;
use std::process::Child;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Kills `child`, whose standard output is a pipe, once `time` is over, unless it has ended before.
pub fn kill_after(child: &mut Child, time: Duration) {
    let output = child.stdout.as_ref().expect("piped").as_fd();
    let time = Timespec {
        tv_sec: i64::try_from(time.as_secs()).expect("short"),
        tv_nsec: i64::from(time.subsec_nanos()),
    };
    poll(&mut [PollFd::new(&output, PollFlags::HUP)], Some(&time)).expect("poll");
    child.kill().expect("kill");
    child.wait().expect("wait");
}
