//! What a spec makes, and the line that asked for it; or what is inside an artifact.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;

use super::spec_file::chosen;
use super::{Error, Result, Session, SpecFile};
use crate::names::Hostname;
use crate::pki::{Access, Certificate, CertificateError};
use crate::read::{self, Artifact, Thing};
use crate::{ignition, parts};

/// A node and each file, unit and user that its spec makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedNode {
    pub hostname: Hostname,
    pub things: Vec<TracedThing>,
}

/// One thing, and what asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracedThing {
    /// Its kind and its name: `file /etc/hostname`.
    pub name: String,
    /// The part of imgbuild that makes it, or the section of the spec.
    pub part: String,
    /// Path, line and column in the spec; `None`: every node has it.
    pub place: Option<String>,
}

/// What the nodes of `spec` are made of; `node`: only the one with this host name. The key folder
/// stays as it is.
pub fn spec(
    spec: &SpecFile,
    node: Option<&str>,
    session: &mut Session<'_>,
) -> Result<Vec<TracedNode>> {
    let cluster = spec.decide(Access::Look, session)?;
    let mut nodes = Vec::new();
    for node in chosen(&cluster, node)? {
        let mut fragments = parts::all(node);
        fragments.push(node.user_sections.clone());
        let things = ignition::trace(&fragments).into_iter();
        let traced = things.map(|(name, origin)| TracedThing {
            name,
            part: origin.part.to_string(),
            place: origin.span.map(|span| session.sources.place(span)),
        });
        nodes.push(TracedNode {
            hostname: node.hostname.value.clone(),
            things: traced.collect(),
        });
    }
    Ok(nodes)
}

/// What an artifact holds, but no secret.
#[derive(Debug)]
pub struct Inspected {
    pub artifact: Artifact,
    /// The node's name, as the artifact has it: it may be anything.
    pub hostname: Option<String>,
    pub config: InspectedConfig,
    /// The config of the system that a live system installs.
    pub installed: Option<InspectedConfig>,
}

/// What an Ignition config asks for.
#[derive(Debug)]
pub struct InspectedConfig {
    /// The version of Ignition's specification; empty: there is no config.
    pub version: String,
    pub things: Vec<Thing>,
    /// Its certificates by path; for one that cannot be read, the reason.
    pub certificates: Vec<(String, Result<Certificate, CertificateError>)>,
}

/// What the artifact at `path` holds; of a folder to boot machines from, what each node's payload
/// does, one after the other.
pub fn artifact(path: &Path) -> Result<impl Iterator<Item = Result<Inspected>>> {
    let artifacts = read::artifacts(path).map_err(Error::from_reading)?;
    Ok(artifacts.map(move |artifact| {
        let inspected = inspected(artifact.map_err(Error::from_reading)?);
        let inspected = inspected.with_context(|| format!("reading {}", path.display()));
        inspected.map_err(Error::from_reading)
    }))
}

fn inspected(artifact: Artifact) -> anyhow::Result<Inspected> {
    let laid = read::laid(&artifact.config)?;
    let kept = laid.size();
    let files = laid.files;
    let hostname = files.get("/etc/hostname");
    let installed = files
        .get(read::DEST_PATH)
        .filter(|_| artifact.format.facts().is_live);
    Ok(Inspected {
        hostname: hostname.map(|name| String::from_utf8_lossy(name).trim().to_owned()),
        config: config(&artifact.config, &files, kept)?,
        installed: installed
            .map(|installed| {
                let held = kept + artifact.config.len() as u64;
                let laid = read::laid_beside(installed, held)?;
                config(installed, &laid.files, held + laid.size())
            })
            .transpose()?,
        artifact,
    })
}

/// What `config` asks for, which puts `files` on the node; `held` bytes are in memory beside it.
fn config(
    config: &[u8],
    files: &BTreeMap<String, Vec<u8>>,
    held: u64,
) -> anyhow::Result<InspectedConfig> {
    let (version, things) = read::listing_beside(config, held)?;
    let certificates = read::certificates(files).into_iter();
    Ok(InspectedConfig {
        version,
        things,
        certificates: certificates
            .map(|(path, pem)| (path.to_owned(), Certificate::from_pem(&pem)))
            .collect(),
    })
}
