//! What kinds of objects a cluster has beside those of Kubernetes, and which of all are namespaced.

use std::collections::{BTreeMap, BTreeSet};

use super::read::{at, boolean, items, text_at};
use super::set::{BUILT_IN, CLUSTER_WIDE};
use super::{apis, schema};
use crate::spec::yaml::Node;

/// Kinds by `apiVersion`.
pub(crate) type Kinds = BTreeMap<String, BTreeSet<String>>;

/// What objects add to a cluster for those after them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Additions {
    /// The kinds that `CustomResourceDefinition`s define.
    pub kinds: Kinds,
    /// Those among them that are not namespaced: group and kind.
    cluster_wide: BTreeSet<(String, String)>,
    namespaces: BTreeSet<String>,
}

impl Additions {
    /// Counts `document` in.
    pub fn add(&mut self, document: &Node) {
        let name = text_at(document, &["metadata", "name"]).unwrap_or_default();
        match text_at(document, &["kind"]) {
            Some("Namespace") => {
                self.namespaces.insert(name.to_owned());
            }
            Some("CustomResourceDefinition") => self.define(document),
            Some(kind) if kind.ends_with("List") => {
                for item in items(document, &["items"]) {
                    self.add(item);
                }
            }
            _ => {}
        }
    }

    fn define(&mut self, definition: &Node) {
        let word = |path: &[&str]| text_at(definition, path).unwrap_or_default().to_owned();
        let (group, kind) = (word(&["spec", "group"]), word(&["spec", "names", "kind"]));
        for version in items(definition, &["spec", "versions"]) {
            let is_served = at(version, &["served"]).and_then(boolean) != Some(false);
            if let Some(name) = text_at(version, &["name"]).filter(|_| is_served) {
                let kinds = self.kinds.entry(format!("{group}/{name}")).or_default();
                kinds.insert(kind.clone());
            }
        }
        if text_at(definition, &["spec", "scope"]) == Some("Cluster") {
            self.cluster_wide.insert((group, kind));
        }
    }

    /// Whether the cluster has a namespace.
    pub fn has_namespace(&self, name: &str) -> bool {
        BUILT_IN.contains(&name) || self.namespaces.contains(name)
    }

    /// Whether objects of a kind have no namespace. One that nothing here defines is taken for one
    /// whose objects do: of others, an API server drops the namespace.
    pub fn is_cluster_wide(&self, api: &str, kind: &str) -> bool {
        let group = api.split_once('/').map_or("", |(group, _)| group);
        let is_own = schema::object(api, kind).is_some() || apis::is_known(api, kind);
        (is_own && CLUSTER_WIDE.contains(&kind))
            || (self.cluster_wide).contains(&(group.to_owned(), kind.to_owned()))
    }
}

/// The kinds that an API server of 1.`minor` serves by default, of those that it `has` if it said
/// so.
pub(crate) fn served_by_default(minor: u16, has: Option<&Kinds>) -> Kinds {
    has.map_or_else(|| apis::of_minor(minor), Kinds::clone)
        .into_iter()
        .filter(|(api, _)| apis::is_served_by_default(api))
        .collect()
}
