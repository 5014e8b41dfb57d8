//! Configs in live ISOs of Fedora CoreOS and for their network boot: put in, and taken out again.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::embed::{self, Edits, Installer, LiveSettings};
use crate::formats::bounded;
use crate::pack::{Format, Patch};
use crate::pki::Access;

use super::build::{warn_of_keys_in_the_clear, warn_of_others};
use super::compiled_node::CompiledNode;
use super::destination::for_target;
use super::live_image::LiveImage;
use super::protected::Protected;
use super::spec_file::{chosen, is_spec, names};
use super::{Destination, Error, FetchOptions, Notice, Result, Session, SpecFile, pinning};

/// The largest config or keyfile that is read, in bytes.
const INPUT_MAX: u64 = 88 << 20;

/// What a live system is given. A config is an Ignition config, or by its name (`.yaml`) a node
/// spec, whose node's keyfiles and kernel arguments come along.
#[derive(Debug, Default)]
pub struct EmbedOptions {
    /// The config of the live system.
    pub config: Option<PathBuf>,
    /// Keyfiles of `NetworkManager`, for the live system and one that it installs.
    pub keyfiles: Vec<PathBuf>,
    /// Changes to the live kernel's arguments. A payload cannot carry any.
    pub arguments: Edits,
    /// What the live system installs, but for its config.
    pub installer: Installer,
    /// The config of the installed system.
    pub installed_config: Option<PathBuf>,
    /// Of a cluster's spec, the node with this host name.
    pub node: Option<String>,
    /// The folder of the cluster's keys; `None`: beside the spec.
    pub keys: Option<PathBuf>,
    pub fetch: FetchOptions,
    /// Replaces what was embedded in the live ISO before, which is refused otherwise.
    pub force: bool,
}

/// Writes a copy of the live ISO `iso` with what `options` give it to `output`, which may be the
/// ISO itself.
///
/// Settings for which the ISO has no place, or not enough of it, are refused.
pub fn embed(
    iso: &Path,
    options: &EmbedOptions,
    output: &Destination,
    session: &mut Session<'_>,
) -> Result<()> {
    let image = LiveImage::open(iso)?;
    if !options.force {
        image.check_pristine()?;
    }
    let settings = settings(options, false, session)?;
    check_output(options, output, session)?;
    let patches = image.with(&settings)?;
    write_patched(&image, patches, output, session)
}

/// Writes a copy of the live ISO `iso` without anything that was embedded in it to `output`: the
/// original, byte for byte.
pub fn remove(iso: &Path, output: &Destination, session: &Session<'_>) -> Result<()> {
    let image = LiveImage::open(iso)?;
    let patches = embed::removed(&image.live);
    write_patched(&image, patches, output, session)
}

/// Writes what `options` give a live system that boots from a network to `output`: a payload, to be
/// loaded after the live system's initrd.
pub fn payload(
    options: &EmbedOptions,
    output: &Destination,
    session: &mut Session<'_>,
) -> Result<()> {
    let settings = settings(options, true, session)?;
    check_output(options, output, session)?;
    let bytes = settings.archive().map_err(Error::from_embedding)?;
    output.write(&bytes, &Protected::default())?;
    tell_written(output, session);
    if settings.config.is_some() || !settings.installer.is_idle() {
        session.notice(&Notice::PayloadNeedsArguments);
    }
    Ok(())
}

/// Refuses an output that would replace what it is made from, but for a live ISO itself.
fn check_output(options: &EmbedOptions, output: &Destination, session: &Session<'_>) -> Result<()> {
    let Some(path) = output.path() else {
        return Ok(());
    };
    for config in options.config.iter().chain(&options.installed_config) {
        if is_spec(config) {
            let spec = SpecFile::new(config).with_keys(options.keys.clone());
            Protected::spec(&spec, session).refuse(path)?;
        } else {
            Protected::file(config, "the config").refuse(path)?;
        }
    }
    let mut keyfiles = options.keyfiles.iter();
    keyfiles.try_for_each(|keyfile| Protected::file(keyfile, "a keyfile").refuse(path))
}

fn write_patched(
    image: &LiveImage,
    patches: Vec<Patch>,
    output: &Destination,
    session: &Session<'_>,
) -> Result<()> {
    let mut out = output.create()?;
    image
        .write(out.file(), patches, session.progress())
        .with_context(|| format!("writing {output}"))?;
    out.commit()?;
    tell_written(output, session);
    Ok(())
}

fn tell_written(output: &Destination, session: &Session<'_>) {
    if let Some(path) = output.path() {
        session.notice(&Notice::Wrote(path.to_owned()));
    }
}

/// What the options ask for; `is_payload`: for a payload.
fn settings(
    options: &EmbedOptions,
    is_payload: bool,
    session: &mut Session<'_>,
) -> Result<LiveSettings> {
    let mut settings = match &options.config {
        Some(path) => live_config(path, options, is_payload, session)?,
        None => LiveSettings::default(),
    };
    let wanted = &options.arguments;
    let arguments = &mut settings.arguments;
    arguments.append.extend(wanted.append.iter().cloned());
    arguments.delete.clone_from(&wanted.delete);
    arguments.replace.clone_from(&wanted.replace);
    for path in &options.keyfiles {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(Error::Request(format!(
                "{} is not a valid keyfile name",
                path.display()
            )));
        };
        settings.keyfiles.push((name.to_owned(), input(path)?));
    }
    settings.installer = options.installer.clone();
    if let Some(path) = &options.installed_config {
        install(path, options, is_payload, &mut settings, session)?;
    }
    if settings.is_empty() {
        return Err(Error::Request(
            "nothing to embed: give --ignition, --dest-device, --network-keyfile, --karg-append or another of \
             `imgbuild embed --help`"
                .to_owned(),
        ));
    }
    match &settings.installer.device {
        Some(device) => session.notice(&Notice::OverwritesDisk(device.clone())),
        None if !settings.installer.is_idle() => session.notice(&Notice::NoDiskToInstallOnto),
        None => {}
    }
    Ok(settings)
}

/// What the config at `path` is to a live system.
fn live_config(
    path: &Path,
    options: &EmbedOptions,
    is_payload: bool,
    session: &mut Session<'_>,
) -> Result<LiveSettings> {
    let given = config(path, options, is_payload, session)?;
    if is_payload && !given.arguments.is_empty() {
        session.notice(&Notice::ArgumentsLeftToBootLoader {
            spec: path.to_owned(),
            arguments: given.arguments.append.clone(),
        });
    }
    Ok(given)
}

/// Has the installer of `settings` install a system with the config at `path`.
fn install(
    path: &Path,
    options: &EmbedOptions,
    is_payload: bool,
    settings: &mut LiveSettings,
    session: &mut Session<'_>,
) -> Result<()> {
    let given = config(path, options, is_payload, session)?;
    let installer = &mut settings.installer;
    installer.append.splice(..0, given.arguments.append);
    let removed = given.arguments.delete_if_there;
    installer.delete.splice(..0, removed);
    installer.config = given.config;
    for (name, contents) in given.keyfiles {
        if !settings.keyfiles.iter().any(|(other, _)| *other == name) {
            settings.keyfiles.push((name, contents));
        }
    }
    Ok(())
}

/// The config at `path`: an Ignition config verbatim, or that of a node spec with whatever else the
/// node requires.
fn config(
    path: &Path,
    options: &EmbedOptions,
    is_payload: bool,
    session: &mut Session<'_>,
) -> Result<LiveSettings> {
    if !is_spec(path) {
        let bytes = input(path)?;
        let shown = path.display().to_string();
        for warning in embed::check(&bytes, &shown).map_err(Error::from_embedding)? {
            session.notice(&Notice::ConfigDoubtful(warning));
        }
        return Ok(LiveSettings {
            config: Some(bytes),
            ..LiveSettings::default()
        });
    }
    let file = SpecFile::new(path).with_keys(options.keys.clone());
    let mut cluster = file.decide(Access::Write, session)?;
    pinning::pin(&mut cluster, &options.fetch, &file.lock, session)?;
    let nodes = chosen(&cluster, options.node.as_deref())?;
    let [node] = nodes[..] else {
        return Err(Error::Request(format!(
            "{} has several nodes, but an image holds one: choose with --node ({})",
            path.display(),
            names(&cluster)
        )));
    };
    for_target(Format::LiveIso, true, &nodes)?;
    warn_of_others(&nodes, session);
    if is_payload {
        warn_of_keys_in_the_clear(&nodes, Format::LivePayload, session);
    }
    let compiled = CompiledNode::all(&[node], session)?;
    Ok(compiled[0].live_settings())
}

/// A file that the options name.
fn input(path: &Path) -> Result<Vec<u8>> {
    let read = || bounded(File::open(path)?, INPUT_MAX);
    read()
        .with_context(|| format!("reading {}", path.display()))
        .map_err(Error::from_reading)
}
