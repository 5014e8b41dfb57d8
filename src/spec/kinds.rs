//! The kinds of nodes that a spec can have. The target of a node says which one it is, and so which
//! keys it has; nothing else of this room asks.

use serde_json::Value as Json;

use super::decode::{Decode, Decoder, Schemas};
use super::types::{Cluster, ContainerLinux, Spec};
use super::yaml::Node;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::systems::{Facts, SpecKeys, TABLE, Target};
use crate::names::Hostname;

/// A kind of nodes.
#[derive(Debug)]
pub struct NodeKind {
    pub keys: SpecKeys,
    /// The name of its record.
    pub record: &'static str,
    /// The name of the definition of a node under `nodes:`.
    pub node: &'static str,
    /// The name of the definition of a whole file.
    pub file: &'static str,
    pub(super) schema: fn(&mut Schemas) -> Json,
    read: fn(&Node, bool, &mut Decoder, &mut Cluster),
}

/// All of them; the first one is that of most targets.
pub static KINDS: [NodeKind; 2] = [
    NodeKind {
        keys: SpecKeys::Own,
        record: "Spec",
        node: "Node",
        file: "File",
        schema: Spec::schema,
        read: |tree, needs_name, decoder, cluster| {
            let read = Spec::decode(tree, decoder);
            let is_right = !needs_name || has_name(tree, decoder);
            cluster.nodes.extend(read.filter(|_| is_right));
        },
    },
    NodeKind {
        keys: SpecKeys::Ct,
        record: "ContainerLinux",
        node: "ContainerLinuxNode",
        file: "ContainerLinuxFile",
        schema: ContainerLinux::schema,
        read: |tree, _, decoder, cluster| {
            let read = ContainerLinux::decode(tree, decoder);
            cluster.container_linux.extend(read);
        },
    },
];

impl NodeKind {
    /// Returns the kind whose nodes have those keys.
    pub fn with(keys: SpecKeys) -> &'static Self {
        // In the order of the enum; a test compares them.
        &KINDS[keys as usize]
    }

    /// Returns the first target whose nodes are of this kind.
    pub fn target(&self) -> &'static Facts {
        let mut targets = TABLE.iter();
        targets
            .find(|facts| facts.keys == self.keys)
            .expect("a test looks for the target of each kind")
    }
}

/// Reads a node of `target`, which may have to have a name, and adds it to `cluster`.
pub(super) fn read(
    target: Target,
    tree: &Node,
    needs_name: bool,
    decoder: &mut Decoder,
    cluster: &mut Cluster,
) {
    (NodeKind::with(target.facts().keys).read)(tree, needs_name, decoder, cluster);
}

/// Reports a node without a name.
fn has_name(tree: &Node, decoder: &mut Decoder) -> bool {
    let Some(mut record) = decoder.record(tree, Spec::WHAT, Spec::KEYS) else {
        return false;
    };
    let name: Option<Located<Hostname>> = record.key("hostname");
    name.is_some()
}

/// Reports a file with nodes of both kinds.
pub(super) fn one_kind(cluster: &Cluster, decoder: &mut Decoder) {
    if let (Some(other), Some(first)) = (cluster.container_linux.first(), cluster.nodes.first()) {
        let span = other.target.map_or(other.span, |target| target.span);
        decoder.diagnostics.push(
            Diagnostic::error(
                codes::TARGETS_DIFFER,
                span,
                "Container Linux nodes must be in a separate spec",
            )
            .related(first.span, "a node with another target")
            .help("Kubernetes 1.9 cannot form a cluster with later releases: write a second spec"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_row_and_a_target() {
        assert_eq!(SpecKeys::ALL.len(), KINDS.len());
        for keys in SpecKeys::ALL {
            assert_eq!(NodeKind::with(keys).keys, keys);
            assert_eq!(NodeKind::with(keys).target().keys, keys);
        }
    }
}
