//! Defaults and examples as the records declare them: each can be written, and to write a default
//! changes nothing.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use imgbuild::diagnostic::{Diagnostic, SourceId, Sources, codes};
use imgbuild::facts::systems::{TABLE, Target};
use imgbuild::ignition;
use imgbuild::pages::spec_keys::places;
use imgbuild::pki::{Access, KeyFolder, Keys, system_random};
use imgbuild::plan;
use imgbuild::spec::yaml::{Limits, Node, Value, parse};
use imgbuild::spec::{self, Language, NodeKind, language};
use serde_json::Value as Json;

use super::check::write;
use super::places::{all, around, path_at};
use crate::helm::{render, stand_in};

/// What is said of the key at `path`, but that its neighbors are missing or its file is.
fn said_of(text: &str, path: &[&str]) -> Vec<Diagnostic> {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "node.yaml", text);
    let mut sources = Sources::default();
    let loaded = spec::load(&folder.path().join("node.yaml"), None, &mut sources);
    let diagnostics = loaded.map_or_else(|wrong| wrong, |loaded| loaded.diagnostics);
    let not_of_value = [
        codes::MISSING_KEY,
        codes::MISSING_ONE_OF,
        codes::NOT_FOR_TARGET,
        codes::UNREADABLE_FILE,
    ];
    let of_key = |diagnostic: &Diagnostic| {
        let Some(span) = diagnostic.span else {
            return true;
        };
        path_at(sources.text(span.source), span).is_none_or(|at| at.starts_with(&path_of(path)))
    };
    let mut said: Vec<_> = diagnostics;
    said.retain(|diagnostic| !not_of_value.contains(&diagnostic.code) && of_key(diagnostic));
    said
}

fn path_of(path: &[&str]) -> Vec<String> {
    path.iter().map(|&key| key.to_owned()).collect()
}

#[test]
fn defaults_and_examples_can_be_written() {
    let language = language();
    let places = places(&language);
    let mut count = 0;
    for place in all(&places) {
        for value in [place.key.default, place.key.example].into_iter().flatten() {
            let text = around(&language, &place, value);
            assert_eq!(said_of(&text, &place.path), [], "{text}");
            count += 1;
        }
    }
    assert!(count > 400, "{count} values");
}

/// What tells a reader nothing is left out: an example is not the default, and what has words of
/// its own needs no example.
#[test]
fn examples_say_more_than_defaults() {
    for record in &language().records {
        for key in &record.keys {
            assert!(
                key.example.is_none() || key.example != key.default,
                "{}.{}",
                record.name,
                key.name
            );
        }
    }
}

/// Keys that exclude others, and are not written beside them here.
const EXCLUDED: [&str; 1] = ["CtMount.wipe_filesystem"];

/// Specs with what the example configs do not have.
const MORE: [&str; 6] = [
    "
version: 1
hostname: kube1
network:
  interfaces:
    - {name: eth0, addresses: [192.168.1.10/24]}
    - {name: bond0, bond: {members: [eth1]}}
    - {name: br0, bridge: {members: [eth2]}}
    - {name: eth3, addresses: [10.0.0.1/24], dhcp_server: {}, rules: [{from: 10.0.0.0/24, table: 100}]}
    - {name: eth4, dhcp: {metric: 200}}
  firewall: {allow: [{port: 80}]}
containerd: {registries: {docker.io: {mirrors: ['https://mirror.example']}}}
etcd: {backup: {}}
kubernetes:
  version: 1.36.2
  role: single
  cni: {flannel: {}}
  artifacts: {}
  kubelet: {reserved: {eviction: {}}}
  audit: {policy: {apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None}]}}
  encryption: {}
storage:
  filesystems: [{device: /dev/vdb, format: ext4, path: /var/data}]
  files: [{path: /etc/a}]
  directories: [{path: /var/b}]
  links: [{path: /etc/c, target: a}]
  trees: [{local: tree}]
systemd: {units: [{name: a.service}]}
",
    "
version: 1
target: flatcar
hostname: flatcar1
etcd: {}
flannel: {network: 10.244.0.0/16}
",
    "
version: 1
target: container-linux
hostname: coreos1
network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24]}]}
etcd: {}
kubernetes: {version: 1.9.6, role: single, proxy: {}}
storage:
  disks: [{device: /dev/vdb, partitions: [{label: data}]}]
  filesystems:
    - {name: data, mount: {device: /dev/vdb1, format: ext4}}
    - {name: more, mount: {device: /dev/vdb2, format: ext4, create: {}}}
  files: [{path: /etc/a}]
  directories: [{path: /var/b}]
  links: [{path: /etc/c, target: a}]
systemd: {units: [{name: a.service}]}
passwd: {users: [{name: core}, {name: other, create: {}}]}
",
    "
version: 1
hostname: worker1
kubernetes: {version: 1.36.2, role: worker, endpoint: 192.168.1.10, proxy: {}}
",
    "
version: 1
hostname: kube1
network: {interfaces: [{name: eth0, addresses: [192.168.1.11/24]}]}
etcd: {}
kubernetes:
  version: 1.36.2
  role: control-plane
  endpoint: {vip: 192.168.1.10}
",
    "
version: 1
hostname: kube1
network: {interfaces: [{name: eth0, addresses: [192.168.1.11/24]}]}
etcd: {}
kubernetes: {version: 1.36.2, role: single, charts: [{chart: web.tgz, name: web}]}
",
];

/// Every example config, and the same with all defaults written into it, are the same nodes.
#[test]
fn writing_a_default_changes_nothing() {
    let language = language();
    let folder = tempfile::tempdir().expect("a folder");
    stand_in(&folder.path().join("bin"));
    let mut written = BTreeSet::new();
    for (name, text) in examples().chain(more()) {
        let keys = folder.path().join(format!("{name}.keys"));
        let (before, after) = (folder.path().join("before"), folder.path().join("after"));
        for there in [&before, &after] {
            write(there, "tree/etc/d", "d");
            write(
                there,
                "web.tgz",
                "{apiVersion: v1, kind: Secret, metadata: {name: web}}\n",
            );
        }
        write(&before, &name, &text);
        let expected = built(&before.join(&name), &keys);

        let target = TABLE
            .iter()
            .find(|facts| text.contains(&format!("\ntarget: {}", facts.name)))
            .map_or(Target::Debian, |facts| facts.target);
        let mut with_defaults = Writer {
            language: &language,
            refused: target.facts().refused_keys,
            path: Vec::new(),
            text: String::new(),
            written: &mut written,
        };
        let (parsed, _) = parse(&text, SourceId(0), Limits::default());
        let root = NodeKind::with(target.facts().keys).record;
        with_defaults.map(&parsed.expect("YAML"), Some(root), false);
        let text = with_defaults.text;
        write(&after, &name, &text);
        assert_eq!(built(&after.join(&name), &keys), expected, "{text}");
    }
    let records = language.records.iter();
    let all = records.flat_map(|record| {
        let keys = record.keys.iter().filter(|key| key.default.is_some());
        keys.map(|key| format!("{}.{}", record.name, key.name))
    });
    let never: Vec<_> = all.filter(|key| !written.contains(key)).collect();
    assert_eq!(never, EXCLUDED, "defaults that no spec of this test has");
}

/// The example configs.
fn examples() -> impl Iterator<Item = (String, String)> {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let entries = fs::read_dir(configs).expect("examples");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let specs = paths.filter(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    specs.map(|path| {
        let name = path.file_name().expect("a name").to_string_lossy();
        (
            name.into_owned(),
            fs::read_to_string(&path).expect("an example"),
        )
    })
}

fn more() -> impl Iterator<Item = (String, String)> {
    let numbered = MORE.iter().enumerate();
    numbered.map(|(at, text)| (format!("more{at}.yaml"), (*text).to_owned()))
}

/// The Ignition configs of a spec.
fn built(path: &Path, keys: &Path) -> Vec<String> {
    let mut sources = Sources::default();
    let home = path.parent().expect("a folder");
    let mut loaded = spec::load(path, Some(home), &mut sources).expect("a spec");
    render(&mut loaded, &home.with_file_name("bin/helm"), &mut sources);
    let decided = plan::decide(&loaded, &sources)
        .unwrap_or_else(|wrong| panic!("{}: {wrong:#?}", path.display()));
    let folder = KeyFolder::open(keys.to_owned(), Access::Write).expect("a key folder");
    let mut random = system_random();
    let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_767_323_045);
    let cluster = decided
        .with_keys(&mut Keys::new(folder, now, &mut random))
        .expect("keys");
    let json = |node| {
        let config = ignition::compile(node, imgbuild::parts::all(node))
            .expect("a config")
            .config;
        String::from_utf8(ignition::to_json_pretty(&config)).expect("UTF-8")
    };
    cluster.nodes.iter().map(json).collect()
}

/// Writes a tree as YAML in one line, with defaults where keys are left out.
struct Writer<'a> {
    language: &'a Language,
    /// Keys that the target does not take.
    refused: &'static [(&'static str, &'static str)],
    /// The keys above.
    path: Vec<String>,
    text: String,
    /// Keys whose defaults were written.
    written: &'a mut BTreeSet<String>,
}

impl Writer<'_> {
    fn map(&mut self, node: &Node, record: Option<&str>, is_node: bool) {
        let Value::Map(entries) = &node.value else {
            return self.value(node, &Json::Null);
        };
        let record = record.and_then(|name| {
            let mut records = self.language.records.iter();
            records.find(|record| record.name == name)
        });
        self.text.push('{');
        for entry in entries {
            let key = &*entry.key.value;
            let _ = write!(self.text, "{}: ", Json::from(key));
            if key == "nodes" && record.is_some() {
                let Value::List(items) = &entry.value.value else {
                    panic!("nodes are a list");
                };
                self.text.push('[');
                for item in items {
                    self.map(item, record.map(|record| record.name), true);
                    self.text.push_str(", ");
                }
                self.text.push(']');
            } else {
                let mut keys = record.iter().flat_map(|record| &record.keys);
                let known = keys.find(|known| known.name == key);
                let schema = known.map_or(&Json::Null, |known| &known.schema);
                self.path.push(key.to_owned());
                self.value(&entry.value, schema);
                self.path.pop();
            }
            self.text.push_str(", ");
        }
        // A node has what the file says of all of them.
        for key in record
            .iter()
            .filter(|_| !is_node)
            .flat_map(|record| &record.keys)
        {
            let ruled = record.iter().flat_map(|record| &record.rules);
            let is_ruled = ruled
                .flat_map(|(_, keys)| keys.iter())
                .any(|it| *it == key.name);
            let is_there = entries.iter().any(|entry| &*entry.key.value == key.name);
            let path = [self.path.as_slice(), &[key.name.to_owned()]]
                .concat()
                .join(".");
            let is_refused = self.refused.iter().any(|(refused, _)| *refused == path);
            let is_left_out = !is_ruled && !is_there && !is_refused;
            if let Some(default) = key.default.filter(|_| is_left_out) {
                let _ = write!(self.text, "{}: {default}, ", key.name);
                let record = record.map_or("", |record| record.name);
                self.written.insert(format!("{record}.{}", key.name));
            }
        }
        self.text.push('}');
    }

    fn value(&mut self, node: &Node, schema: &Json) {
        match &node.value {
            Value::Scalar(scalar)
                if scalar.plain && !scalar.text.contains([',', '[', ']', '{']) =>
            {
                self.text.push_str(&scalar.text);
            }
            Value::Scalar(scalar) => self.text.push_str(&Json::from(&*scalar.text).to_string()),
            Value::List(items) => {
                self.text.push('[');
                for item in items {
                    self.value(item, &schema["items"]);
                    self.text.push_str(", ");
                }
                self.text.push(']');
            }
            Value::Map(_) => {
                let choices = schema["anyOf"].as_array();
                let mut schemas = choices.into_iter().flatten().chain([schema]);
                let reference = schemas.find_map(|schema| schema["$ref"].as_str());
                match (reference, schema["additionalProperties"].is_object()) {
                    (_, true) => self.table(node, &schema["additionalProperties"]),
                    (name, _) => {
                        self.map(node, name.and_then(|name| name.rsplit('/').next()), false);
                    }
                }
            }
        }
    }

    fn table(&mut self, node: &Node, schema: &Json) {
        let Value::Map(entries) = &node.value else {
            return;
        };
        self.text.push('{');
        for entry in entries {
            let _ = write!(self.text, "{}: ", Json::from(&*entry.key.value));
            self.value(&entry.value, schema);
            self.text.push_str(", ");
        }
        self.text.push('}');
    }
}
