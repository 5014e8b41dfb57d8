//! A node of Container Linux from its spec, as the config that it has.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use imgbuild::diagnostic::{Severity, Sources};
use imgbuild::ignition::{self, v2};
use imgbuild::node::ignition_2;
use imgbuild::pki::{Access, KeyFolder, Keys, system_random};
use imgbuild::{parts, plan, spec};

/// A key and a hash that are what they say they are.
pub const SSH_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEYSg9hGbKSkAWGFpVxlXKW9iNw1CmJDcrJ5mFvWTXIm lab";
pub const HASH: &str = "$6$salt$0123456789hashhashhashhash0123456789hashhashhashhash\
    0123456789hashhashhashhash01234567";

/// What the note shows under this name.
pub fn note(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/product/container_linux/note");
    fs::read_to_string(folder.join(name)).expect(name)
}

/// A file for ct as a spec.
pub fn as_spec(ct: &str) -> String {
    format!("version: 1\ntarget: container-linux\n{ct}")
}

/// A node, built.
pub struct Built {
    pub config: ignition_2::Config,
    /// Codes of what was doubtful.
    pub warnings: Vec<&'static str>,
    /// Contents of files by path.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Built {
    /// The text of a file.
    pub fn text(&self, path: &str) -> &str {
        let bytes = self
            .files
            .get(path)
            .unwrap_or_else(|| panic!("{path} of {:?}", self.files.keys()));
        std::str::from_utf8(bytes).expect("text")
    }

    /// The text of a drop-in.
    pub fn dropin(&self, unit: &str, name: &str) -> &str {
        let dropins = &self.unit(unit).dropins;
        let dropin = dropins.iter().find(|dropin| dropin.name == name);
        &dropin
            .unwrap_or_else(|| panic!("{unit} has {dropins:?}"))
            .contents
    }

    /// A unit.
    pub fn unit(&self, name: &str) -> &ignition_2::Unit {
        let mut units = self.config.systemd.units.iter();
        units
            .find(|unit| unit.name == name)
            .unwrap_or_else(|| panic!("{name}"))
    }

    /// The text of a networkd unit.
    pub fn networkd(&self, name: &str) -> &str {
        let mut units = self.config.networkd.units.iter();
        &units.find(|unit| unit.name == name).expect(name).contents
    }
}

/// The nodes of `text`, which has `others` beside it. Every config is read back by the strict
/// reader.
pub fn all(text: &str, others: &[(&str, &str)]) -> Result<Vec<Built>, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("node.yaml", text)].iter().chain(others) {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    built_in(folder.path())
}

/// The nodes of `node.yaml` in `folder`, whose keys are kept there.
pub fn built_in(folder: &Path) -> Result<Vec<Built>, Vec<String>> {
    let mut sources = Sources::default();
    let told = |found: Vec<imgbuild::diagnostic::Diagnostic>| -> Vec<String> {
        let errors = found.iter().filter(|d| d.severity == Severity::Error);
        errors
            .map(|d| format!("{} {}", d.code.0, d.message))
            .collect()
    };
    let path = folder.join("node.yaml");
    let loaded = spec::load(&path, Some(folder), &mut sources).map_err(told)?;
    let decided = plan::decide(&loaded, &sources).map_err(told)?;
    let mut warnings: Vec<_> = decided.warnings.iter().map(|d| d.code.0).collect();
    let keys = KeyFolder::open(folder.join("keys"), Access::Write).unwrap();
    let mut rng = system_random();
    let mut keys = Keys::new(keys, SystemTime::now(), &mut rng);
    let cluster = decided.with_keys(&mut keys).unwrap();
    let mut built = Vec::new();
    for node in &cluster.nodes {
        let compiled = ignition::compile(node, parts::all(node)).map_err(told)?;
        warnings.extend(compiled.warnings.iter().map(|d| d.code.0));
        let json = ignition::to_json_pretty(&compiled.config);
        let config = v2::read(&json).unwrap_or_else(|problems| panic!("{problems:#?}"));
        assert_eq!(Some(&config), compiled.config.into_v2().as_ref());
        built.push(Built {
            files: imgbuild::read::laid(&json)
                .expect("contents that decode")
                .files,
            config,
            warnings: warnings.clone(),
        });
    }
    Ok(built)
}

/// The one node of `text`.
pub fn one(text: &str) -> Built {
    let mut all = all(text, &[]).unwrap_or_else(|errors| panic!("{errors:#?}"));
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// The node of the example, and its folder, which holds the keys.
pub fn example() -> (Built, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    fs::copy(
        configs.join("container-linux-1.9.yaml"),
        folder.path().join("node.yaml"),
    )
    .unwrap();
    fs::create_dir(folder.path().join(".ssh")).unwrap();
    fs::write(folder.path().join(".ssh/id_ed25519.pub"), SSH_KEY).unwrap();
    let mut nodes = built_in(folder.path()).unwrap_or_else(|errors| panic!("{errors:#?}"));
    (nodes.remove(0), folder)
}

/// What a file of Container Linux begins with.
pub const HEAD: &str = "version: 1\ntarget: container-linux\n";

/// One node of a cluster, an element of `nodes:`.
pub fn node(name: &str, address: &str, kubernetes: &str) -> String {
    format!(
        "  - hostname: {name}\n    network: {{interfaces: [{{name: eth0, addresses: [{address}/24], gateway: 192.168.1.1}}]}}\n    kubernetes: {{{kubernetes}}}\n"
    )
}

/// A control plane and a worker; `common` is more of what their `kubernetes:` share.
pub fn two(common: &str) -> Vec<Built> {
    let text = format!(
        "{HEAD}kubernetes: {{version: 1.9.6{common}}}\nnodes:\n{}    etcd: {{advertise_client_urls: 'http://192.168.1.10:2379'}}\n{}",
        node("a", "192.168.1.10", "role: control-plane"),
        node("b", "192.168.1.11", "role: worker"),
    );
    all(&text, &[]).unwrap_or_else(|errors| panic!("{errors:#?}"))
}
