//! The stages of a boot, from what its console showed and when.

use std::time::{Duration, Instant};

use crate::words::words;

/// A place that a boot passes, as its console shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The kernel says its version.
    Kernel,
    /// It starts the initrd's first program.
    Initrd,
    /// The initrd hands over to the root file system.
    Root,
    /// The node reports that it is ready.
    Ready,
}

impl Mark {
    /// What a line of the console says, if it has one of them.
    pub fn of_line(line: &str) -> Option<Self> {
        let line = without_escapes(line);
        let line = line.trim_end();
        let has = |words: &str| line.contains(words);
        if has("] Linux version ") {
            Some(Self::Kernel)
        } else if has("] Run /init as init process") {
            Some(Self::Initrd)
        } else if has("Starting initrd-switch-root.service") || has("Starting Switch Root") {
            Some(Self::Root)
        } else if has("imgbuild: ") && line.ends_with(": ready") {
            Some(Self::Ready)
        } else {
            None
        }
    }
}

/// `line` without the sequences that color it (ECMA-48 §5.4).
fn without_escapes(line: &str) -> String {
    let mut parts = line.split("\x1b[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| !('\u{40}'..='\u{7e}').contains(&c));
        plain.push_str(rest.get(1..).unwrap_or_default());
    }
    plain
}

words! {
    /// A stage of a boot.
    pub enum Stage {
        /// Firmware and boot loader, from the machine's start to the kernel's.
        Firmware = "firmware and loader",
        /// The kernel, until it starts the initrd's first program.
        Kernel = "kernel",
        /// The initrd, in which Ignition runs.
        Initrd = "initrd and Ignition",
        /// Services of the node, until it is ready.
        Services = "services",
    }
}

/// How long each stage of a boot took that began at `start`. A stage without an end that the
/// console showed is left out, and its time counts for the next one.
pub fn stages(start: Instant, marks: &[(Mark, Instant)]) -> Vec<(Stage, Duration)> {
    let ends = [
        (Stage::Firmware, Mark::Kernel),
        (Stage::Kernel, Mark::Initrd),
        (Stage::Initrd, Mark::Root),
        (Stage::Services, Mark::Ready),
    ];
    let mut begun = start;
    let mut found = Vec::new();
    for (stage, end) in ends {
        let Some((_, at)) = marks.iter().find(|(mark, _)| *mark == end) else {
            continue;
        };
        found.push((stage, at.saturating_duration_since(begun)));
        begun = *at;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_console() {
        for (line, expected) in [
            (
                "[    0.000000] Linux version 6.12.118+deb13-amd64 (x)\r",
                Some(Mark::Kernel),
            ),
            (
                "[    3.251993] Run /init as init process\r",
                Some(Mark::Initrd),
            ),
            (
                "         Starting \x1b[0;1;39minitrd-switch-root.service\x1b[0m - Switch Root...\r",
                Some(Mark::Root),
            ),
            (
                "kube1 login: [   33.1] imgbuild: kube1: ready\r",
                Some(Mark::Ready),
            ),
            ("[   33.1] imgbuild: kube1: failed: a.service", None),
            ("Linux version", None),
        ] {
            assert_eq!(Mark::of_line(line), expected, "{line}");
        }
    }

    #[test]
    fn a_stage_without_an_end_counts_for_the_next() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let marks = [
            (Mark::Kernel, at(3)),
            (Mark::Root, at(10)),
            (Mark::Ready, at(25)),
        ];
        let expected = [
            (Stage::Firmware, Duration::from_secs(3)),
            (Stage::Initrd, Duration::from_secs(7)),
            (Stage::Services, Duration::from_secs(15)),
        ];
        assert_eq!(stages(start, &marks), expected);
        assert_eq!(stages(start, &[]), []);
    }
}
