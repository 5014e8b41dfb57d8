//! Scans a serial console for the lines in which a node reports its state.

use super::event::Happening;

/// Longer lines are truncated, so that a guest that prints without end uses no memory.
const LINE_MAX: usize = 4096;

/// Finds markers in a console's bytes, however they are split.
#[derive(Debug, Default)]
pub struct Scanner {
    line: Vec<u8>,
    escape: Escape,
}

/// The position in an ANSI escape sequence (ECMA-48 §5.4).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    /// After ESC.
    Started,
    /// After ESC `[`, before the final byte.
    Control,
    /// After ESC `]`, up to BEL or ESC `\`.
    Command,
}

impl Scanner {
    /// Takes the next bytes and returns what the lines that they complete report.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Happening> {
        let mut found = Vec::new();
        for &byte in bytes {
            self.escape = match (self.escape, byte) {
                (Escape::None | Escape::Command, 0x1b) => Escape::Started,
                (Escape::Started, b'[') => Escape::Control,
                (Escape::Started, b']') => Escape::Command,
                (Escape::Control, 0x40..=0x7e) | (Escape::Command, 0x07) | (Escape::Started, _) => {
                    Escape::None
                }
                (Escape::None, b'\n') => {
                    found.extend(happening(&String::from_utf8_lossy(&self.line)));
                    self.line.clear();
                    Escape::None
                }
                (Escape::None, byte) => {
                    if byte != b'\r' && self.line.len() < LINE_MAX {
                        self.line.push(byte);
                    }
                    Escape::None
                }
                (inside, _) => inside,
            };
        }
        found
    }
}

/// What one line of the console reports, if anything. The kernel puts a time stamp before text from
/// `/dev/kmsg`, and a terminal may have left a prompt.
fn happening(line: &str) -> Option<Happening> {
    if let Some((_, reason)) = line.split_once("Kernel panic - not syncing: ") {
        return Some(Happening::Panic {
            reason: reason.trim_end().to_owned(),
        });
    }
    let (_, said) = line.split_once("imgbuild: ")?;
    let said = said.trim_end();
    if let Some(reason) = said.strip_prefix("ignition failed") {
        return Some(Happening::IgnitionFailed {
            reason: reason.trim_start_matches(':').trim_start().to_owned(),
        });
    }
    let (hostname, state) = said.split_once(": ")?;
    if hostname.is_empty() || hostname.contains(' ') {
        return None;
    }
    let hostname = hostname.to_owned();
    if state == "ready" {
        return Some(Happening::Ready { hostname });
    }
    let units = state.strip_prefix("failed:")?.trim_start().to_owned();
    Some(Happening::Failed { hostname, units })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready() -> Happening {
        Happening::Ready {
            hostname: "kube1".into(),
        }
    }

    #[test]
    fn lines() {
        let failed = Happening::Failed {
            hostname: "kube1.lab".into(),
            units: "etcd.service sshd.service".into(),
        };
        let ignition = Happening::IgnitionFailed {
            reason: "no such disk".into(),
        };
        let panic = Happening::Panic {
            reason: "Attempted to kill init!".into(),
        };
        for (name, console, expected) in [
            ("plain", "imgbuild: kube1: ready\n", Some(ready())),
            (
                "kmsg",
                "[   33.1] imgbuild: kube1: ready\r\n",
                Some(ready()),
            ),
            (
                "colored",
                "\x1b[0;1mimgbuild: kube1: ready\x1b[0m\r\n",
                Some(ready()),
            ),
            (
                "titled",
                "\x1b]0;kube1\x07imgbuild: kube1: ready\n",
                Some(ready()),
            ),
            (
                "after a prompt",
                "kube1 login: [  3.2] imgbuild: kube1: ready\n",
                Some(ready()),
            ),
            (
                "failed",
                "[ 40.0] imgbuild: kube1.lab: failed: etcd.service sshd.service\n",
                Some(failed),
            ),
            (
                "ignition",
                "imgbuild: ignition failed: no such disk\n",
                Some(ignition),
            ),
            (
                "panic",
                "[ 1.0] Kernel panic - not syncing: Attempted to kill init!\n",
                Some(panic),
            ),
            ("unfinished", "imgbuild: kube1: ready", None),
            ("other words", "imgbuild: kube1: ready to go\n", None),
            ("a sentence", "imgbuild: the node is: ready\n", None),
            ("stage 0", "imgbuild: looking for the root image\n", None),
        ] {
            let found = Scanner::default().feed(console.as_bytes());
            assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn pieces_and_endless_lines() {
        let mut scanner = Scanner::default();
        let mut found = Vec::new();
        for byte in b"\x1b[32mimgbuild: kube1: ready\n" {
            found.extend(scanner.feed(&[*byte]));
        }
        assert_eq!(found, [ready()]);
        assert!(scanner.feed(&vec![b'x'; 1 << 20]).is_empty());
        assert!(scanner.line.len() <= LINE_MAX);
        assert_eq!(scanner.feed(b"\nimgbuild: kube1: ready\n"), [ready()]);
    }
}
