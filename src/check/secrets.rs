//! Secrets where every user of the node could read them.

use crate::diagnostic::{Diagnostic, codes};
use crate::node::Node;
use crate::node::fragment::Contents;

/// Words that only private keys have: PEM (RFC 7468), OpenSSH's keys, kubeconfigs.
const MARKS: [&str; 2] = ["PRIVATE KEY-----", "client-key-data:"];

const OTHERS_READ: u32 = 0o004;

pub(super) fn check(node: &Node, found: &mut Vec<Diagnostic>) {
    for file in &node.own.files {
        let all = file.contents.iter().chain(&file.append);
        if file.mode & OTHERS_READ != 0 && all.into_iter().any(is_secret) {
            found.push(
                Diagnostic::warning(
                    codes::READABLE_SECRET,
                    file.origin.span.unwrap_or_default(),
                    format!(
                        "`{}` holds a private key and every user can read it (mode {:04o})",
                        file.path, file.mode
                    ),
                )
                .help("add `mode: 0600`, and the owner that needs it"),
            );
        }
    }
    for unit in &node.own.units {
        let texts = unit
            .contents
            .iter()
            .chain(unit.dropins.iter().map(|(_, text)| text));
        if texts.into_iter().any(|text| has_mark(text.as_bytes())) {
            found.push(
                Diagnostic::warning(
                    codes::READABLE_SECRET,
                    unit.origin.span.unwrap_or_default(),
                    format!(
                        "the unit `{}` holds a private key, and units can be read by every user",
                        unit.name
                    ),
                )
                .help("put the key in a file with `mode: 0600` and name that file in the unit"),
            );
        }
    }
}

fn is_secret(contents: &Contents) -> bool {
    match contents {
        Contents::Inline(bytes) => has_mark(bytes),
        Contents::Remote(_) => false,
    }
}

fn has_mark(bytes: &[u8]) -> bool {
    MARKS.iter().any(|mark| {
        bytes
            .windows(mark.len())
            .any(|window| window == mark.as_bytes())
    })
}
