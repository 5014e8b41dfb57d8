//! A spec in a folder of its own, as far as to the decided nodes.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs;
use std::time::{Duration, SystemTime};

use imgbuild::diagnostic::{Diagnostic, Sources};
use imgbuild::node::Cluster;
use imgbuild::pki::{Access, KeyFolder, Keys, system_random};
use imgbuild::plan::{Decided, decide};
use imgbuild::spec::load;

/// A spec in a folder of its own, with files beside it.
pub struct Project {
    pub folder: tempfile::TempDir,
    pub sources: Sources,
}

impl Project {
    pub fn new(spec: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [("node.yaml", spec)].iter().chain(files) {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("has a parent")).expect("a folder");
            fs::write(path, text).expect("writes");
        }
        Self {
            folder,
            sources: Sources::default(),
        }
    }

    pub fn decide(&mut self) -> Result<Decided, Vec<Diagnostic>> {
        let loaded = load(
            &self.folder.path().join("node.yaml"),
            None,
            &mut self.sources,
        )?;
        decide(&loaded, &self.sources)
    }

    /// What was found, each as `line:column code message`.
    pub fn found(&mut self) -> Vec<String> {
        let diagnostics = match self.decide() {
            Ok(decided) => decided.warnings,
            Err(diagnostics) => diagnostics,
        };
        diagnostics
            .iter()
            .map(|diagnostic| {
                let (line, column) = diagnostic
                    .span
                    .map_or((0, 0), |span| self.sources.position(span));
                format!(
                    "{line}:{column} {} {}",
                    diagnostic.code.0, diagnostic.message
                )
            })
            .collect()
    }

    pub fn keys_folder(&self) -> std::path::PathBuf {
        self.folder.path().join("keys")
    }

    pub fn cluster(&mut self, access: Access) -> Cluster {
        let decided = self
            .decide()
            .unwrap_or_else(|wrong| panic!("the spec is right: {wrong:#?}"));
        let mut random = system_random();
        let folder = KeyFolder::open(self.keys_folder(), access).expect("opens");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045);
        let mut keys = Keys::new(folder, now, &mut random);
        decided.with_keys(&mut keys).expect("keys are there")
    }
}

/// `text`, or a whole spec around it.
pub fn spec(text: &str) -> String {
    if text.starts_with("version:") {
        text.to_owned()
    } else {
        format!("version: 1\nhostname: kube1\n{text}")
    }
}
