//! Mistakes between values that are valid by themselves: checked on decided nodes, all in one run.
//!
//! A check adds to a list of diagnostics and never stops another. Codes E02xx and W02xx, explained
//! in [`crate::diagnostic::codes`].

mod addresses;
mod boot;
mod cluster;
mod component_config;
mod component_flags;
mod disks;
mod etcd;
mod firewall;
mod flannel;
mod interfaces;
mod kubelet_config;
mod kubernetes;
mod kubernetes_documents;
mod kubernetes_networks;
mod kubernetes_proxy;
mod link_services;
mod links;
mod names;
mod own;
mod released_network;
mod secrets;
mod shared_address;

use std::collections::BTreeMap;

pub(super) use addresses::{host_bits, overlap};
pub(super) use component_config::component_config;
pub(super) use component_flags::{component_flags, component_gates};
pub(super) use etcd::{Member, check as etcd};
pub(super) use interfaces::unknown_interface;
pub(super) use kubelet_config::kubelet_config;
pub(super) use kubernetes::check as kubernetes;
pub(super) use kubernetes_documents::{audit_policy, static_pod};
pub(super) use released_network::{Beside, released_network, unled};

use crate::diagnostic::{Code, Diagnostic, Span, codes};
use crate::node::Node;
use crate::processors::on_all_processors;

/// Returns everything that is wrong with `nodes`, one by one and between them.
pub(super) fn nodes(nodes: &[Node]) -> Vec<Diagnostic> {
    let mut found = on_all_processors(nodes, one).concat();
    cluster::check(nodes, &mut found);
    flannel::check(nodes, &mut found);
    found
}

/// Returns everything that is wrong with `node` by itself.
fn one(node: &Node) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    interfaces::check(node, &mut found);
    addresses::check(node, &mut found);
    links::check(node, &mut found);
    link_services::check(node, &mut found);
    names::check(node, &mut found);
    boot::check(node, &mut found);
    disks::check(node, &mut found);
    firewall::check(node, &mut found);
    own::check(node, &mut found);
    secrets::check(node, &mut found);
    found
}

/// Finds what may occur only once.
struct Once<K> {
    code: Code,
    help: &'static str,
    seen: BTreeMap<K, Span>,
}

impl<K: Ord> Once<K> {
    fn new(code: Code, help: &'static str) -> Self {
        Self {
            code,
            help,
            seen: BTreeMap::new(),
        }
    }

    /// Records `key` at `span`; the second time, returns an error with `message` that points at the
    /// first.
    fn see(&mut self, key: K, span: Span, message: impl FnOnce() -> String) -> Option<Diagnostic> {
        let Some(&first) = self.seen.get(&key) else {
            self.seen.insert(key, span);
            return None;
        };
        Some(
            Diagnostic::error(self.code, span, message())
                .related(first, "first occurrence")
                .help(self.help),
        )
    }
}

/// Finds harmless duplicates: a warning.
struct Twice {
    what: &'static str,
    seen: BTreeMap<String, Span>,
}

impl Twice {
    /// `what` is the kind of thing: "module".
    fn new(what: &'static str) -> Self {
        Self {
            what,
            seen: BTreeMap::new(),
        }
    }

    /// Records `key`, written as `shown` at `span`.
    fn see(&mut self, key: String, shown: &str, span: Span) -> Option<Diagnostic> {
        let Some(&first) = self.seen.get(&key) else {
            self.seen.insert(key, span);
            return None;
        };
        let message = format!("{} `{shown}` is listed twice", self.what);
        Some(
            Diagnostic::warning(codes::NAMED_TWICE, span, message)
                .related(first, "first occurrence")
                .help("remove one"),
        )
    }
}
