//! From the tree of a whole file, its includes merged in, to the nodes that it describes.

use std::collections::HashSet;
use std::sync::Arc;

use super::decode::{Decode, Decoder, LocalRequest};
use super::kinds;
use super::merge::merge;
use super::types::{Cluster, ClusterSection, Spec};
use super::yaml::{Entry, Node, Scalar, Value};
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::systems::{TABLE, Target};

/// Values of all nodes of a file together; shared ones are counted for each node.
const VALUES_MAX: usize = 1_000_000;

/// What a tree contains.
#[derive(Debug)]
pub struct Assembled {
    /// The nodes that could be read, no matter how much is wrong with the others; `None` if the
    /// tree is not a spec.
    pub cluster: Option<Cluster>,
    pub diagnostics: Vec<Diagnostic>,
    /// Local files that the spec refers to, each once.
    pub local: Vec<LocalRequest>,
}

/// Reads `tree` as a spec file.
pub fn assemble(tree: &Node) -> Assembled {
    let mut decoder = Decoder::default();
    let cluster = read(tree, &mut decoder);
    // Shared settings are decoded for every node, but read and reported once.
    let mut seen = HashSet::new();
    decoder.local.retain(|request| seen.insert(request.clone()));
    let mut seen = HashSet::new();
    decoder.diagnostics.retain(|diagnostic| {
        seen.insert((diagnostic.code, diagnostic.span, diagnostic.message.clone()))
    });
    Assembled {
        cluster,
        diagnostics: decoder.diagnostics,
        local: decoder.local,
    }
}

fn read(tree: &Node, decoder: &mut Decoder) -> Option<Cluster> {
    let Value::Map(entries) = &tree.value else {
        decoder.wrong_type(tree, "a map (a spec)");
        return None;
    };
    let section = tree.get("cluster").and_then(|node| {
        let section = ClusterSection::decode(node, decoder)?;
        section.name
    });
    let common = common(tree, entries, decoder);
    let mut cluster = Cluster {
        name: section,
        span: tree.span,
        ..Cluster::default()
    };
    match entries.iter().find(|entry| &*entry.key.value == "nodes") {
        None => node(common, false, decoder, &mut cluster),
        Some(entry) => {
            let listed = listed_nodes(entry, &common, decoder);
            let is_one_of_many = listed.len() > 1;
            for one in listed {
                let tree = merge(&common, one.clone());
                node(tree, is_one_of_many, decoder, &mut cluster);
            }
        }
    }
    kinds::one_kind(&cluster, decoder);
    Some(cluster)
}

/// Reads a node with the keys of its target, and adds it to `cluster`.
fn node(mut tree: Node, is_one_of_many: bool, decoder: &mut Decoder, cluster: &mut Cluster) {
    let target = target_of(&tree);
    refuse(&mut tree, target, decoder);
    let needs_name = is_one_of_many || needs_name(&tree, target);
    kinds::read(target, &tree, needs_name, decoder, cluster);
}

/// Returns whether the node cannot leave its name to the network: others know it by its name.
fn needs_name(tree: &Node, target: Target) -> bool {
    let clustered = ["etcd", "flannel", "kubernetes"];
    let is_clustered = clustered
        .iter()
        .any(|key| tree.get(key).is_some_and(|section| !section.is_null()));
    is_clustered || !target.facts().abilities.is_named_by_network
}

/// The target that a node names; the default where it names none, or none that is known.
fn target_of(tree: &Node) -> Target {
    let named = tree.get("target").and_then(|node| match &node.value {
        Value::Scalar(scalar) => TABLE.iter().find(|facts| facts.name == &*scalar.text),
        _ => None,
    });
    named.map_or_else(
        || Spec::default_of::<Located<Target>>("target").value,
        |facts| facts.target,
    )
}

/// Removes the keys that the target does not support, and reports why.
fn refuse(tree: &mut Node, target: Target, decoder: &mut Decoder) {
    let facts = target.facts();
    for (path, why) in facts.refused_keys {
        let Some(key) = take_out(tree, path) else {
            continue;
        };
        decoder.diagnostics.push(
            Diagnostic::error(
                codes::NOT_FOR_TARGET,
                key.span,
                format!("`{path}` is not supported on target `{}`", facts.name),
            )
            .label(*why)
            .help("remove it, or use another `target:`"),
        );
    }
}

/// Removes the key at `path` (`network.firewall`) from `tree`.
fn take_out(tree: &mut Node, path: &str) -> Option<Located<Arc<str>>> {
    let Value::Map(entries) = &mut tree.value else {
        return None;
    };
    let (key, rest) = match path.split_once('.') {
        None => (path, None),
        Some((key, rest)) => (key, Some(rest)),
    };
    let at = entries.iter().position(|entry| &*entry.key.value == key)?;
    match rest {
        None => Some(entries.remove(at).key),
        Some(rest) => take_out(&mut entries[at].value, rest),
    }
}

/// Returns what every node in the file shares.
fn common(tree: &Node, entries: &[Entry], decoder: &mut Decoder) -> Node {
    let mut common: Vec<Entry> = entries
        .iter()
        .filter(|entry| !matches!(&*entry.key.value, "cluster" | "nodes"))
        .cloned()
        .collect();
    if tree.get("version").is_none() {
        let place = entries.first().map_or(tree.span, |entry| entry.key.span);
        decoder.diagnostics.push(
            Diagnostic::error(
                codes::MISSING_KEY,
                place,
                "missing key `version` in the spec",
            )
            .help("start the file with `version: 1`"),
        );
        // Prevents that it is reported again for every node.
        common.push(Entry {
            key: Located::new(Arc::from("version"), place),
            value: Node {
                span: place,
                value: Value::Scalar(Scalar {
                    text: Arc::from("1"),
                    plain: true,
                }),
            },
        });
    }
    Node {
        span: tree.span,
        value: Value::Map(common),
    }
}

/// Returns the maps under `nodes:`.
fn listed_nodes<'n>(entry: &'n Entry, common: &Node, decoder: &mut Decoder) -> Vec<&'n Node> {
    if let Some(hostname) = entry_of(common, "hostname") {
        decoder.diagnostics.push(
            Diagnostic::error(
                codes::HOSTNAME_BESIDE_NODES,
                hostname.key.span,
                "`hostname` at the top level would give every node the same name",
            )
            .related(entry.key.span, "the nodes are here")
            .help("give each node under `nodes:` its own `hostname`"),
        );
        return Vec::new();
    }
    let Value::List(items) = &entry.value.value else {
        if entry.value.is_null() {
            decoder.diagnostics.push(
                Diagnostic::error(codes::NO_VALUE, entry.key.span, "`nodes` has no value")
                    .help("list the nodes, each with its `hostname`"),
            );
        } else {
            decoder.wrong_type(&entry.value, "a list");
        }
        return Vec::new();
    };
    if items.is_empty() {
        decoder.diagnostics.push(
            Diagnostic::error(codes::NO_VALUE, entry.key.span, "`nodes` is empty")
                .help("list the nodes, each with its `hostname`"),
        );
    }
    if items.len().saturating_mul(common.count()) > VALUES_MAX {
        decoder.diagnostics.push(Diagnostic::error(
            codes::TOO_MANY_VALUES,
            entry.key.span,
            format!("the nodes have more than {VALUES_MAX} values in total"),
        ));
        return Vec::new();
    }
    let mut nodes = Vec::with_capacity(items.len());
    for item in items {
        match &item.value {
            Value::Map(_) => nodes.push(item),
            _ => decoder.wrong_type(item, "a map (a node)"),
        }
    }
    nodes
}

fn entry_of<'n>(node: &'n Node, key: &str) -> Option<&'n Entry> {
    match &node.value {
        Value::Map(entries) => entries.iter().find(|entry| &*entry.key.value == key),
        _ => None,
    }
}
