//! What lies beside the spec of a node of Flatcar, and what comes of it.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

pub use crate::projects::{Project, files, said, validate};

/// Flatcar's PXE files by their names: stand-ins whose lengths are no multiples of anything.
pub const KERNEL: (&str, &[u8]) = ("flatcar_production_pxe.vmlinuz", b"stand-in for a kernel");
pub const INITRD: (&str, &[u8]) = (
    "flatcar_production_pxe_image.cpio.gz",
    b"stand-in for an initrd, which imgbuild does not look into",
);

pub const STAND_INS: &[(&str, &[u8])] = &[KERNEL, INITRD];

/// The spec's head.
pub const HEAD: &str = "version: 1\ntarget: flatcar\nhostname: kube1\n";

/// `base:` of the stand-ins beside the spec.
pub const BASE: &str = "base:\n  kernel: {source: flatcar_production_pxe.vmlinuz}\n  initrd: {source: ./flatcar_production_pxe_image.cpio.gz}\n";

/// The Ignition config of a node.
pub struct Config {
    pub json: Value,
    pub files: BTreeMap<String, String>,
}

impl Config {
    /// That of the node `name` of the project's spec, which Ignition takes.
    pub fn of(project: &Project, name: &str) -> Self {
        let path = project.build(&format!("{name}.ign"), &["--node", name]);
        validate(&path);
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
