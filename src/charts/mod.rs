//! Helm charts: rendered by `helm`, and turned into manifests that a node applies.
//!
//! ```text
//! chart, values ─helm▶ text ─documents▶ objects ─hooks, namespace▶ manifests
//! ```
//!
//! Helm installs a release and looks after it; a node only applies its objects. So what `helm
//! install` does beyond templates is done here: hooks of an installation become objects like all
//! others, those of tests, upgrades and removals are left out, and objects get the namespace of the
//! release.

mod differences;
mod documents;
mod helm;
mod namespace;
mod release;

use crate::diagnostic::{Diagnostic, Located, SourceId, Sources, Span, codes, in_order};
use crate::facts::kubernetes::learned::LearnedTables;
use crate::manifests::{Additions, served_by_default};
use crate::spec::{self, Kubernetes, KubernetesChart, Loaded, ManifestFile, NodeCharts};

use helm::Rendering;
pub use helm::{HELM_VARIABLE, Helm};
use release::Release;

/// Renders the charts of the control planes of `loaded`, and adds what is wrong with them to its
/// diagnostics. `helm` is only looked for if there is a chart.
pub fn render(loaded: &mut Loaded, helm: &dyn Fn() -> Helm, sources: &mut Sources) {
    let nodes = loaded.cluster.nodes.iter();
    let planes: Vec<&Kubernetes> = nodes
        .filter_map(|node| node.kubernetes.as_ref())
        .filter(|it| it.role.value.has_control_plane())
        .collect();
    if planes.iter().all(|it| charts_of(it).next().is_none()) {
        for written in planes {
            loaded.charts.add(written, NodeCharts::default());
        }
        return;
    }
    let helm = helm();
    let mut found = Vec::new();
    for written in planes {
        if loaded.charts.of(written).is_some() {
            continue;
        }
        releases_twice(written, &mut found);
        let mut rendering = Node {
            helm: &helm,
            written,
            files: &loaded.files,
            known: &loaded.learned,
            sources: &mut *sources,
            found: &mut found,
            before: Additions::default(),
            origins: Vec::new(),
        };
        let charts = rendering.charts();
        for (source, chart) in std::mem::take(&mut rendering.origins) {
            loaded.charts.came_from(source, chart);
        }
        loaded.charts.add(written, charts);
    }
    loaded.charts.trace(&mut found);
    loaded.diagnostics.append(&mut found);
    loaded.diagnostics = in_order(std::mem::take(&mut loaded.diagnostics));
}

fn charts_of(written: &Kubernetes) -> impl Iterator<Item = &KubernetesChart> {
    written.network_charts().iter().chain(&written.charts)
}

/// Reports releases with the name of another one in their namespace.
fn releases_twice(written: &Kubernetes, found: &mut Vec<Diagnostic>) {
    let all: Vec<_> = charts_of(written).collect();
    for (index, chart) in all.iter().enumerate() {
        let key = |it: &KubernetesChart| (it.name.value.clone(), it.namespace().value);
        let Some(first) = all[..index].iter().find(|first| key(first) == key(chart)) else {
            continue;
        };
        found.push(
            Diagnostic::error(
                codes::BAD_RELEASE,
                chart.name.span,
                format!(
                    "a second release in namespace `{}` is named `{}`",
                    chart.namespace().as_str(),
                    chart.name.as_str()
                ),
            )
            .related(first.name.span, "the first one")
            .help("choose another name or namespace"),
        );
    }
}

/// The charts of one node while they are rendered.
struct Node<'a> {
    helm: &'a Helm,
    written: &'a Kubernetes,
    files: &'a spec::LocalFiles,
    known: &'a LearnedTables,
    sources: &'a mut Sources,
    found: &'a mut Vec<Diagnostic>,
    /// What the manifests and charts so far add to the cluster.
    before: Additions,
    /// Which chart a text was rendered from.
    origins: Vec<(SourceId, Span)>,
}

impl Node<'_> {
    fn charts(&mut self) -> NodeCharts {
        let written = self.written;
        self.count(written.network_manifests());
        let network = self.all(written.network_charts());
        self.count(written.manifests.as_deref().unwrap_or(&[]));
        let other = self.all(&written.charts);
        NodeCharts { network, other }
    }

    /// Counts what the user's manifests add to the cluster.
    fn count(&mut self, paths: &[Located<spec::LocalManifests>]) {
        let files = paths.iter().filter_map(|path| self.files.manifests(path));
        for document in files.flatten().flat_map(|file| &file.documents) {
            self.before.add(document);
        }
    }

    fn all(&mut self, charts: &[KubernetesChart]) -> Vec<ManifestFile> {
        let mut all = Vec::new();
        for chart in charts {
            match self.one(chart) {
                Ok(files) => all.extend(files),
                // Said once.
                Err(Some(diagnostic))
                    if diagnostic.code == codes::NO_HELM
                        && self.found.iter().any(|it| it.code == codes::NO_HELM) => {}
                Err(Some(diagnostic)) => self.found.push(*diagnostic),
                Err(None) => {}
            }
        }
        all
    }

    /// Renders one. The error is `None` where the mistake was reported before.
    fn one(
        &mut self,
        chart: &KubernetesChart,
    ) -> Result<Vec<ManifestFile>, Option<Box<Diagnostic>>> {
        let files = self.files.chart(&chart.chart).ok_or(None)?;
        let values: Option<Vec<&[u8]>> = (chart.values_files.iter())
            .map(|file| self.files.file(file))
            .collect();
        let version = self.written.version.value;
        let has = self.known.tables(version).kinds();
        let mut rendering = Rendering {
            chart,
            files,
            values: values.ok_or(None)?,
            version,
            kinds: vec![
                served_by_default(version.minor, has.as_ref()),
                self.before.kinds.clone(),
            ],
        };
        let mut text = self.helm.render(&rendering)?;
        // Helm installs the definitions in a chart's folder `crds` before it renders the rest.
        let own = release::definitions_before(&text);
        if own
            .kinds
            .keys()
            .any(|api| !self.before.kinds.contains_key(api))
        {
            rendering.kinds.push(own.kinds);
            text = self.helm.render(&rendering)?;
        }
        let mut release = Release::new(chart, self.sources, self.found);
        let files = release.files(&text, &mut self.before);
        let sources = std::mem::take(&mut release.sources_made);
        self.origins
            .extend(sources.into_iter().map(|it| (it, chart.chart.span)));
        Ok(files)
    }
}
