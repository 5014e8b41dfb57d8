//! `charts:`, Helm charts that become manifests.

use super::FreeMap;
use crate::diagnostic::Located;
use crate::spec::decode::record;
use crate::spec::values::{LocalChart, LocalFile, NamespaceName, ReleaseName};

record! {
    /// A Helm chart, which `helm` renders when the node is built.
    pub struct KubernetesChart {
        /// The chart, with the charts that it depends on: a folder, or an archive that `helm pull`
        /// or `helm package` made.
        #[example = "./charts/web"]
        pub chart: Located<LocalChart>,
        /// The name of the release.
        #[example = "web"]
        pub name: Located<ReleaseName>,
        /// The namespace of objects that do not say theirs. It is created, unless every cluster has
        /// it or another manifest creates it.
        #[default = "default"]
        #[example = "web"]
        pub namespace: Option<Located<NamespaceName>>,
        /// Values, over those of `values_files`.
        #[example = "{replicas: 2}"]
        pub values: Option<FreeMap>,
        /// Files of values, each over those before it.
        #[example = "[values.yaml]"]
        pub values_files: Vec<Located<LocalFile>>,
    }
    "a chart"
}
