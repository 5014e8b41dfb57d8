//! Waits for machines to be ready.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::event::{Event, Happening};
use super::interrupt::Interrupt;
use crate::words::words;

/// How long an interrupt may go unnoticed.
const GLANCE: Duration = Duration::from_millis(200);

words! {
    /// What to wait for.
    pub enum Until {
        /// Every machine is powered off.
        PoweredOff = "off",
        /// Every node is up, or one has failed.
        Ready = "ready",
    }
}

/// How a wait ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The awaited state was reached.
    Reached,
    /// It cannot be reached: a machine and what happened to it.
    Failed { machine: String, why: String },
    /// It was not reached in time: the machines still waited for.
    TimedOut { waiting: Vec<String> },
    /// The user interrupted the wait.
    Interrupted,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reached => f.write_str("ready"),
            Self::Failed { machine, why } => write!(f, "{machine}: {why}"),
            Self::TimedOut { waiting } => {
                write!(f, "{}: not ready in time", waiting.join(", "))
            }
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

/// Waits for `machines`, by their names, until each has reached the awaited state, it cannot be
/// reached, `timeout` is over (`None`: never) or `interrupt` comes.
pub fn wait(
    events: &Receiver<Event>,
    machines: &[String],
    until: Until,
    timeout: Option<Duration>,
    interrupt: &Interrupt,
) -> Outcome {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let mut waiting: BTreeSet<String> = machines.iter().cloned().collect();
    while !waiting.is_empty() {
        if interrupt.came() {
            return Outcome::Interrupted;
        }
        let left = match deadline {
            None => GLANCE,
            Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                None => {
                    let waiting = waiting.into_iter().collect();
                    return Outcome::TimedOut { waiting };
                }
                Some(left) => left.min(GLANCE),
            },
        };
        let event = match events.recv_timeout(left) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => {
                let machine = waiting.into_iter().collect::<Vec<_>>().join(", ");
                let why = "the emulator exited".to_owned();
                return Outcome::Failed { machine, why };
            }
        };
        if !waiting.contains(&event.machine) {
            continue;
        }
        match judge(&event.what, until) {
            Verdict::Reached => {
                waiting.remove(&event.machine);
            }
            Verdict::Irrelevant => {}
            Verdict::Failed(why) => {
                let machine = event.machine;
                return Outcome::Failed { machine, why };
            }
        }
    }
    Outcome::Reached
}

/// What an event means for a wait.
enum Verdict {
    Reached,
    Irrelevant,
    Failed(String),
}

fn judge(what: &Happening, until: Until) -> Verdict {
    match (what, until) {
        (Happening::Ready { .. }, Until::Ready)
        | (Happening::PoweredOff | Happening::Exited, Until::PoweredOff) => Verdict::Reached,
        (Happening::Failed { units, .. }, Until::Ready) => {
            Verdict::Failed(format!("units failed: {units}"))
        }
        (Happening::IgnitionFailed { reason }, Until::Ready) => {
            Verdict::Failed(format!("Ignition failed: {reason}"))
        }
        (Happening::Panic { reason }, Until::Ready) => {
            Verdict::Failed(format!("the kernel panicked: {reason}"))
        }
        (Happening::PoweredOff, Until::Ready) => {
            Verdict::Failed("it was powered off before it was ready".to_owned())
        }
        (Happening::Exited, Until::Ready) => {
            Verdict::Failed("the emulator exited before it was ready".to_owned())
        }
        _ => Verdict::Irrelevant,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    fn event(machine: &str, what: Happening) -> Event {
        Event {
            machine: machine.into(),
            what,
        }
    }

    fn ready(machine: &str) -> Event {
        let hostname = machine.into();
        event(machine, Happening::Ready { hostname })
    }

    fn failed(machine: &str, why: &str) -> Outcome {
        Outcome::Failed {
            machine: machine.into(),
            why: why.into(),
        }
    }

    #[test]
    fn outcomes() {
        let panic = Happening::Panic {
            reason: "no init".into(),
        };
        let units = Happening::Failed {
            hostname: "a".into(),
            units: "etcd.service".into(),
        };
        for (name, events, until, expected) in [
            (
                "both ready",
                vec![ready("a"), ready("b")],
                Until::Ready,
                Outcome::Reached,
            ),
            (
                "said twice",
                vec![
                    ready("a"),
                    ready("a"),
                    event("a", Happening::Reset),
                    ready("b"),
                ],
                Until::Ready,
                Outcome::Reached,
            ),
            (
                "one panics",
                vec![ready("a"), event("b", panic.clone())],
                Until::Ready,
                failed("b", "the kernel panicked: no init"),
            ),
            (
                "a unit fails",
                vec![event("a", units)],
                Until::Ready,
                failed("a", "units failed: etcd.service"),
            ),
            (
                "one ends",
                vec![event("a", Happening::Exited)],
                Until::Ready,
                failed("a", "the emulator exited before it was ready"),
            ),
            (
                "nobody is left",
                vec![ready("a")],
                Until::Ready,
                failed("b", "the emulator exited"),
            ),
            (
                "both off",
                vec![
                    event("a", panic),
                    event("a", Happening::PoweredOff),
                    event("b", Happening::Exited),
                ],
                Until::PoweredOff,
                Outcome::Reached,
            ),
        ] {
            let (sender, receiver) = channel();
            for event in events {
                sender.send(event).unwrap();
            }
            drop(sender);
            let machines = ["a".to_owned(), "b".to_owned()];
            let outcome = wait(&receiver, &machines, until, None, &Interrupt::default());
            assert_eq!(outcome, expected, "{name}");
        }
    }

    #[test]
    fn time_is_up() {
        let (_sender, receiver) = channel();
        let machines = ["a".to_owned()];
        let timeout = Some(Duration::ZERO);
        let outcome = wait(
            &receiver,
            &machines,
            Until::Ready,
            timeout,
            &Interrupt::default(),
        );
        assert_eq!(outcome.to_string(), "a: not ready in time");
    }
}
