//! The objects of a release, as files that a node applies.

use super::documents::{Document, documents, scalar};
use super::namespace;
use crate::diagnostic::{Diagnostic, SourceId, Sources, codes};
use crate::manifests::Additions;
use crate::spec::yaml::{Node, parse_documents};
use crate::spec::{KubernetesChart, MANIFEST_LIMITS, ManifestFile};

/// The annotations of hooks.
const HOOK: &str = "helm.sh/hook";
const WEIGHT: &str = "helm.sh/hook-weight";

/// Where an object stands among those of its release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Definition,
    /// Its weight.
    Before(i64),
    Object,
    After(i64),
}

/// A release while its files are made.
pub(super) struct Release<'a> {
    chart: &'a KubernetesChart,
    sources: &'a mut Sources,
    found: &'a mut Vec<Diagnostic>,
    /// Those of its objects.
    pub sources_made: Vec<SourceId>,
}

impl<'a> Release<'a> {
    pub fn new(
        chart: &'a KubernetesChart,
        sources: &'a mut Sources,
        found: &'a mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            chart,
            sources,
            found,
            sources_made: Vec::new(),
        }
    }

    /// Returns the files for the `rendered` objects: definitions first, as what they define is only
    /// known once they are applied. Adds to `cluster` what the objects do.
    pub fn files(&mut self, rendered: &str, cluster: &mut Additions) -> Vec<ManifestFile> {
        let mut ranked: Vec<(Rank, Document)> = (documents(rendered).into_iter())
            .filter_map(|document| Some((rank(document.node().as_ref())?, document)))
            .collect();
        if ranked.is_empty() {
            self.found.push(Diagnostic::warning(
                codes::NO_MANIFEST,
                self.chart.chart.span,
                format!("`{}` renders no object", self.chart.chart.as_str()),
            ));
            return Vec::new();
        }
        ranked.sort_by_key(|(rank, _)| *rank);
        for node in ranked.iter().filter_map(|(_, document)| document.node()) {
            cluster.add(&node);
        }
        let name = self.chart.name.as_str();
        let mut definitions = File::new(format!("{name}-crds"));
        let mut objects = File::new(name.to_owned());
        let namespace = self.chart.namespace();
        if !cluster.has_namespace(namespace.as_str()) {
            let text = format!(
                "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {}\n",
                namespace.as_str()
            );
            self.add(&text, "", &mut objects);
            for node in &objects.documents {
                cluster.add(node);
            }
        }
        for (rank, document) in &ranked {
            let text = self.with_namespace(document, cluster);
            let file = match rank {
                Rank::Definition => &mut definitions,
                _ => &mut objects,
            };
            self.add(&text, document.template, file);
        }
        [definitions, objects]
            .into_iter()
            .filter(|file| !file.documents.is_empty())
            .map(File::finished)
            .collect()
    }

    fn with_namespace(&mut self, document: &Document, cluster: &Additions) -> String {
        let name = self.chart.namespace().value;
        // What cannot be read is reported where it is read for the checks.
        if document.node().is_none() {
            return document.text.to_owned();
        }
        namespace::add(document.text, name.as_str(), cluster).unwrap_or_else(|| {
            self.found.push(
                Diagnostic::error(
                    codes::CHART_NOT_RENDERED,
                    self.chart.chart.span,
                    format!("{} cannot be given a namespace", document.title()),
                )
                .label(format!("rendered by {}", document.template))
                .help("its metadata is an alias, or merged: write it out"),
            );
            document.text.to_owned()
        })
    }

    /// Adds a text to a file, and to those that diagnostics point into.
    fn add(&mut self, text: &str, template: &str, file: &mut File) {
        let chart = self.chart.chart.as_str().trim_end_matches('/');
        let place = match template.split_once('/') {
            Some((_, inner)) => format!("{chart}/{inner} (rendered)"),
            None => format!("{chart} (rendered)"),
        };
        let source = self.sources.add(place, text);
        self.sources_made.push(source);
        let (documents, found) = parse_documents(text, source, MANIFEST_LIMITS);
        self.found.extend(found);
        file.text.push_str("---\n");
        file.text.push_str(text.trim_end());
        file.text.push('\n');
        file.documents.extend(documents);
    }
}

/// What the definitions in the chart's folders `crds` add to a cluster.
pub(super) fn definitions_before(rendered: &str) -> Additions {
    let mut all = Additions::default();
    let documents = documents(rendered).into_iter();
    for node in documents.filter_map(|it| it.template.contains("/crds/").then(|| it.node())?) {
        all.add(&node);
    }
    all
}

/// A file while objects are added.
struct File {
    name: String,
    text: String,
    documents: Vec<Node>,
}

impl File {
    fn new(name: String) -> Self {
        Self {
            name,
            text: String::new(),
            documents: Vec::new(),
        }
    }

    fn finished(self) -> ManifestFile {
        ManifestFile {
            name: self.name,
            text: self.text.into(),
            documents: self.documents,
        }
    }
}

/// Returns the rank of an object; `None`: an installation does not have it, such as a hook of tests
/// or of a removal. One that cannot be read is kept, for the checks to report.
fn rank(node: Option<&Node>) -> Option<Rank> {
    let Some(node) = node else {
        return Some(Rank::Object);
    };
    let annotation = |name: &str| {
        let annotations = node.get("metadata")?.get("annotations")?;
        annotations.get(name).and_then(scalar)
    };
    let is_definition =
        node.get("kind").and_then(scalar).as_deref() == Some("CustomResourceDefinition");
    let Some(hooks) = annotation(HOOK).filter(|hooks| !hooks.is_empty()) else {
        return Some(if is_definition {
            Rank::Definition
        } else {
            Rank::Object
        });
    };
    let weight = annotation(WEIGHT).and_then(|weight| weight.trim().parse().ok());
    let weight = weight.unwrap_or(0);
    let has = |hook: &str| {
        hooks
            .split(',')
            .any(|it| it.trim().eq_ignore_ascii_case(hook))
    };
    if has("pre-install") && is_definition {
        Some(Rank::Definition)
    } else if has("pre-install") {
        Some(Rank::Before(weight))
    } else if has("post-install") {
        Some(Rank::After(weight))
    } else {
        None
    }
}
