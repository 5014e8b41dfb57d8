//! Nodes whose configs are made.

use crate::base::Base;
use crate::diagnostic::{Diagnostic, in_order};
use crate::embed::{Edits, LiveSettings};
use crate::facts::systems::LinkManager;
use crate::ignition;
use crate::names::MacAddr;
use crate::node::Node;
use crate::node::network::InterfaceMatch;
use crate::pack::{self, Machine, Payload};
use crate::parts;
use crate::processors::on_all_processors;

use super::findings::has_errors;
use super::{Error, Result, Session};

/// A node whose config is made: all that the packers need beside the base.
#[derive(Debug)]
pub struct CompiledNode<'a> {
    pub node: &'a Node,
    payload: Payload,
    kernel_arguments: Vec<String>,
    macs: Vec<MacAddr>,
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
            kernel_arguments: kernel_arguments(node),
            macs: macs(node),
        };
        Ok((made, compiled.warnings))
    }

    /// The node's config for people.
    pub(super) fn config(&self) -> Vec<u8> {
        ignition::indented(&self.payload.config)
    }

    /// The node as the packers see it.
    pub fn machine(&self) -> Machine<'_> {
        Machine {
            hostname: &self.node.hostname.value,
            payload: &self.payload,
            kernel_arguments: &self.kernel_arguments,
            macs: &self.macs,
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

/// What the node's initrd has of it.
fn payload(node: &Node, config: &ignition::Config, network: Vec<(String, Vec<u8>)>) -> Payload {
    let facts = node.target.facts();
    let payload = Payload {
        config_path: facts.paths.config,
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

/// The node's own kernel arguments.
fn kernel_arguments(node: &Node) -> Vec<String> {
    node.kernel_arguments
        .iter()
        .map(|argument| argument.value.clone())
        .collect()
}

/// The cards that the spec names by address.
fn macs(node: &Node) -> Vec<MacAddr> {
    node.network
        .interfaces
        .iter()
        .filter_map(|interface| match interface.matching {
            InterfaceMatch::Mac { mac, .. } => Some(mac),
            InterfaceMatch::Name(_) | InterfaceMatch::AnyEthernet => None,
        })
        .collect()
}
