//! What became of the spec's charts.

use std::collections::HashMap;

use super::ManifestFile;
use crate::diagnostic::{Diagnostic, Located, SourceId, Span};
use crate::facts::kubernetes::version::KubeVersion;
use crate::spec::types::{Kubernetes, KubernetesChart};
use crate::spec::values::LocalManifests;

/// The objects of the spec's charts, which are rendered between loading and deciding. Nodes that
/// apply the same share them.
#[derive(Debug, Default)]
pub struct RenderedCharts {
    nodes: Vec<(Wanted, NodeCharts)>,
    /// The chart of each text that was rendered.
    origins: HashMap<SourceId, Span>,
}

/// The objects of one node's charts, in the order in which they are applied.
#[derive(Debug, Clone, Default)]
pub struct NodeCharts {
    /// Those of the pod network.
    pub network: Vec<ManifestFile>,
    /// Those of `charts`.
    pub other: Vec<ManifestFile>,
}

/// All that the objects of a node's charts depend on.
#[derive(Debug, PartialEq)]
struct Wanted {
    version: KubeVersion,
    charts: Vec<(Span, KubernetesChart)>,
    /// They may create what charts use.
    manifests: Vec<(Span, Located<LocalManifests>)>,
}

impl Wanted {
    fn of(written: &Kubernetes) -> Self {
        let charts = written.network_charts().iter().chain(&written.charts);
        let manifests =
            (written.network_manifests().iter()).chain(written.manifests.iter().flatten());
        Self {
            version: written.version.value,
            charts: charts.map(|it| (it.chart.span, it.clone())).collect(),
            manifests: manifests.map(|it| (it.span, it.clone())).collect(),
        }
    }
}

impl RenderedCharts {
    /// Returns what the charts of `written` became; `None`: they were not rendered. Charts that
    /// could not be rendered are missing.
    pub fn of(&self, written: &Kubernetes) -> Option<&NodeCharts> {
        let wanted = Wanted::of(written);
        let (_, charts) = self.nodes.iter().find(|(of, _)| *of == wanted)?;
        Some(charts)
    }

    /// Keeps what the charts of `written` became.
    pub fn add(&mut self, written: &Kubernetes, charts: NodeCharts) {
        self.nodes.push((Wanted::of(written), charts));
    }

    /// Says that `source` was rendered from the chart at `chart`.
    pub fn came_from(&mut self, source: SourceId, chart: Span) {
        self.origins.insert(source, chart);
    }

    /// Adds to each of `found` that points into a rendered text which chart that was.
    pub fn trace(&self, found: &mut [Diagnostic]) {
        for diagnostic in found {
            let source = diagnostic.span.map(|span| span.source);
            if let Some(chart) = source.and_then(|source| self.origins.get(&source)) {
                let words = "rendered from this chart".to_owned();
                diagnostic.related.push((*chart, words));
            }
        }
    }
}
