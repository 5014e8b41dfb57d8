//! `imgbuild inspect`: what a spec produces, and the line that it comes from; or what an artifact
//! contains.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use anyhow::Context;

use crate::diagnostic::Sources;
use crate::pki::{Access, Certificate};
use crate::read::{self, Artifact, Kind};
use crate::{ignition, parts};

use super::keys::{date, days};
use super::messages::Messages;
use super::outcome::Failure;
use super::spec_file::{SpecFile, chosen};

/// Whether `path` is a spec, by its name.
pub fn is_spec(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ["yaml", "yml"].contains(&ending.to_ascii_lowercase().as_str()))
}

/// Prints what the artifact at `path` contains, without secrets; for a folder for network boot,
/// what each node's payload contains.
pub fn artifact(path: &Path) -> Result<(), Failure> {
    let described = || -> anyhow::Result<String> {
        let now = SystemTime::now();
        let mut text = String::new();
        for artifact in read::artifacts(path)? {
            let described =
                describe(&artifact, now).with_context(|| format!("reading {}", path.display()))?;
            let _ = write!(text, "{}: {described}", path.display());
        }
        Ok(text)
    };
    let text = described().map_err(Failure::of_reading)?;
    let mut out = std::io::stdout().lock();
    write!(out, "{text}").context("writing to standard output")?;
    Ok(())
}

fn describe(artifact: &Artifact, now: SystemTime) -> anyhow::Result<String> {
    let laid = read::laid(&artifact.config)?;
    let (version, things) = read::listing(&artifact.config)?;
    let mut text = String::new();
    // Writing to a String does not fail, here and below.
    let _ = writeln!(text, "{}", artifact.kind);
    if let Some(name) = laid.files.get("/etc/hostname") {
        let name = String::from_utf8_lossy(name);
        let _ = writeln!(text, "  node        {}", name.trim().escape_debug());
    }
    if let Some(base) = &artifact.base {
        let _ = writeln!(text, "  base        {}", base.escape_debug());
    }
    for extension in &artifact.extensions {
        let _ = writeln!(text, "  extension   {}", extension.escape_debug());
    }
    if let Some(arguments) = &artifact.kernel_arguments {
        let _ = writeln!(text, "  arguments   {}", arguments.join(" ").escape_debug());
    }
    let bytes = artifact.config.len();
    let is_live = matches!(artifact.kind, Kind::LiveIso | Kind::LivePayload);
    let _ = if is_live && version.is_empty() {
        writeln!(text, "  Ignition    none")
    } else {
        let version = version.escape_debug();
        writeln!(text, "  Ignition    {version}, {bytes} bytes")
    };
    for name in artifact.network.keys() {
        let name = name.escape_debug();
        let _ = if is_live {
            writeln!(text, "  keyfile     {name}")
        } else {
            writeln!(text, "  network of Ignition's own downloads: {name}")
        };
    }
    list(&mut text, "Contents of the config", &things);
    if let Some(installed) = laid.files.get(read::DEST_PATH).filter(|_| is_live) {
        let (version, things) = read::listing(installed)?;
        let version = version.escape_debug();
        let title = format!("Contents of the installed system's config (Ignition {version})");
        list(&mut text, &title, &things);
        let installed = read::laid(installed)?;
        certificates(&mut text, &installed.files, now);
    }
    certificates(&mut text, &laid.files, now);
    Ok(text)
}

fn list(text: &mut String, title: &str, things: &[read::Thing]) {
    let _ = writeln!(text, "\n{title}");
    for thing in things {
        let _ = writeln!(text, "  {}", thing.to_string().escape_debug());
    }
}

/// The certificates in `files`, with the day on which each expires.
fn certificates(text: &mut String, files: &BTreeMap<String, Vec<u8>>, now: SystemTime) {
    let certificates = read::certificates(files);
    if !certificates.is_empty() {
        let _ = writeln!(text, "\nCertificates");
    }
    for (path, pem) in certificates {
        let path = path.escape_debug();
        let _ = match Certificate::from_pem(&pem) {
            Ok(certificate) => writeln!(
                text,
                "  {path}  {}, by {}, until {} ({})",
                certificate.subject().escape_debug(),
                certificate.issuer().escape_debug(),
                date(certificate.not_after()),
                days(certificate.days_left(now))
            ),
            Err(why) => writeln!(text, "  {path}  {why}"),
        };
    }
}

/// Prints each file, unit and user of the nodes, with its place in the spec.
pub fn spec(
    file: &SpecFile,
    node: Option<&str>,
    sources: &mut Sources,
    messages: Messages,
) -> Result<(), Failure> {
    let cluster = file.decide(Access::Look, sources, messages)?;
    let mut out = std::io::stdout().lock();
    for node in chosen(&cluster, node)? {
        let mut fragments = parts::all(node);
        fragments.push(node.user_sections.clone());
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
