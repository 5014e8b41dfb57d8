//! `imgbuild diff`

use std::fmt::Write as _;
use std::path::Path;

use crate::ops::{self, Changes, DiffOptions, NodeChange, Session};

use super::outcome::Failure;
use super::stdout::print;

/// Prints what changes from `old` to `new`; for clusters, node by node. A version of Kubernetes
/// that the nodes cannot be upgraded to is invalid input.
pub fn run(
    (old, new): (&Path, &Path),
    node: Option<&str>,
    keys: Option<&Path>,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    let options = DiffOptions {
        node: node.map(str::to_owned),
        keys: keys.map(Path::to_owned),
        ..DiffOptions::new(old, new)
    };
    let changes = ops::diff(&options, session)?;
    print(text(&changes))?;
    if changes.refused.is_empty() {
        Ok(())
    } else {
        Err(Failure::Usage(changes.refused.join("; ")))
    }
}

fn text(changes: &Changes) -> String {
    let mut text = String::new();
    // Writing to a String does not fail, here and below.
    for (name, change) in &changes.nodes {
        let _ = match change {
            NodeChange::New => writeln!(text, "{name}: new node"),
            NodeChange::Gone => writeln!(text, "{name}: node removed"),
            NodeChange::Changed { upgrade, lines } => {
                if let Some((from, to)) = upgrade {
                    let (from, to) = (&from.version, &to.version);
                    let _ = writeln!(text, "{name}: Kubernetes {from} -> {to}");
                }
                if lines.is_empty() {
                    writeln!(text, "{name}: no changes")
                } else {
                    writeln!(text, "{name}:\n  {}", lines.join("\n  "))
                }
            }
        };
    }
    if !changes.steps.is_empty() {
        let _ = writeln!(text, "\nTo upgrade, take these steps in order:");
        for (index, step) in changes.steps.iter().enumerate() {
            let _ = writeln!(text, "  {}. {step}", index + 1);
        }
    }
    text
}
