//! A node from its spec, as the files that it has.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::SystemTime;

use imgbuild::diagnostic::Sources;
use imgbuild::node::Node;
use imgbuild::node::fragment::{Contents, Owner, Unit};
use imgbuild::pki::{Access, KeyFolder, Keys, system_random};
use imgbuild::plan::decide;
use imgbuild::spec::yaml::{Limits, parse};
use imgbuild::spec::{json_of, load};
use serde_json::Value as Json;

/// The first node of a spec: its files by path, its links and its units.
pub struct Generated {
    pub files: BTreeMap<String, (u32, String)>,
    /// Who has files and folders that belong to others than root, or to another group.
    pub foreign: BTreeMap<String, Owner>,
    /// Modes by path.
    pub folders: BTreeMap<String, u32>,
    /// Targets by path.
    pub links: BTreeMap<String, String>,
    pub units: Vec<Unit>,
    pub node: Node,
    folder: Rc<tempfile::TempDir>,
}

/// A cluster of one with a setting of every kind.
pub fn full(version: &str) -> String {
    format!(
        "\
version: 1
hostname: kube1
network: {{interfaces: [{{name: eth0, addresses: [192.168.1.10/24]}}]}}
swap: {{zram: {{size: 512MiB}}}}
etcd: {{}}
kubernetes:
  version: {version}
  role: single
  extra_sans: [api.lab.example, '*.lab.example', 192.168.1.9]
  feature_gates: {{CPUManagerPolicyAlphaOptions: true, APIResponseCompression: false}}
  kubelet:
    labels: {{rack: 7, topology.kubernetes.io/zone: a, node-role.kubernetes.io/db: ''}}
    taints: ['dedicated=db:NoSchedule', 'slow:PreferNoSchedule']
    max_pods: 50
    reserved:
      system: {{cpu: 200m, memory: 256Mi, ephemeral_storage: 1Gi, pid: 1000}}
      kube: {{cpu: 100m, memory: 128Mi}}
      eviction: {{memory_available: 200Mi, nodefs_available: 5%}}
    swap: limited
    config:
      podsPerCore: 20
      failCgroupV1: false
      authentication: {{webhook: {{cacheTTL: 1m30s}}}}
      shutdownGracePeriod: 30s
      containerLogMaxSize: 5Mi
      allowedUnsafeSysctls: [net.core.somaxconn]
      logging: {{verbosity: 2}}
  proxy:
    mode: nftables
    config: {{conntrack: {{maxPerCore: 0}}, nftables: {{syncPeriod: 20s}}, nodePortAddresses: [192.168.1.0/24]}}
  audit:
    policy:
      apiVersion: audit.k8s.io/v1
      kind: Policy
      omitStages: [RequestReceived]
      rules:
      - {{level: None, nonResourceURLs: ['/healthz*', '/livez*', '/readyz*']}}
      - {{level: Metadata, resources: [{{group: '', resources: [secrets]}}]}}
    max_age: 7
  encryption: {{resources: [secrets, configmaps]}}
  static_pods: [web.yaml]
  extra_args:
    api_server: {{enable-admission-plugins: 'NodeRestriction,AlwaysPullImages', v: 2, goaway-chance: 0.001}}
    controller_manager: {{node-monitor-period: 5s}}
    scheduler: {{v: 1}}
    proxy: {{v: 1}}
    kubelet: {{v: 1}}
"
    )
}

/// A static pod.
pub const WEB: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: web, image: 'imgbuild.local/node:1'}]
";

impl Generated {
    /// The first node of `spec`, which has `others` beside it.
    pub fn of(spec: &str, others: &[(&str, &str)]) -> Self {
        Self::nth(spec, others, 0)
    }

    /// The node of `spec` before which `index` others stand.
    pub fn nth(spec: &str, others: &[(&str, &str)], index: usize) -> Self {
        Self::all(spec, others).swap_remove(index)
    }

    /// All nodes of `spec`, whose keys belong together.
    pub fn all(spec: &str, others: &[(&str, &str)]) -> Vec<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [("node.yaml", spec)].iter().chain(others) {
            fs::write(folder.path().join(name), text).expect("written");
        }
        let mut sources = Sources::default();
        let shown = |sources: &Sources, found: Vec<imgbuild::diagnostic::Diagnostic>| -> Vec<_> {
            let place = |d: &imgbuild::diagnostic::Diagnostic| d.span.map(|s| sources.place(s));
            found
                .iter()
                .map(|d| (place(d), d.message.clone()))
                .collect()
        };
        let loaded = match load(&folder.path().join("node.yaml"), None, &mut sources) {
            Ok(loaded) => loaded,
            Err(found) => panic!("{:#?}", shown(&sources, found)),
        };
        let decided = match decide(&loaded, &sources) {
            Ok(decided) => decided,
            Err(found) => panic!("{:#?}", shown(&sources, found)),
        };
        let keys = folder.path().join("keys");
        let mut random = system_random();
        let mut keys = Keys::new(
            KeyFolder::open(keys, Access::Write).expect("opens"),
            SystemTime::now(),
            &mut random,
        );
        let cluster = decided.with_keys(&mut keys).expect("keys");
        let folder = Rc::new(folder);
        let nodes = cluster.nodes.into_iter();
        nodes.map(|node| Self::new(node, folder.clone())).collect()
    }

    fn new(node: Node, folder: Rc<tempfile::TempDir>) -> Self {
        let mut files = BTreeMap::new();
        let mut links = BTreeMap::new();
        let (mut foreign, mut folders) = (BTreeMap::new(), BTreeMap::new());
        let mut units = Vec::new();
        for fragment in imgbuild::parts::all(&node) {
            units.extend(fragment.units);
            let targets = fragment.links.into_iter();
            links.extend(targets.map(|link| (link.path.to_string(), link.target)));
            for folder in fragment.directories {
                if folder.owner != Owner::default() {
                    foreign.insert(folder.path.to_string(), folder.owner.clone());
                }
                folders.insert(folder.path.to_string(), folder.mode);
            }
            for file in fragment.files {
                if file.owner != Owner::default() {
                    foreign.insert(file.path.to_string(), file.owner.clone());
                }
                if let Some(Contents::Inline(bytes)) = file.contents
                    && let Ok(text) = String::from_utf8(bytes)
                {
                    files.insert(file.path.to_string(), (file.mode, text));
                }
            }
        }
        Self {
            files,
            foreign,
            folders,
            links,
            units,
            node,
            folder,
        }
    }

    /// The text of a file.
    pub fn text(&self, path: &str) -> &str {
        match self.files.get(path) {
            Some((_, text)) => text,
            None => panic!("there is no {path}"),
        }
    }

    /// A file of YAML as JSON.
    pub fn yaml(&self, path: &str) -> Json {
        read_yaml(path, self.text(path))
    }

    /// The manifest of a static pod, which the kubelet finds at once, once etcd is ready, or once
    /// the API server is.
    pub fn pod(&self, name: &str) -> Json {
        let places = ["manifests", "imgbuild/after-etcd", "imgbuild/static-pods"];
        let mut paths = places.map(|folder| format!("/etc/kubernetes/{folder}/{name}.yaml"));
        let there = paths.iter_mut().find(|path| self.files.contains_key(*path));
        self.yaml(there.unwrap_or_else(|| panic!("no {name}")))
    }

    /// The objects of a file of several.
    pub fn objects(&self, path: &str) -> Vec<Json> {
        let documents = self.text(path).split("\n---\n");
        documents.map(|text| read_yaml(path, text)).collect()
    }

    /// The text of a unit.
    pub fn unit(&self, name: &str) -> &str {
        let unit = (self.units.iter()).find(|unit| unit.name.as_str() == name);
        let text = unit.and_then(|unit| unit.contents.as_deref());
        text.unwrap_or_else(|| panic!("no {name}"))
    }

    /// The flags of a component, as they are written.
    pub fn flags(&self, component: &str) -> Vec<String> {
        if component != "kubelet" {
            let pod = self.pod(component);
            let command = pod["spec"]["containers"][0]["command"]
                .as_array()
                .expect("a command")
                .clone();
            return command[1..]
                .iter()
                .map(|word| word.as_str().expect("text").to_owned())
                .collect();
        }
        let unit = self
            .units
            .iter()
            .find(|unit| unit.name.as_str() == "kubelet.service")
            .expect("a kubelet");
        let text = unit.contents.as_deref().expect("contents");
        let start = text.find("ExecStart=").expect("a command");
        let command = text[start..].replace("\\\n", " ");
        let line = command.lines().next().expect("a line");
        line.split_whitespace()
            .skip(1)
            .map(|word| word.trim_matches('"').to_owned())
            .collect()
    }

    /// Lays the files out below a folder, and gives it.
    pub fn lay_out(&self) -> PathBuf {
        let root = self.folder.path().join("root");
        for (path, (_, text)) in &self.files {
            let path = root.join(path.trim_start_matches('/'));
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, relocated(text, &root)).expect("written");
        }
        root
    }
}

/// `text` with the node's paths below `root`.
pub fn relocated(text: &str, root: &Path) -> String {
    let root = root.display();
    text.replace("/etc/kubernetes", &format!("{root}/etc/kubernetes"))
        .replace("/var/log/kubernetes", &format!("{root}/var/log/kubernetes"))
}

/// YAML as JSON.
pub fn read_yaml(name: &str, text: &str) -> Json {
    let mut sources = Sources::default();
    let source = sources.add(name, text);
    let (tree, found) = parse(text, source, Limits::default());
    assert!(found.is_empty(), "{name}: {found:#?}");
    json_of(&tree.expect("a value"))
}
