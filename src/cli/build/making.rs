//! Artifacts in one file.

use std::io::Write;
use std::rc::Rc;

use anyhow::Context;

use crate::base::Base;
use crate::pack::{self, Format, Patch};
use crate::progress::Progress;

use super::super::embed::Image;
use super::super::outcome::Failure;
use super::Ready;

/// What an artifact is made of beside the node.
#[derive(Debug)]
pub enum Ground {
    /// Nothing: it is the node's config alone.
    Nothing,
    Base(Box<Base>),
    LiveIso(Rc<Image>),
}

/// An artifact in one file, all that it needs at hand.
pub struct Making<'a> {
    format: Format,
    ready: &'a Ready<'a>,
    ground: Ground,
    /// What makes a copy of a live ISO the node's.
    patches: Vec<Patch>,
}

impl<'a> Making<'a> {
    /// The node `ready` in `format`, on the ground that goes with that.
    pub fn new(format: Format, ground: Ground, ready: &'a Ready<'a>) -> Result<Self, Failure> {
        let patches = match &ground {
            Ground::LiveIso(image) => image.with(&ready.wishes())?,
            Ground::Nothing | Ground::Base(_) => Vec::new(),
        };
        Ok(Self {
            format,
            ready,
            ground,
            patches,
        })
    }

    /// Writes it.
    pub fn write(self, out: &mut std::fs::File, progress: &dyn Progress) -> anyhow::Result<()> {
        let format = self.format;
        let machine = self.ready.machine();
        match (format, &self.ground) {
            (Format::Ignition, _) => out
                .write_all(&self.ready.config())
                .context("writing the Ignition config"),
            (Format::Payload(compression), _) => pack::payload(out, machine.payload, compression),
            (Format::ConfigIso, _) => pack::config_iso(out, &self.ready.config(), progress),
            (Format::ConfigDrive, _) => pack::config_drive(out, &self.ready.config(), progress),
            (Format::Iso, Ground::Base(base)) => pack::iso(out, base, &machine, progress),
            (Format::Initrd, Ground::Base(base)) => {
                pack::initrd(out, base, Some(&machine), progress)
            }
            (Format::Embed, Ground::LiveIso(image)) => image.write(out, self.patches, progress),
            (Format::Iso | Format::Initrd | Format::Pxe | Format::Embed, _) => {
                anyhow::bail!("the format {format} cannot be written to one file without a base")
            }
        }
    }
}
