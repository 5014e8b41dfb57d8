//! Volumes, claims and classes.

use super::Judge;
use super::containers::amount;
use super::read::{at, items, text, written};
use crate::diagnostic::Span;
use crate::spec::yaml::Node;
use crate::text::shown;

const ACCESS: &[&str] = &[
    "ReadWriteOnce",
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOncePod",
];

/// Fields of a volume's spec that are not its source.
const BESIDE_SOURCE: &[&str] = &[
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
];

impl Judge<'_> {
    /// Reports what is wrong with a `PersistentVolume`.
    pub(super) fn persistent_volume(&mut self, node: &Node, place: Span) {
        let Some(spec) = at(node, &["spec"]) else {
            return self.missing(place, "PersistentVolume", "spec");
        };
        self.access(spec);
        self.one_of(
            spec,
            "persistentVolumeReclaimPolicy",
            &["Retain", "Delete", "Recycle"],
        );
        self.size(spec, "capacity", "the volume");
        let sources: Vec<&str> = written(spec)
            .map(|entry| &*entry.key.value)
            .filter(|key| !BESIDE_SOURCE.contains(key))
            .collect();
        if sources.is_empty() {
            self.missing(spec.span, "the volume", "hostPath");
        }
        if sources.len() > 1 {
            self.at_most_one(spec, &sources);
        }
        if at(spec, &["local"]).is_some() && at(spec, &["nodeAffinity"]).is_none() {
            self.missing(spec.span, "a `local` volume", "nodeAffinity");
        }
    }

    /// Reports what is wrong with the spec of a claim.
    pub(super) fn claim(&mut self, spec: &Node) {
        self.access(spec);
        match at(spec, &["resources"]) {
            Some(resources) => self.size(resources, "requests", "the claim"),
            None => self.missing(spec.span, "the claim", "resources"),
        }
    }

    fn access(&mut self, spec: &Node) {
        self.not_empty(spec, "accessModes", "the volume", spec.span);
        self.one_of(spec, "volumeMode", &["Filesystem", "Block"]);
        for mode in items(spec, &["accessModes"]) {
            if let Some(text) = text(mode).filter(|text| !ACCESS.contains(text)) {
                self.value_error(
                    mode.span,
                    format!(
                        "`{}` is not an access mode: expected {}",
                        shown(text),
                        crate::spec::decode::alternatives(ACCESS)
                    ),
                );
            }
        }
    }

    fn size(&mut self, node: &Node, field: &str, what: &str) {
        match at(node, &[field, "storage"]) {
            None => self.missing(
                at(node, &[field]).map_or(node.span, |node| node.span),
                what,
                &format!("{field}.storage"),
            ),
            Some(size) => {
                if amount(size).is_some_and(|size| !size.sign().is_gt()) {
                    self.bad_quantity(size.span, "must be greater than 0");
                }
            }
        }
    }

    /// Reports what is wrong with a `StorageClass`.
    pub(super) fn storage_class(&mut self, node: &Node) {
        self.one_of(node, "reclaimPolicy", &["Retain", "Delete"]);
        self.one_of(
            node,
            "volumeBindingMode",
            &["Immediate", "WaitForFirstConsumer"],
        );
    }
}
