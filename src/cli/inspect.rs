//! `imgbuild inspect`

use std::fmt::Write as _;
use std::path::Path;
use std::time::SystemTime;

use super::keys::{date, days};
use super::outcome::Failure;
use super::stdout::print;
use crate::ops::inspect::{self, Inspected, InspectedConfig, TracedNode};
use crate::ops::{Session, SpecFile};
use crate::read::Thing;

/// Prints what the artifact at `path` contains, without secrets; for a folder for network boot,
/// what each node's payload contains.
pub fn artifact(path: &Path, session: &Session<'_>) -> Result<(), Failure> {
    let now = (session.environment.now)();
    for inspected in inspect::artifact(path)? {
        let text = describe(&inspected?, now);
        print(format!("{}: {text}", path.display()))?;
    }
    Ok(())
}

fn describe(inspected: &Inspected, now: SystemTime) -> String {
    let (artifact, config) = (&inspected.artifact, &inspected.config);
    let facts = artifact.format.facts();
    let mut text = format!("{}\n", facts.title);
    if let Some(name) = &inspected.hostname {
        line(&mut text, "node", name);
    }
    if let Some(base) = &artifact.base {
        line(&mut text, "base", base);
    }
    if !artifact.microcode.is_empty() {
        line(&mut text, "microcode", &artifact.microcode.join(", "));
    }
    for extension in &artifact.extensions {
        line(&mut text, "extension", extension);
    }
    if let Some(arguments) = &artifact.kernel_arguments {
        line(&mut text, "arguments", &arguments.join(" "));
    }
    if facts.is_live && config.version.is_empty() {
        line(&mut text, "Ignition", "none");
    } else {
        let bytes = artifact.config.len();
        line(
            &mut text,
            "Ignition",
            &format!("{}, {bytes} bytes", config.version),
        );
    }
    for name in artifact.network.keys() {
        if facts.is_live {
            line(&mut text, "keyfile", name);
        } else {
            let name = name.escape_debug();
            let _ = writeln!(text, "  network of Ignition's own downloads: {name}");
        }
    }
    list(&mut text, "Contents of the config", &config.things);
    if let Some(installed) = &inspected.installed {
        let version = installed.version.escape_debug();
        let title = format!("Contents of the installed system's config (Ignition {version})");
        list(&mut text, &title, &installed.things);
        certificates(&mut text, installed, now);
    }
    certificates(&mut text, config, now);
    text
}

fn line(text: &mut String, name: &str, value: &str) {
    // Writing to a String does not fail, here and below.
    let _ = writeln!(text, "  {name:<12}{}", value.escape_debug());
}

fn list(text: &mut String, title: &str, things: &[Thing]) {
    let _ = writeln!(text, "\n{title}");
    for thing in things {
        let _ = writeln!(text, "  {}", thing.to_string().escape_debug());
    }
}

/// The certificates of `config`, with the day that each ends.
fn certificates(text: &mut String, config: &InspectedConfig, now: SystemTime) {
    if !config.certificates.is_empty() {
        let _ = writeln!(text, "\nCertificates");
    }
    for (path, certificate) in &config.certificates {
        let path = path.escape_debug();
        let _ = match certificate {
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
    path: &Path,
    node: Option<&str>,
    keys: Option<&Path>,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    let file = SpecFile::new(path).with_keys(keys.map(Path::to_owned));
    let nodes = inspect::spec(&file, node, session)?;
    print(nodes.iter().map(trace).collect::<String>())?;
    Ok(())
}

fn trace(node: &TracedNode) -> String {
    let mut lines = vec![node.hostname.to_string()];
    lines.extend(node.things.iter().map(|thing| {
        let place = thing.place.as_deref().unwrap_or("every node");
        format!("  {}  ({}, {place})", thing.name, thing.part)
    }));
    lines.join("\n") + "\n"
}
