//! Artifacts in one file.

use std::fs::File;
use std::io::Write;
use std::rc::Rc;

use anyhow::Context;

use crate::base::Base;
use crate::pack::{self, Format, Patch};
use crate::progress::Progress;

use super::compiled_node::CompiledNode;
use super::live_image::LiveImage;
use super::{Error, Result};

/// What an artifact is made of beside the node.
#[derive(Debug)]
pub enum BuildInput {
    /// Nothing: it is the node's config alone.
    Nothing,
    Base(Box<Base>),
    LiveIso(Rc<LiveImage>),
}

/// An artifact in one file, all that it needs at hand.
pub struct ArtifactWriter<'a> {
    format: Format,
    node: &'a CompiledNode<'a>,
    input: BuildInput,
    /// What makes a copy of a live ISO the node's.
    patches: Vec<Patch>,
    /// A live system's payload for network boot.
    live_payload: Vec<u8>,
}

impl<'a> ArtifactWriter<'a> {
    /// `node` in `format`, made of the input that goes with that.
    pub fn new(format: Format, input: BuildInput, node: &'a CompiledNode<'a>) -> Result<Self> {
        let patches = match &input {
            BuildInput::LiveIso(image) => image.with(&node.live_settings())?,
            BuildInput::Nothing | BuildInput::Base(_) => Vec::new(),
        };
        let live_payload = match format {
            Format::LivePayload => {
                let archive = node.live_settings().archive();
                archive.map_err(Error::from_embedding)?
            }
            _ => Vec::new(),
        };
        Ok(Self {
            format,
            node,
            input,
            patches,
            live_payload,
        })
    }

    /// Writes it.
    pub fn write(self, out: &mut File, progress: &dyn Progress) -> anyhow::Result<()> {
        let format = self.format;
        let machine = self.node.machine();
        match (format, &self.input) {
            (Format::Ignition, _) => out
                .write_all(&self.node.config())
                .context("writing the Ignition config"),
            (Format::Payload(compression), _) => pack::payload(out, machine.payload, compression),
            (Format::ConfigIso, _) => pack::config_iso(out, &self.node.config(), progress),
            (Format::ConfigDrive, _) => pack::config_drive(out, &self.node.config(), progress),
            (Format::LivePayload, _) => out
                .write_all(&self.live_payload)
                .context("writing the payload"),
            (Format::Iso, BuildInput::Base(base)) => pack::iso(out, base, &machine, progress),
            (Format::Initrd, BuildInput::Base(base)) => {
                pack::initrd(out, base, Some(&machine), progress)
            }
            (Format::LiveIso, BuildInput::LiveIso(image)) => {
                image.write(out, self.patches, progress)
            }
            (Format::Iso | Format::Initrd | Format::Pxe | Format::LiveIso, _) => {
                anyhow::bail!("the format {format} cannot be written to one file without a base")
            }
        }
    }
}
