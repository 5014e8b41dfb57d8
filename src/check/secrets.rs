//! Secrets that every user of the node could read.

use crate::diagnostic::{Diagnostic, codes};
use crate::node::Node;
use crate::node::fragment::Contents;
use crate::secrets::has_secret;

const OTHERS_READ: u32 = 0o004;

pub(super) fn check(node: &Node, found: &mut Vec<Diagnostic>) {
    for file in &node.user_sections.files {
        let all = file.contents.iter().chain(&file.append);
        if file.mode & OTHERS_READ != 0 && all.into_iter().any(is_secret) {
            found.push(
                Diagnostic::warning(
                    codes::READABLE_SECRET,
                    file.origin.span.unwrap_or_default(),
                    format!(
                        "`{}` contains a secret, and every user can read it (mode {:04o})",
                        file.path, file.mode
                    ),
                )
                .help("add `mode: 0600`, and the owner that needs it"),
            );
        }
    }
    for unit in &node.user_sections.units {
        let texts = unit
            .contents
            .iter()
            .chain(unit.dropins.iter().map(|(_, text)| text));
        if texts.into_iter().any(|text| has_secret(text.as_bytes())) {
            found.push(
                Diagnostic::warning(
                    codes::READABLE_SECRET,
                    unit.origin.span.unwrap_or_default(),
                    format!(
                        "unit `{}` contains a secret, and every user can read units",
                        unit.name
                    ),
                )
                .help(
                    "put the secret in a file with `mode: 0600` and refer to that file in the unit",
                ),
            );
        }
    }
}

fn is_secret(contents: &Contents) -> bool {
    match contents {
        Contents::Inline(bytes) => has_secret(bytes),
        Contents::Remote(_) => false,
    }
}
