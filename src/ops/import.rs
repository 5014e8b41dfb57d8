//! From other tools' configs to a node spec.

use std::fs::File;
use std::path::PathBuf;

use anyhow::Context;

use crate::formats::bounded;
use crate::import::{self, Imported, Options};
use crate::names::Hostname;

use super::{Error, Result, Session};

/// The largest config that is imported, in bytes.
const CONFIG_MAX: u64 = 8 << 20;

/// What is imported.
#[derive(Debug, Clone)]
pub struct ImportOptions {
    /// A Butane config, an Ignition config or a Container Linux Config.
    pub config: PathBuf,
    /// The node's name; `None`: as the config says, else, where the target needs one, after the
    /// config's own name.
    pub hostname: Option<Hostname>,
    /// The spec's target; `None`: what the config is written for.
    pub target: Option<String>,
}

impl ImportOptions {
    /// Imports the config at `config` as it is.
    pub fn new(config: impl Into<PathBuf>) -> Self {
        Self {
            config: config.into(),
            hostname: None,
            target: None,
        }
    }
}

/// Makes a node spec of a config of another tool. What a node spec has no word for is left out, and
/// listed in the result.
pub fn import(options: &ImportOptions, session: &mut Session<'_>) -> Result<Imported> {
    let path = &options.config;
    let bytes = || bounded(File::open(path)?, CONFIG_MAX);
    let bytes = bytes()
        .with_context(|| format!("reading {}", path.display()))
        .map_err(Error::from_reading)?;
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(Error::Request(format!("{} is not UTF-8", path.display())));
    };
    let source = session.sources.add(path.clone(), text.as_str());
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let options = Options {
        hostname: options.hostname.clone(),
        fallback: stem.and_then(|stem| stem.to_ascii_lowercase().parse().ok()),
        target: options.target.clone(),
    };
    Ok(import::import(&text, source, &options)?)
}
