//! Nodes whose configs are made.

use std::net::IpAddr;
use std::time::UNIX_EPOCH;

use ipnet::IpNet;

use crate::base::Base;
use crate::diagnostic::{Diagnostic, Located, in_order};
use crate::embed::{Edits, LiveSettings};
use crate::facts::systems::{KernelArguments, LinkManager, Target};
use crate::ignition;
use crate::node::Node;
use crate::node::network::{Interface, InterfaceMatch};
use crate::pack::{self, Card, Machine, Payload};
use crate::parts;
use crate::pki::Certificate;
use crate::processors::on_all_processors;
use crate::read;

use super::findings::has_errors;
use super::{Error, Result, Session};

/// A node whose config is made: all that the packers need beside the base.
#[derive(Debug)]
pub struct CompiledNode<'a> {
    pub node: &'a Node,
    payload: Payload,
    /// The config of the system on a disk, where that differs from the payload's.
    installed: Option<Vec<u8>>,
    kernel_arguments: Vec<String>,
    removed_kernel_arguments: Vec<String>,
    cards: Vec<Card>,
}

impl<'a> CompiledNode<'a> {
    /// Compiles each of `nodes`; the mistakes of all of them in one list. Warnings are said at
    /// once.
    pub fn all(nodes: &[&'a Node], session: &Session<'_>) -> Result<Vec<Self>> {
        let mut compiled = Vec::with_capacity(nodes.len());
        let mut diagnostics = Vec::new();
        for node in on_all_processors(nodes.iter().copied(), Self::of) {
            match node {
                Ok((node, warnings)) => {
                    diagnostics.extend(warnings);
                    compiled.push(node);
                }
                Err(found) => diagnostics.extend(found),
            }
        }
        let diagnostics = in_order(diagnostics);
        if has_errors(&diagnostics) {
            return Err(Error::Input(diagnostics));
        }
        session.warnings(&diagnostics);
        Ok(compiled)
    }

    /// The compiled node and its warnings.
    fn of(node: &'a Node) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let compiled = ignition::compile(node, parts::all(node))?;
        let made = Self {
            node,
            payload: payload(node, &compiled.config, compiled.network),
            installed: installed(node, compiled.config),
            kernel_arguments: texts(&node.kernel_arguments),
            removed_kernel_arguments: texts(&node.removed_kernel_arguments),
            cards: cards(node),
        };
        Ok((made, compiled.warnings))
    }

    /// The node's config for people, and for a system that boots from its own disk.
    pub(super) fn config(&self) -> Vec<u8> {
        ignition::indented(self.installed.as_ref().unwrap_or(&self.payload.config))
    }

    /// The node as the packers see it.
    pub fn machine(&self) -> Machine<'_> {
        Machine {
            hostname: &self.node.hostname.value,
            payload: &self.payload,
            kernel_arguments: &self.kernel_arguments,
            removed_kernel_arguments: &self.removed_kernel_arguments,
            cards: &self.cards,
        }
    }

    /// The node as a live system of Fedora CoreOS takes it: its config, its keyfiles and its kernel
    /// arguments.
    pub fn live_settings(&self) -> LiveSettings {
        let keyfiles = match self.node.target.facts().links {
            LinkManager::NetworkManager => self.payload.network.clone(),
            LinkManager::Networkd => Vec::new(),
        };
        LiveSettings {
            config: Some(self.payload.config.clone()),
            keyfiles,
            arguments: Edits {
                delete_if_there: self.removed_kernel_arguments.clone(),
                append: self.kernel_arguments.clone(),
                ..Edits::default()
            },
            ..LiveSettings::default()
        }
    }

    /// The kernel's whole command line on `base`.
    pub fn command_line(&self, base: &Base) -> anyhow::Result<String> {
        pack::command_line(base, &self.machine())
    }
}

/// The config of `node` on its own disk, where Ignition sets kernel arguments. In an image of
/// imgbuild's they are on the command line already.
fn installed(node: &Node, config: ignition::Config) -> Option<Vec<u8>> {
    let has_arguments =
        !node.kernel_arguments.is_empty() || !node.removed_kernel_arguments.is_empty();
    let is_set = has_arguments && node.target.facts().kernel_arguments == KernelArguments::Ignition;
    is_set.then(|| ignition::to_json(&ignition::with_kernel_arguments(config, node)))
}

/// When the newest certificate in `config` became valid, in seconds since 1970: a node whose clock
/// is behind could not use it. Certificates that cannot be read are the user's own, for others.
fn newest_certificate(config: &[u8]) -> Option<u64> {
    // The config is ours, so it can be read.
    let laid = read::laid(config).ok()?;
    let certificates = read::certificates(&laid.files).into_iter();
    certificates
        .filter_map(|(_, pem)| Certificate::from_pem(&pem).ok())
        .filter_map(|certificate| {
            let valid = certificate.not_before().duration_since(UNIX_EPOCH).ok()?;
            Some(valid.as_secs())
        })
        .max()
}

/// What the node's initrd has of it.
fn payload(node: &Node, config: &ignition::Config, network: Vec<(String, Vec<u8>)>) -> Payload {
    let facts = node.target.facts();
    let payload = Payload {
        config_path: facts.paths.config,
        // Only our own stage 0 reads it.
        clock: if node.target == Target::Debian {
            newest_certificate
        } else {
            |_| None
        },
        config: ignition::to_json(config),
        ..Payload::default()
    };
    match facts.paths.network {
        None => payload,
        Some(network_folder) => Payload {
            network,
            network_folder,
            network_mode: facts.links.mode(),
            ..payload
        },
    }
}

/// `arguments` without their places in the spec.
fn texts(arguments: &[Located<String>]) -> Vec<String> {
    arguments
        .iter()
        .map(|argument| argument.value.clone())
        .collect()
}

/// The cards that the spec names by address.
fn cards(node: &Node) -> Vec<Card> {
    let card = |interface: &Interface| {
        let InterfaceMatch::Mac { mac, .. } = interface.matching else {
            return None;
        };
        let address = interface.addresses.iter().find_map(|own| match own.value {
            IpNet::V4(own) => Some(own),
            IpNet::V6(_) => None,
        });
        let mut gateways = interface.gateways.iter();
        Some(Card {
            mac,
            address,
            gateway: gateways.find_map(|gateway| match gateway.value {
                IpAddr::V4(gateway) => address?.contains(&gateway).then_some(gateway),
                IpAddr::V6(_) => None,
            }),
        })
    };
    node.network.interfaces.iter().filter_map(card).collect()
}
