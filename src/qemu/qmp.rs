//! The QEMU Machine Protocol (`docs/interop/qmp-spec.rst`): one line of JSON per message.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::event::{Event, Happening};

/// How long QEMU may take to answer. It is fast unless the host is overloaded.
const PATIENCE: Duration = Duration::from_secs(60);

/// A connection in command mode.
#[derive(Debug)]
pub(super) struct Qmp {
    stream: UnixStream,
    answers: Receiver<Value>,
}

impl Qmp {
    /// Reads the greeting of a machine named `machine` from `stream` and enters command mode; from
    /// then on, QEMU's events go to `events`.
    pub fn new(stream: UnixStream, machine: &str, events: Sender<Event>) -> anyhow::Result<Self> {
        let reader = stream
            .try_clone()
            .context("sharing QEMU's control socket")?;
        let (sender, answers) = channel();
        let name = machine.to_owned();
        thread::spawn(move || read(reader, &name, &sender, &events));
        let mut qmp = Self { stream, answers };
        qmp.execute("qmp_capabilities")?;
        Ok(qmp)
    }

    /// Runs a command without arguments, waits until QEMU has accepted it and returns its answer.
    pub fn execute(&mut self, command: &str) -> anyhow::Result<Value> {
        self.send(command, &json!({ "execute": command }))
    }

    /// The same with arguments.
    pub fn execute_with(&mut self, command: &str, arguments: &Value) -> anyhow::Result<Value> {
        let message = json!({ "execute": command, "arguments": arguments });
        self.send(command, &message)
    }

    fn send(&mut self, command: &str, message: &Value) -> anyhow::Result<Value> {
        writeln!(self.stream, "{message}")
            .with_context(|| format!("sending `{command}` to QEMU"))?;
        let mut answer = self
            .answers
            .recv_timeout(PATIENCE)
            .with_context(|| format!("waiting for QEMU's answer to `{command}`"))?;
        if let Some(error) = answer.get("error") {
            bail!(
                "QEMU refused `{command}`: {}",
                error["desc"].as_str().unwrap_or("?")
            );
        }
        Ok(answer["return"].take())
    }
}

/// Reads messages until QEMU exits or nobody listens.
fn read(stream: UnixStream, machine: &str, answers: &Sender<Value>, events: &Sender<Event>) {
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        let Ok(message) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        if message.get("return").is_some() || message.get("error").is_some() {
            if answers.send(message).is_err() {
                return;
            }
        } else if let Some(what) = happening(&message) {
            let event = Event {
                machine: machine.to_owned(),
                what,
            };
            if events.send(event).is_err() {
                return;
            }
        }
    }
}

/// What an event of QEMU tells about the guest. Events that the host caused are ignored.
fn happening(message: &Value) -> Option<Happening> {
    if message["data"]["guest"] != Value::Bool(true) {
        return None;
    }
    match message["event"].as_str()? {
        "SHUTDOWN" => Some(Happening::PoweredOff),
        "RESET" => Some(Happening::Reset),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events() {
        for (message, expected) in [
            (
                json!({"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}),
                Some(Happening::PoweredOff),
            ),
            (json!({"event": "SHUTDOWN", "data": {"guest": false}}), None),
            (
                json!({"event": "RESET", "data": {"guest": true}}),
                Some(Happening::Reset),
            ),
            (json!({"event": "NIC_RX_FILTER_CHANGED", "data": {}}), None),
            (json!({"QMP": {"version": {}}}), None),
        ] {
            assert_eq!(happening(&message), expected, "{message}");
        }
    }

    #[test]
    fn a_refusal_is_an_error() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let qemu = thread::spawn(move || {
            let mut writer = theirs.try_clone().unwrap();
            let mut lines = BufReader::new(theirs).lines();
            writeln!(writer, "{}", json!({"QMP": {}})).unwrap();
            lines.next().unwrap().unwrap();
            writeln!(writer, "{}", json!({"return": {}})).unwrap();
            lines.next().unwrap().unwrap();
            writeln!(
                writer,
                "{}",
                json!({"error": {"class": "X", "desc": "not now"}})
            )
            .unwrap();
        });
        let (events, _happened) = channel();
        let mut qmp = Qmp::new(ours, "kube1", events).unwrap();
        let error = qmp.execute("system_reset").unwrap_err();
        assert_eq!(error.to_string(), "QEMU refused `system_reset`: not now");
        qemu.join().unwrap();
    }
}
