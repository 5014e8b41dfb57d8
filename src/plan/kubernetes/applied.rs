//! What the user has applied to a cluster: manifests, and charts that were rendered.

use std::ptr;

use super::Decider;
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::facts::kubernetes::choices::Role;
use crate::facts::kubernetes::learned::LearnedTables;
use crate::manifests::ApiServer;
use crate::node::addons::Manifest;
use crate::plan::kubernetes_addons::networks;
use crate::spec::{self, KubernetesChart, LocalManifests, ManifestFile, NodeCharts};

impl<'a> Decider<'a> {
    /// Returns the user's manifests of the pod network, in order.
    pub(in crate::plan) fn of_pod_network(&self, written: &spec::Kubernetes) -> Vec<Manifest> {
        self.network_files(written).map(as_manifest).collect()
    }

    /// Returns the other manifests of the user, in order.
    pub(super) fn manifests(&self, written: &spec::Kubernetes) -> Vec<Manifest> {
        self.other_files(written).map(as_manifest).collect()
    }

    /// Returns all that `written` applies, in order.
    pub(super) fn applied(&self, written: &spec::Kubernetes) -> Vec<&'a ManifestFile> {
        self.network_files(written)
            .chain(self.other_files(written))
            .collect()
    }

    /// Returns where the first manifest or chart of the pod network is named, if there is an object
    /// of it.
    pub(super) fn network_place(&self, written: &spec::Kubernetes) -> Option<Span> {
        self.network_files(written).next()?;
        first_of(written.network_manifests(), written.network_charts()).map(|(place, _)| place)
    }

    fn network_files(&self, written: &spec::Kubernetes) -> impl Iterator<Item = &'a ManifestFile> {
        let charts = self.charts(written).map(|it| &it.network);
        self.files_at(written.network_manifests())
            .chain(charts.into_iter().flatten())
    }

    fn other_files(&self, written: &spec::Kubernetes) -> impl Iterator<Item = &'a ManifestFile> {
        let charts = self.charts(written).map(|it| &it.other);
        self.files_at(written.manifests.as_deref().unwrap_or(&[]))
            .chain(charts.into_iter().flatten())
    }

    fn files_at(
        &self,
        paths: &[Located<LocalManifests>],
    ) -> impl Iterator<Item = &'a ManifestFile> {
        let files = self.files;
        let found: Vec<_> = (paths.iter())
            .filter_map(|path| files.manifests(path))
            .collect();
        found.into_iter().flatten()
    }

    fn charts(&self, written: &spec::Kubernetes) -> Option<&'a NodeCharts> {
        self.rendered.of(written)
    }

    /// Checks the manifests of all nodes of `cluster`, each file once for each version.
    pub(super) fn check_manifests(&mut self, cluster: &spec::Cluster) {
        let nodes = cluster.nodes.iter().filter_map(|n| n.kubernetes.as_ref());
        let mut sets: Vec<(Vec<&ManifestFile>, ApiServer)> = Vec::new();
        for written in nodes.filter(|written| written.role.value.has_control_plane()) {
            if self.charts(written).is_none() {
                self.not_rendered(written);
            }
            let (files, server) = (
                self.applied(written),
                api_server(written, cluster, self.known),
            );
            let is_same = |(of, by): &(Vec<&ManifestFile>, ApiServer)| {
                let mut both = of.iter().zip(&files);
                of.len() == files.len() && *by == server && both.all(|(a, b)| ptr::eq(*a, *b))
            };
            if !files.is_empty() && !sets.iter().any(is_same) {
                sets.push((files, server));
            }
        }
        for (files, server) in sets {
            crate::manifests::check(&files, &server, &mut self.found);
        }
        self.unapplied(cluster);
    }

    /// Reports charts that nobody rendered: without them the node would not be what the spec says.
    fn not_rendered(&mut self, written: &spec::Kubernetes) {
        for chart in written.network_charts().iter().chain(&written.charts) {
            self.found.push(Diagnostic::error(
                codes::CHART_NOT_RENDERED,
                chart.chart.span,
                format!("`{}` was not rendered", chart.chart.as_str()),
            ));
        }
    }

    /// Warns of manifests that no node in the file applies.
    fn unapplied(&mut self, cluster: &spec::Cluster) {
        let nodes = || cluster.nodes.iter().filter_map(|n| n.kubernetes.as_ref());
        let any_plane = nodes().any(|written| written.role.value.has_control_plane());
        for written in nodes() {
            let role = written.role.value;
            if any_plane && role != Role::Standalone {
                continue;
            }
            let network = first_of(written.network_manifests(), written.network_charts());
            let others = written.manifests.as_deref().unwrap_or(&[]);
            let first = network.or_else(|| first_of(others, &written.charts));
            if let Some((first, what)) = first {
                self.found.push(
                    Diagnostic::warning(
                        codes::MANIFESTS_UNAPPLIED,
                        first,
                        format!("a `{}` node does not apply {what}", role.as_str()),
                    )
                    .help(if role == Role::Standalone {
                        "its kubelet runs the static pods in /etc/kubernetes/manifests: write them there with `storage:`"
                    } else {
                        "control plane nodes do, and this file has none"
                    }),
                );
            }
        }
    }
}

/// Returns where the first of them is named, and what it is.
fn first_of(
    manifests: &[Located<LocalManifests>],
    charts: &[KubernetesChart],
) -> Option<(Span, &'static str)> {
    let manifest = manifests.first().map(|path| (path.span, "manifests"));
    manifest.or_else(|| Some((charts.first()?.chart.span, "charts")))
}

fn as_manifest(file: &ManifestFile) -> Manifest {
    Manifest {
        name: file.name.clone(),
        text: file.text.to_string(),
    }
}

/// `--service-node-port-range`, if it is not set.
const NODE_PORTS: (i64, i64) = (30000, 32767);

/// Returns what manifests are checked against: the API server of a control plane.
fn api_server(
    written: &spec::Kubernetes,
    cluster: &spec::Cluster,
    known: &LearnedTables,
) -> ApiServer {
    let flag = |name: &str| {
        let mut flags = (written.extra_args.iter()).flat_map(|extra| extra.api_server.iter());
        let (_, value) = flags.find(|(flag, _)| flag.as_str() == name)?;
        Some(value.value.as_str())
    };
    let containers = cluster
        .nodes
        .iter()
        .filter_map(|node| node.containerd.as_ref());
    let classes = containers.flat_map(|containers| containers.runtimes.iter());
    ApiServer {
        minor: written.version.value.minor,
        served: known.tables(written.version.value).kinds(),
        runtime_config: flag("runtime-config").is_some(),
        node_ports: flag("service-node-port-range")
            .and_then(port_range)
            .unwrap_or(NODE_PORTS),
        service_networks: (networks(&written.service_network()).all())
            .map(|net| net.value)
            .collect(),
        gates: (written.feature_gates.iter())
            .map(|(gate, on)| (gate.as_str().to_owned(), on.value))
            .collect(),
        runtime_classes: classes.map(|(name, _)| name.as_str().to_owned()).collect(),
    }
}

/// Reads a range of ports as the API server does: `30000-32767`, `30000+2767` or `30000`.
fn port_range(text: &str) -> Option<(i64, i64)> {
    let number = |text: &str| text.trim().parse().ok();
    if let Some((first, last)) = text.split_once('-') {
        Some((number(first)?, number(last)?))
    } else if let Some((first, more)) = text.split_once('+') {
        let first: i64 = number(first)?;
        Some((first, first + number(more)?))
    } else {
        Some((number(text)?, number(text)?))
    }
}
