//! What `imgbuild kubernetes learn` finds out by asking the programs of the folder that
//! `IMGBUILD_KUBE_DIR` names is what imgbuild knows of their release. Without it nothing is tested,
//! and the output says so. Needs etcd (Debian package etcd-server).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use imgbuild::facts::kubernetes::learned::{Learned, LearnedTables};
use imgbuild::facts::kubernetes::tables::{Component, ConfigKind, Tables};
use imgbuild::learn::{Helpers, Lesson, learn};
use imgbuild::pki::system_random;
use imgbuild::progress::Silent;
use serde_json::Value as Json;

use crate::components::programs::programs;
use crate::manifests::oracle::schemas;
use crate::manifests::tables::object;

/// What vendors add to Kubernetes, which imgbuild does not know.
const OF_VENDORS: [&str; 5] = [
    "MinimumKubeletVersion",
    "RouteExternalCertificate",
    "StoragePerformantSecurityPolicy",
    "send-retry-after-while-not-ready-once",
    "unsupported-kube-api-over-localhost",
];

/// What is said of names.
type Words = BTreeMap<String, String>;

#[test]
fn what_is_learned_is_what_is_known() {
    let Some(folder) = programs() else { return };
    let helpers = Helpers {
        etcd: Some("/usr/bin/etcd".into()),
    };
    let Lesson { learned, left_out } =
        learn(&folder, &helpers, &mut system_random(), &Silent).expect("a lesson");
    for what in left_out {
        crate::skipped::skipped(&what);
    }
    let text = learned.to_string();
    assert_eq!(Learned::parse(&text).expect("own text"), learned);
    let version = learned.version();
    let theirs = all(learned.tables(), version.minor);
    let ours = all(Tables::OWN, version.minor);
    let mut differences = String::new();
    for (what, known) in ours {
        compare(what, &theirs[what], &known, &mut differences);
    }
    if let Some(apis) = learned.tables().apis() {
        let one = |api: &str, kind: &str| (format!("{api} {kind}"), String::new());
        let served = apis.flat_map(|(api, kinds)| kinds.map(move |kind| one(api, kind)));
        let known = in_schemas(version.minor);
        compare("APIs", &served.collect(), &known, &mut differences);
    }
    assert!(differences.is_empty(), "{differences}");
    if folder.join("kubeadm").exists() {
        let mut all = LearnedTables::default();
        all.add(learned);
        assert_eq!(all.release(version), *version.known_release());
    }
}

/// What `tables` say of 1.`minor`, table by table.
fn all(tables: Tables<'_>, minor: u16) -> BTreeMap<&'static str, Words> {
    let mut all = BTreeMap::new();
    for component in Component::ALL {
        let flags = tables.flags(component);
        let flags = flags.filter(|flag| flag.minors.why_not(minor).is_none());
        let words = flags.map(|flag| (flag.name.to_owned(), flag.kind.to_string()));
        all.insert(component.as_str(), words.collect());
    }
    for kind in [ConfigKind::Kubelet, ConfigKind::Proxy] {
        let fields = tables.config_fields(kind);
        let fields = fields.filter(|field| field.minors.why_not(minor).is_none());
        let words = fields.map(|field| (field.path.to_owned(), field.kind.to_string()));
        all.insert(kind.as_str(), words.collect());
    }
    let gates = tables.feature_gates();
    let gates = gates.filter(|gate| gate.minors.why_not(minor).is_none());
    let words = gates.map(|gate| {
        let locked = gate.locked.filter(|(_, since)| *since <= minor);
        (gate.name.to_owned(), format!("{:?}", locked.map(|it| it.0)))
    });
    all.insert("feature gates", words.collect());
    let plugins = tables.admission_plugins();
    let plugins = plugins.filter(|(_, minors)| minors.why_not(minor).is_none());
    let words = plugins.map(|(name, _)| (name.to_owned(), String::new()));
    all.insert("admission plugins", words.collect());
    all
}

/// Notes where two tables differ.
fn compare(what: &str, learned: &Words, known: &Words, differences: &mut String) {
    let alone = |one: &Words, other: &Words| -> Vec<String> {
        (one.iter())
            .filter(|(name, word)| other.get(*name) != Some(*word))
            .filter(|(name, _)| !OF_VENDORS.contains(&name.as_str()))
            .map(|(name, word)| format!("{name} {word}"))
            .collect()
    };
    for (whose, alone) in [
        ("known", alone(known, learned)),
        ("learned", alone(learned, known)),
    ] {
        if !alone.is_empty() {
            writeln!(differences, "{what}: {whose} alone: {}", alone.join(", ")).expect("a string");
        }
    }
}

/// Objects of Kubernetes' own schemas: `apiVersion` and kind.
fn in_schemas(minor: u16) -> Words {
    let file = schemas().join(format!("v1.{minor}.0-local-strict/_definitions.json"));
    let text = std::fs::read_to_string(&file).expect("the schemas");
    let all: Json = serde_json::from_str(&text).expect("JSON");
    let types = all["$defs"].as_object().expect("a map").values();
    let objects = types.filter_map(object);
    objects
        .map(|(api, kind)| (format!("{api} {kind}"), String::new()))
        .collect()
}
