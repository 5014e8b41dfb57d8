//! A folder with every file that pages name, and a home of the user who reads them.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::page::project;
use crate::{helm, live_iso, pod_networks};

/// Files of a few bytes, whatever they hold.
const STAND_INS: [&str; 8] = [
    "files/token",
    "site/name",
    "flatcar_production_pxe.vmlinuz",
    "flatcar_production_pxe_image.cpio.gz",
    "fedora-coreos-live-kernel.x86_64",
    "fedora-coreos-live-initramfs.x86_64.img",
    "fedora-coreos-live-rootfs.x86_64.img",
    "home/kubernetes/bin/kubelet",
];

/// Files that imgbuild reads.
const FILES: [(&str, &str); 16] = [
    ("core.password", "correct horse\n"),
    ("registry-password", "correct horse\n"),
    (
        "audit-policy.yaml",
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n",
    ),
    (
        "nginx.yaml",
        "apiVersion: v1\nkind: Namespace\nmetadata: {name: nginx}\n",
    ),
    ("calico.yaml", pod_networks::CALICO),
    ("canal.yaml", pod_networks::CANAL),
    ("cilium.yaml", pod_networks::CILIUM),
    ("weave.yaml", pod_networks::WEAVE),
    ("kube-router.yaml", pod_networks::KUBE_ROUTER),
    (
        "web.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n\
         spec: {containers: [{name: web, image: 'registry.example/web:1'}]}\n",
    ),
    (
        "config.bu",
        "variant: fcos\nversion: 1.4.0\nstorage:\n  files:\n    \
         - {path: /etc/hostname, contents: {inline: node2}}\n",
    ),
    ("wg0.key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\n"),
    ("ingress.yaml", "replicas: 2\n"),
    ("config.ign", r#"{"ignition":{"version":"3.4.0"}}"#),
    ("common.yaml", "version: 1\n"),
    (
        "home/.ssh/id_ed25519.pub",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGqZ0uvGBKUvbKy6YQkNB9kQPJqWvFCGyVQ4w4pDIkfL lab\n",
    ),
];

/// Charts, for the stand-in for Helm.
const CHARTS: [(&str, &str); 4] = [
    ("charts/metrics-server/Chart.yaml", "name: metrics-server\n"),
    (
        "charts/metrics-server/helm.sh",
        "printf -- '---\\napiVersion: v1\\nkind: ServiceAccount\\nmetadata: {name: metrics-server}\\n'\n",
    ),
    (
        "ingress-nginx-4.13.3.tgz",
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: ingress}\n",
    ),
    ("cilium-1.19.3.tgz", pod_networks::CILIUM),
];

/// The reader's folder.
pub struct Folder {
    folder: TempDir,
    /// Whether its user is the one who runs the tests, whose cache may have a base.
    is_at_home: bool,
}

impl Folder {
    /// An empty one, below `target/`, where images fit.
    fn empty() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("pages-")
            .tempdir_in(env!("CARGO_TARGET_TMPDIR"));
        Self {
            folder: folder.unwrap(),
            is_at_home: false,
        }
    }

    /// Another one with the same files.
    pub fn copy(&self) -> Self {
        let new = Self::empty();
        let copied = Command::new("cp")
            .args([Path::new("-a"), &self.path("."), &new.path("")])
            .status()
            .unwrap();
        assert!(copied.success());
        new
    }

    /// The same folder, of the user who runs the tests.
    pub fn at_home(self) -> Self {
        Self {
            is_at_home: true,
            ..self
        }
    }

    pub fn new() -> Self {
        let new = Self::empty();
        fs::create_dir(new.path("bin")).unwrap();
        symlink(program(), new.path("bin/imgbuild")).unwrap();
        for name in STAND_INS {
            new.write(name, "stand-in\n");
            if !name.contains('/') {
                new.write(&format!("configs/{name}"), "stand-in\n");
            }
        }
        for (name, text) in FILES {
            new.write(name, text);
        }
        for entry in fs::read_dir(project().join("configs")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|it| it == "yaml") {
                let name = path.file_name().unwrap();
                fs::copy(&path, new.path("configs").join(name)).unwrap();
            }
        }
        fs::copy(new.path("configs/etcd-node.yaml"), new.path("node.yaml")).unwrap();
        fs::copy(new.path("configs/cluster.yaml"), new.path("cluster.yaml")).unwrap();
        fs::create_dir(new.path("keys")).unwrap();
        fs::write(new.path("snapshot.db"), snapshot()).unwrap();
        helm::stand_in(&new.path("bin"));
        for (name, text) in CHARTS {
            new.write(name, text);
        }
        new.live_iso();
        new.authority();
        new
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Whether a page's reader has the file `name`.
    pub fn has(&self, name: &str) -> bool {
        match name.strip_prefix("~/") {
            Some(name) => self.path("home").join(name).exists(),
            None => self.path(name).exists(),
        }
    }

    /// Runs a program in the folder, as its user, with `imgbuild` among the programs.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("PATH", self.search_path())
            .env_remove("IMGBUILD_KUBE_DIR");
        if !self.is_at_home {
            command
                .env("HOME", self.path("home"))
                .env("IMGBUILD_CACHE", self.path("home/cache"));
        }
        command.output().unwrap()
    }

    fn search_path(&self) -> OsString {
        let others = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.path("bin")).chain(std::env::split_paths(&others));
        std::env::join_paths(folders).unwrap()
    }

    fn live_iso(&self) {
        self.write("kernel", "stand-in\n");
        let kernel = self.path("kernel");
        live_iso::write(&self.path("live.iso"), &kernel, &kernel, None);
    }

    /// Certificates that others issued: those of the node's own etcd do as well.
    fn authority(&self) {
        // And kubeadm's folder has the names of a key folder.
        for (spec, keys) in [("node.yaml", "made"), ("cluster.yaml", "pki")] {
            let made = self.run("imgbuild", &["keys", "init", spec, "--keys", keys]);
            assert!(made.status.success(), "{}", said(&made));
        }
        for (from, to) in [
            ("etcd/ca.crt", "etcd-ca.crt"),
            ("etcd/ca.crt", "lab-ca.pem"),
            ("etcd/ca.crt", "site-ca.pem"),
            ("nodes/node1/etcd/server.crt", "etcd-client.crt"),
            ("nodes/node1/etcd/server.key", "etcd-client.key"),
        ] {
            fs::copy(self.path("made").join(from), self.path(to)).unwrap();
        }
    }
}

/// A snapshot of etcd as far as imgbuild looks at one: the magic of a bbolt database, whole pages,
/// and their checksum.
fn snapshot() -> Vec<u8> {
    let mut database = vec![0; 4096];
    database[16..20].copy_from_slice(&0xED0C_DAED_u32.to_le_bytes());
    let checksum = Sha256::digest(&database);
    database.extend(&checksum[..]);
    database
}

/// The imgbuild to test.
fn program() -> PathBuf {
    std::env::var_os("IMGBUILD_PROGRAM")
        .map_or_else(|| env!("CARGO_BIN_EXE_imgbuild").into(), PathBuf::from)
}

/// What a program said on standard error.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The file of a fragment's wrapper.
pub fn wrapper(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/judges/pages/fragments/{name}.yaml"))
}
