//! The machine that a node requires of which only the artifact is known.

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::Result;
use ipnet::Ipv4Net;

use crate::facts::systems::{LinkManager, Target};
use crate::names::{Arch, MacAddr};
use crate::qemu::{Disk, Machine, UserNetwork};
use crate::read;

use super::DEFAULT_DISK;

/// A node, as far as its machine is concerned.
#[derive(Debug, Default)]
pub struct WrittenNode {
    pub name: Option<String>,
    pub target: Target,
    pub arch: Arch,
    mac: Option<MacAddr>,
    network: Option<UserNetwork>,
    wants_disk: bool,
}

impl WrittenNode {
    /// Reads the artifact at `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let artifact = read::artifact(path)?;
        let laid = read::laid(&artifact.config)?;
        let text = |path: &str| {
            let bytes = laid.files.get(path)?;
            Some(String::from_utf8_lossy(bytes).trim().to_owned())
        };
        let of = |manager: LinkManager, ending: &str| {
            let files = laid.files.iter();
            let files = files
                .filter(|(path, _)| path.starts_with(manager.folder()) && path.ends_with(ending));
            let texts = files.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned());
            texts.collect::<Vec<_>>()
        };
        let links = of(LinkManager::Networkd, ".link");
        let networks = of(LinkManager::Networkd, ".network");
        let keyfiles = of(LinkManager::NetworkManager, ".nmconnection");
        let mac_of = |texts: &[String], key: &str| {
            let mut texts = texts.iter();
            texts.find_map(|text| values(text, key).next()?.parse().ok())
        };
        let arguments = artifact.kernel_arguments.unwrap_or_default();
        Ok(Self {
            name: text("/etc/hostname"),
            target: artifact.target.unwrap_or_default(),
            // The first serial port of an arm64 machine, which every node has for a console.
            arch: if arguments.iter().any(|a| a.starts_with("console=ttyAMA")) {
                Arch::Arm64
            } else {
                Arch::Amd64
            },
            mac: mac_of(&links, "PermanentMACAddress").or_else(|| mac_of(&keyfiles, "mac-address")),
            network: (networks.iter().find_map(|text| network(text)))
                .or_else(|| keyfiles.iter().find_map(|text| keyfile_network(text))),
            wants_disk: laid.disks.iter().any(|disk| disk.starts_with("/dev/vd")),
        })
    }

    /// `machine` with the network, the card and the disk that the node expects.
    pub fn fit(&self, mut machine: Machine) -> Machine {
        machine.mac = self.mac.or(machine.mac);
        if let Some(network) = &self.network {
            machine.network = network.clone();
        }
        if self.wants_disk {
            machine.disks.push(Disk::Scratch(DEFAULT_DISK));
        }
        machine
    }
}

/// The network around the first static IPv4 address of a `.network` file.
fn network(text: &str) -> Option<UserNetwork> {
    let address: Ipv4Net = values(text, "Address").find_map(|value| value.parse().ok())?;
    let ip = |value: &str| value.parse::<Ipv4Addr>().ok();
    let gateway = values(text, "Gateway")
        .filter_map(ip)
        .find(|gateway| address.contains(gateway));
    let dns: Vec<_> = values(text, "DNS").filter_map(ip).collect();
    UserNetwork::around(address, gateway, &dns)
}

/// The network around the first static IPv4 address of a keyfile, in which the gateway follows it.
fn keyfile_network(text: &str) -> Option<UserNetwork> {
    let first = values(text, "address1").find_map(|value| {
        let (address, gateway) = value.split_once(',').unwrap_or((value, ""));
        Some((address.parse::<Ipv4Net>().ok()?, gateway.parse().ok()))
    });
    let (address, gateway) = first?;
    let servers = values(text, "dns").flat_map(|list| list.split(';'));
    let servers: Vec<Ipv4Addr> = servers.filter_map(|server| server.parse().ok()).collect();
    UserNetwork::around(address, gateway, &servers)
}

/// The values of `key` in a systemd unit or a keyfile.
fn values<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then(|| value.trim())
    })
}
