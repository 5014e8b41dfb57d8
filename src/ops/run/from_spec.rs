//! Machines for the nodes of a spec, which are built for them.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ipnet::{IpNet, Ipv4Net};

use crate::facts::systems::Target;
use crate::names::MacAddr;
use crate::node::Node;
use crate::node::network::{Interface, InterfaceMatch};
use crate::pack::output::Output;
use crate::pack::{self, Format};
use crate::pki::Access;
use crate::qemu::{Disk, Firmware, Machine, Medium, UserNetwork};

use super::{BootMedium, DEFAULT_DISK, RunOptions, check_network, check_wait, firmware};
use crate::ops::artifact_writer::ArtifactWriter;
use crate::ops::bases::Bases;
use crate::ops::compiled_node::CompiledNode;
use crate::ops::destination::for_target;
use crate::ops::spec_file::chosen;
use crate::ops::{Error, Result, Session, SpecFile, pinning};

/// Builds the nodes of a spec in `folder`, and describes a machine for each.
pub(super) fn machines(
    options: &RunOptions,
    folder: &Path,
    session: &mut Session<'_>,
) -> Result<Vec<(Machine, Target)>> {
    let file = SpecFile::new(&options.what).with_keys(options.keys.clone());
    let mut cluster = file.decide(Access::Write, session)?;
    pinning::pin(&mut cluster, &options.fetch, &file.lock, session)?;
    let nodes = chosen(&cluster, options.node.as_deref())?;
    let format = for_target(Format::Iso, true, &nodes)?;
    for node in &nodes {
        check_wait(options, node.hostname.as_str(), node.target)?;
    }
    let compiled = CompiledNode::all(&nodes, session)?;
    let mut builder = Builder {
        options,
        folder,
        format,
        bases: Bases::new(&options.fetch, &file.lock, session),
        session,
    };
    // A live ISO boots as one.
    let is_iso = options.firmware == Some(Firmware::SecureBoot) || format == Format::LiveIso;
    let medium = options.medium.unwrap_or(if is_iso {
        BootMedium::Cd
    } else {
        BootMedium::Kernel
    });
    if medium == BootMedium::Pxe {
        let machines = builder.bases.of_tree(&compiled)?;
        pack::pxe(&builder.tree(), &machines, session.progress())?;
    }
    let machines = compiled.iter().map(|node| {
        let medium = builder.medium(node, medium)?;
        Ok((builder.machine(node, medium)?, node.node.target))
    });
    machines.collect()
}

/// Builds what machines boot from.
struct Builder<'a> {
    options: &'a RunOptions,
    folder: &'a Path,
    /// Of what goes onto a CD or a USB stick.
    format: Format,
    bases: Bases<'a>,
    session: &'a Session<'a>,
}

impl Builder<'_> {
    /// The folder that machines boot from over the network.
    fn tree(&self) -> PathBuf {
        self.folder.join("pxe")
    }

    /// What the machine of `node` boots from.
    fn medium(&mut self, node: &CompiledNode<'_>, medium: BootMedium) -> Result<Medium> {
        let name = node.node.hostname.as_str();
        let path = self.folder.join(name);
        Ok(match medium {
            BootMedium::Cd => {
                self.write_image(node, &path)?;
                Medium::Cd(path)
            }
            BootMedium::Usb => {
                self.write_image(node, &path)?;
                Medium::UsbStick(path)
            }
            BootMedium::Kernel => {
                let base = self.bases.of_node(node.node)?;
                let mut out = Output::create(&path, true)?;
                let progress = self.session.progress();
                pack::initrd(out.file(), &base, Some(&node.machine()), progress)?;
                out.commit()?;
                Medium::Kernel {
                    kernel: base.kernel.clone(),
                    initrds: vec![path],
                    arguments: node.command_line(&base)?,
                }
            }
            BootMedium::Pxe => {
                check_network(name, node.node.arch)?;
                Medium::Pxe {
                    tree: self.tree(),
                    script: format!("nodes/{name}.ipxe"),
                }
            }
        })
    }

    fn write_image(&mut self, node: &CompiledNode<'_>, path: &Path) -> Result<()> {
        let input = self.bases.of(node.node, self.format)?;
        let mut out = Output::create(path, true)?;
        ArtifactWriter::new(self.format, input, node)?
            .write(out.file(), self.session.progress())?;
        Ok(out.commit()?)
    }

    /// The machine of `node`, which finds there what its spec names.
    fn machine(&self, node: &CompiledNode<'_>, medium: Medium) -> Result<Machine> {
        let decided = node.node;
        let firmware = firmware(self.options, decided.arch)?;
        let name = decided.hostname.as_str();
        let mut machine = Machine::new(name, decided.arch, firmware, medium);
        machine.mac = mac(decided);
        if decided.storage_device.is_some() {
            machine.disks.push(Disk::Scratch(DEFAULT_DISK));
        }
        machine.network = network(decided);
        if self.options.fw_cfg {
            machine.fw_cfg.push(fw_cfg(node, self.folder)?);
        }
        Ok(machine)
    }
}

/// The config as a file in `folder`, and the key by which the target's Ignition finds it.
fn fw_cfg(compiled: &CompiledNode<'_>, folder: &Path) -> Result<(&'static str, PathBuf)> {
    let node = compiled.node;
    let facts = node.target.facts();
    let Some(key) = facts.paths.fw_cfg else {
        return Err(Error::Request(format!(
            "the target of {} is {}, which does not read a config from fw_cfg: omit --fw-cfg",
            node.hostname.value, facts.title
        )));
    };
    let path = folder.join(format!("{}.ign", node.hostname.value));
    let mut out = Output::create(&path, true)?;
    out.file()
        .write_all(&compiled.machine().payload.config)
        .context("writing the Ignition config")?;
    out.commit()?;
    Ok((key, path))
}

/// The card's MAC address, where the spec matches by it.
fn mac(node: &Node) -> Option<MacAddr> {
    node.network
        .interfaces
        .iter()
        .find_map(|interface| match interface.matching {
            InterfaceMatch::Mac { mac, .. } => Some(mac),
            _ => None,
        })
}

/// A network that contains the node's first static IPv4 address.
fn network(node: &Node) -> UserNetwork {
    let first = |interface: &Interface| {
        let address = interface
            .addresses
            .iter()
            .find_map(|address| match address.value {
                IpNet::V4(v4) => Some(v4),
                IpNet::V6(_) => None,
            })?;
        around(address, interface)
    };
    node.network
        .interfaces
        .iter()
        .find_map(first)
        .unwrap_or_default()
}

fn around(address: Ipv4Net, interface: &Interface) -> Option<UserNetwork> {
    let v4 = |address: &std::net::IpAddr| match address {
        std::net::IpAddr::V4(v4) => Some(*v4),
        std::net::IpAddr::V6(_) => None,
    };
    let gateway = interface.gateways.iter().find_map(|g| v4(&g.value));
    let dns: Vec<_> = interface.dns.iter().filter_map(|d| v4(&d.value)).collect();
    UserNetwork::around(address, gateway, &dns)
}
