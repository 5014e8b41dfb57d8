//! The consoles of machines on this terminal.

use std::io::{self, Read, Write};
use std::thread;

use anyhow::{Context, Result};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::qemu::{Interrupt, Keyboard};

/// Ctrl-], which telnet(1) leaves with too.
const LEAVE: u8 = 0x1d;

/// Connects this terminal to a machine's serial console: every key goes there. Dropping it restores
/// the terminal.
pub struct Terminal {
    before: Termios,
}

impl Terminal {
    /// Sends what is typed to `keyboard`; Ctrl-] raises `interrupt`.
    pub fn connect(keyboard: Keyboard, interrupt: Interrupt) -> Result<Self> {
        let before = tcgetattr(io::stdin()).context("reading the terminal's settings")?;
        let mut raw = before.clone();
        raw.make_raw();
        // Line feeds of our own messages still start a new line.
        raw.output_modes = before.output_modes;
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)
            .context("changing the terminal's settings")?;
        thread::spawn(move || {
            let mut keys = [0; 64];
            while let Ok(count @ 1..) = io::stdin().read(&mut keys) {
                let keys = &keys[..count];
                if keys.contains(&LEAVE) {
                    interrupt.raise();
                    return;
                }
                if keyboard.type_keys(keys).is_err() {
                    return; // the machine is gone
                }
            }
        });
        Ok(Self { before })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // When it fails the terminal is gone, and there is nobody to tell.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

/// Writes whole lines, each prefixed with the name of the machine that wrote it.
#[derive(Debug)]
pub struct Prefixed<W> {
    prefix: String,
    line: Vec<u8>,
    out: W,
}

impl<W: Write> Prefixed<W> {
    /// Lines of `name` to `out`.
    pub fn new(name: &str, out: W) -> Self {
        Self {
            prefix: format!("{name}| "),
            line: Vec::new(),
            out,
        }
    }
}

impl<W: Write> Write for Prefixed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for &byte in bytes {
            self.line.push(byte);
            if byte == b'\n' {
                // One write a line, so that the lines of several machines do not mix.
                let mut whole = self.prefix.clone().into_bytes();
                whole.append(&mut self.line);
                self.out.write_all(&whole)?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_and_named() {
        let mut out = Prefixed::new("kube1", Vec::new());
        for piece in ["one", " line\ntw", "o\n", "not yet"] {
            out.write_all(piece.as_bytes())
                .expect("a vector takes everything");
        }
        assert_eq!(out.out, b"kube1| one line\nkube1| two\n");
    }
}
