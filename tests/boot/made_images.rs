//! Images that a test makes of programs: those of the folder of Kubernetes' programs, and those of
//! the Debian that this machine runs.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild::oci::{self, Entry};
use serde_json::json;

/// What every image has in its environment.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A root file system in the making: parents before what lies in them, nothing twice.
#[derive(Default)]
pub struct Tree {
    entries: Vec<Entry>,
    seen: BTreeSet<String>,
}

impl Tree {
    pub fn directory(&mut self, path: &str, mode: u32) {
        if self.is_new(path) {
            self.entries.push(Entry::directory(path, mode));
        }
    }

    pub fn file(&mut self, path: &str, mode: u32, contents: impl Into<Vec<u8>>) {
        if self.is_new(path) {
            self.entries.push(Entry::file(path, mode, contents));
        }
    }

    pub fn link(&mut self, path: &str, target: &str) {
        if self.is_new(path) {
            self.entries.push(Entry::link(path, target));
        }
    }

    /// The layer that holds it.
    pub fn layer(&self) -> Vec<u8> {
        oci::layer(&self.entries).unwrap()
    }

    /// Whether there is nothing at `path` yet; its parents are there afterwards.
    fn is_new(&mut self, path: &str) -> bool {
        if let Some((parent, _)) = path.rsplit_once('/') {
            self.directory(parent, 0o755);
        }
        self.seen.insert(path.to_owned())
    }

    /// A program of this machine with its loader and libraries. Needs `ldd` (Debian package
    /// libc-bin).
    pub fn program(&mut self, name: &str, package: &str) {
        let missing = || panic!("no program {name} (Debian package {package})");
        let mut folders = ["/usr/bin", "/bin", "/usr/sbin"].into_iter();
        let path = folders.find_map(|folder| {
            let path = Path::new(folder).join(name);
            path.is_file().then_some(path)
        });
        let path = path.unwrap_or_else(missing);
        self.file(&format!("usr/bin/{name}"), 0o755, fs::read(&path).unwrap());
        let said = output(Command::new("ldd").arg(&path), "libc-bin");
        // `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x…)`, `/lib64/ld-linux-x86-64.so.2 (0x…)`
        for library in said.split_whitespace().filter(|it| it.starts_with('/')) {
            self.file(&library[1..], 0o755, fs::read(library).unwrap());
        }
    }

    /// Debian's static busybox, and a link in `bin` for each name that it answers to, as upstream's
    /// image has them.
    pub fn busybox(&mut self) {
        self.file("bin/busybox", 0o755, fs::read("/bin/busybox").unwrap());
        let list = output(
            Command::new("/bin/busybox").arg("--list-full"),
            "busybox-static",
        );
        for path in list.lines() {
            let name = path.rsplit('/').next().unwrap_or(path);
            self.link(&format!("bin/{name}"), "/bin/busybox");
        }
    }
}

fn output(command: &mut Command, package: &str) -> String {
    let output = command
        .output()
        .unwrap_or_else(|why| panic!("{command:?} (Debian package {package}): {why}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Writes an image of one layer as `docker save` does.
pub fn archive(at: &Path, names: &[&str], layer: &[u8], entrypoint: &[&str], command: &[&str]) {
    let digest = |bytes: &[u8]| oci::digest_of(bytes).replace("sha256:", "");
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Env": [PATH],
            "Entrypoint": entrypoint,
            "Cmd": command,
        },
        "rootfs": { "type": "layers", "diff_ids": [oci::digest_of(layer)] },
    })
    .to_string();
    let config_path = format!("{}.json", digest(config.as_bytes()));
    let layer_path = format!("{}/layer.tar", digest(layer));
    let manifest = json!([{
        "Config": config_path,
        "RepoTags": names,
        "Layers": [layer_path],
    }])
    .to_string();
    let mut tar = tar::Builder::new(fs::File::create(at).unwrap());
    for (path, bytes) in [
        (config_path.as_str(), config.as_bytes()),
        (layer_path.as_str(), layer),
        ("manifest.json", manifest.as_bytes()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path, bytes).unwrap();
    }
    tar.finish().unwrap();
}
