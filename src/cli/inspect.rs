//! `imgbuild inspect`: what a spec makes, and the line that asked for it.

use std::io::Write;

use anyhow::Context;

use crate::diagnostic::Sources;
use crate::pki::Access;
use crate::{ignition, parts};

use super::messages::Messages;
use super::outcome::Failure;
use super::spec_file::{SpecFile, chosen};

/// Prints each file, unit and user of the nodes, with its place in the spec.
pub fn run(
    file: &SpecFile,
    node: Option<&str>,
    sources: &mut Sources,
    messages: Messages,
) -> Result<(), Failure> {
    let cluster = file.decide(Access::Look, sources, messages)?;
    let mut out = std::io::stdout().lock();
    for node in chosen(&cluster, node)? {
        let mut fragments = parts::all(node);
        fragments.push(node.own.clone());
        let mut lines = Vec::new();
        for (thing, origin) in ignition::trace(&fragments) {
            let place = match origin.span {
                Some(span) => sources.place(span),
                None => "every node".to_owned(),
            };
            lines.push(format!("  {thing}  ({}, {place})", origin.part));
        }
        writeln!(out, "{}\n{}", node.hostname.value, lines.join("\n"))
            .context("writing to standard output")?;
    }
    Ok(())
}
