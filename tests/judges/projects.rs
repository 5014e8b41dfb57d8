//! A folder with a spec, beside it stand-ins for what the makers of Flatcar and Fedora CoreOS
//! publish, and what imgbuild makes of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use imgbuild::read;
use serde_json::Value;

use crate::{fedora_coreos, flatcar};

pub struct Project(tempfile::TempDir);

impl Project {
    /// A folder with `spec`, the stand-ins, and a cache of its own.
    pub fn new(spec: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stand_ins = [
            fedora_coreos::project::STAND_INS,
            flatcar::project::STAND_INS,
        ];
        for (name, bytes) in stand_ins.concat() {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        fs::write(folder.path().join("node.yaml"), spec).unwrap();
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs `imgbuild ARGUMENTS`.
    pub fn imgbuild(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_imgbuild"))
            .current_dir(self.0.path())
            .env("IMGBUILD_CACHE", self.path("cache"))
            .args(arguments)
            .output()
            .unwrap()
    }

    /// What `imgbuild ARGUMENTS` prints; it must succeed.
    pub fn prints(&self, arguments: &[&str]) -> String {
        let run = self.imgbuild(arguments);
        assert!(run.status.success(), "{arguments:?}: {}", said(&run));
        String::from_utf8(run.stdout).unwrap()
    }

    /// Builds the spec. Gives the output's path.
    pub fn build(&self, output: &str, arguments: &[&str]) -> PathBuf {
        self.prints(&[&["node.yaml", "-o", output], arguments].concat());
        self.path(output)
    }

    /// Builds the spec, which must fail with `code` for a reason that contains `why`.
    pub fn fails(&self, code: i32, arguments: &[&str], why: &str) {
        let run = self.imgbuild(&[&["node.yaml"], arguments].concat());
        let said = said(&run);
        assert_eq!(run.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(why), "{said}");
    }

    /// Builds the spec, which must fail as wrong input for a reason that contains `why`.
    pub fn refuses(&self, arguments: &[&str], why: &str) {
        self.fails(2, arguments, why);
    }
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The text files of a config, by path.
pub fn files(config: &Path) -> BTreeMap<String, String> {
    let laid = read::laid(&fs::read(config).unwrap()).unwrap();
    let files = laid.files.into_iter();
    files
        .map(|(path, bytes)| (path, String::from_utf8_lossy(&bytes).into_owned()))
        .collect()
}

/// Asks Ignition's own `ignition-validate` whether it takes the config. Needs the Debian package
/// ignition.
pub fn validate(config: &Path) {
    let run = Command::new("ignition-validate")
        .arg(config)
        .output()
        .expect("starting ignition-validate (Debian package ignition)");
    let said = said(&run);
    assert!(run.status.success() && said.is_empty(), "{said}");
}

/// The Ignition config of a node.
pub struct Config {
    pub json: Value,
    pub files: BTreeMap<String, String>,
}

impl Config {
    /// That of the node `name` of the project's spec, which Ignition takes.
    pub fn of(project: &Project, name: &str) -> Self {
        let path = project.build(&format!("{name}.ign"), &["--node", name]);
        // Debian's Ignition 2.14 knows 3.4.0 as its experimental version.
        let text = fs::read_to_string(&path).unwrap();
        let known = project.path(&format!("{name}-known.ign"));
        fs::write(&known, text.replacen("3.4.0", "3.4.0-experimental", 1)).unwrap();
        validate(&known);
        Self {
            json: serde_json::from_slice(&fs::read(&path).unwrap()).unwrap(),
            files: files(&path),
        }
    }

    pub fn file(&self, path: &str) -> &str {
        let text = self.files.get(path);
        text.unwrap_or_else(|| panic!("{path} is missing"))
    }

    pub fn units(&self) -> &[Value] {
        self.json["systemd"]["units"].as_array().unwrap()
    }

    pub fn unit(&self, name: &str) -> &Value {
        let unit = self.units().iter().find(|unit| unit["name"] == name);
        unit.unwrap_or_else(|| panic!("{name} is missing"))
    }

    pub fn unit_text(&self, name: &str) -> &str {
        self.unit(name)["contents"].as_str().unwrap()
    }
}
