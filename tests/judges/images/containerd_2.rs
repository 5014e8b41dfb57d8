//! A containerd 2.x, which no Debian release has yet: the programs `containerd`, `ctr` and `crictl`
//! of the folder that `IMGBUILD_KUBE_DIR` names. Where it has none nothing is tested, and the
//! output says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use imgbuild::names::Arch;
use serde_json::{Value, json};

use crate::images::made::archive;
use crate::images::node::{file, imgbuild, succeeds};
use crate::images::settings::{CASES, holds, read, settings};
use crate::patience::{PROGRAM, computed};
use crate::registry::{Registry, USER, run};

/// The folder; `None`, said aloud, where there is none.
fn programs() -> Option<PathBuf> {
    let folder = std::env::var_os("IMGBUILD_KUBE_DIR").map(PathBuf::from);
    let found = folder.filter(|folder| folder.join("containerd").exists());
    if found.is_none() {
        crate::skipped::skipped("IMGBUILD_KUBE_DIR names no folder with a containerd 2");
    }
    found
}

fn tool(programs: &Path, name: &str, arguments: &[&str]) -> String {
    let path = programs.join(name).display().to_string();
    run(&path, "none: the folder IMGBUILD_KUBE_DIR", arguments)
}

/// What is said in version 2 or 3 is in force, whatever version containerd makes of it.
#[test]
fn it_reads_both_versions() {
    let Some(programs) = programs() else { return };
    for case in &CASES {
        let folder = tempfile::tempdir().unwrap();
        let config = settings(case, folder.path()).display().to_string();
        let output = Command::new(programs.join("containerd"))
            .args(["--config", &config, "config", "dump"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        // It warns of keys that it does not know. That it knows a later version than the one that
        // it was given is no fault.
        let mut warnings = said.lines().filter(|line| line.contains("level=warn"));
        assert!(
            warnings.all(|line| line.contains("Configuration migrated from version")),
            "{said}"
        );
        let effective = folder.path().join("effective.toml");
        fs::write(&effective, &output.stdout).unwrap();
        let plugins = &read(&effective)["plugins"];
        let images = &plugins["io.containerd.cri.v1.images"];
        let runtime = &plugins["io.containerd.cri.v1.runtime"];
        let name = format!("{}, version {}", case.target, case.version);
        let sandbox = json!({"sandbox": "imgbuild.local/node:1"});
        holds(&images["pinned_images"], &sandbox, &name);
        let registry = json!({
            "config_path": "/etc/containerd/certs.d",
            "configs": {"registry.example": {"auth": {"username": "me", "password": "a\"b\\c"}}},
        });
        holds(&images["registry"], &registry, &name);
        let runtimes = json!({
            "default_runtime_name": "nvidia",
            "runtimes": {
                "runc": {"options": {"SystemdCgroup": true}},
                "nvidia": {"options": {"SystemdCgroup": true, "BinaryName": "/opt/bin/nvidia-container-runtime"}},
                "sandboxed": {
                    "runtime_path": "/opt/bin/containerd-shim-runsc-v1",
                    "options": {"TypeUrl": "io.containerd.runsc.v1.options"},
                },
                "machine": {"privileged_without_host_devices": true},
                "wasm": {"runtime_type": "io.containerd.wasmtime.v1"},
            },
        });
        holds(&runtime["containerd"], &runtimes, &name);
        let cni = runtime["cni"].to_string();
        assert!(
            cni.contains("\"/opt/cni/bin\"") && cni.contains("\"/etc/cni/net.d\""),
            "{cni}"
        );
    }
}

/// A node's containerd in a folder, which stops with the value. Works as root only, as on a node.
struct Running {
    programs: PathBuf,
    folder: PathBuf,
    child: Child,
}

impl Running {
    /// With the settings of the node that `folder` has the config of.
    fn start(programs: &Path, folder: &Path) -> Self {
        let here = folder.display().to_string();
        let of_node = |path: &str| {
            let text = file(folder, "node.ign", path);
            text.replace("/etc/containerd", &format!("{here}/etc"))
                .replace("/var/lib/containerd", &format!("{here}/root"))
        };
        fs::write(
            folder.join("config.toml"),
            of_node("/etc/containerd/config.toml"),
        )
        .unwrap();
        let hosts = folder.join("etc/certs.d/registry.example");
        fs::create_dir_all(&hosts).unwrap();
        let text = of_node("/etc/containerd/certs.d/registry.example/hosts.toml");
        fs::write(hosts.join("hosts.toml"), text).unwrap();
        // Its plugins have sockets of their own below /run.
        let script = "mount -t tmpfs tmpfs /run; exec \"$@\"";
        let child = Command::new("unshare")
            .args(["--mount", "sh", "-euc", script, "containerd"])
            .arg(programs.join("containerd"))
            .args(["--config", &format!("{here}/config.toml")])
            .args([
                "--root",
                &format!("{here}/root"),
                "--state",
                &format!("{here}/state"),
            ])
            .args(["--address", &format!("{here}/sock")])
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .expect("starting unshare (Debian package util-linux)");
        let mut running = Self {
            programs: programs.to_owned(),
            folder: folder.to_owned(),
            child,
        };
        // `ctr` waits for the socket by itself.
        let mut wait = PROGRAM.wait("containerd's socket");
        while !running.ctr(&["version"]).1 {
            let ended = running.child.try_wait().unwrap();
            assert!(ended.is_none(), "containerd stopped: {}", running.log());
            wait.check(computed(running.child.id()));
        }
        running
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// What `ctr` said, and whether it succeeded.
    fn ctr(&self, arguments: &[&str]) -> (String, bool) {
        let output = Command::new(self.programs.join("ctr"))
            .arg("--address")
            .arg(self.folder.join("sock"))
            .args(["--connect-timeout", "1s", "--namespace", "k8s.io"])
            .args(arguments)
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (
            String::from_utf8_lossy(&said).into_owned(),
            output.status.success(),
        )
    }

    /// As the kubelet has an image pulled.
    fn pull(&self, image: &str) -> String {
        let socket = format!("unix://{}", self.folder.join("sock").display());
        tool(
            &self.programs,
            "crictl",
            &[
                "--runtime-endpoint",
                &socket,
                "--image-endpoint",
                &socket,
                "pull",
                image,
            ],
        )
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A mirror that wants a login is found by its host, and logged in to; nothing that is deprecated
/// is used where no login is.
#[test]
fn it_pulls_through_a_mirror_with_a_login() {
    let Some(programs) = programs() else { return };
    for (line, login) in [
        ("", true),
        ("", false),
        ("  config_version: 2\n", true),
        ("  config_version: 2\n", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let registry = if login {
            Registry::with_login()
        } else {
            Registry::open()
        };
        let text = format!("{line:?}, login: {login}");
        let image = archive(&folder.join("a.tar"), "a", Arch::Amd64, &text);
        registry.push(&image, "hub/app:1");
        let mut spec = format!(
            "version: 1\ntarget: flatcar\nhostname: kube1\ncontainerd:\n{line}  registries:\n    registry.example: {{mirrors: ['http://{}/hub']}}\n",
            registry.host
        );
        if login {
            let own = format!(
                "    '{}': {{username: {}, password_file: password}}\n",
                registry.host, USER.0
            );
            spec.push_str(&own);
        }
        fs::write(folder.join("node.yaml"), spec).unwrap();
        fs::write(folder.join("password"), USER.1).unwrap();
        succeeds(&imgbuild(folder, &["node.yaml", "-o", "node.ign"]));
        let containerd = Running::start(&programs, folder);
        containerd.pull("registry.example/app:1");
        let (list, _) = containerd.ctr(&["images", "ls"]);
        let (digest, _) = registry.manifest("hub/app:1");
        let line = list
            .lines()
            .find(|line| line.starts_with("registry.example/app:1 "));
        assert!(
            line.is_some_and(|line| line.contains(&digest)),
            "{text}: {list}"
        );
        let (warnings, _) = containerd.ctr(&["deprecations", "list", "--format", "json"]);
        // Where there is none, releases before 2.3 say nothing at all.
        let warnings: Vec<Value> = if warnings.trim().is_empty() {
            Vec::new()
        } else {
            serde_json::from_str(&warnings).unwrap()
        };
        let ids = warnings
            .iter()
            .map(|warning| warning["id"].as_str().unwrap());
        // This machine may have old control groups; a node has not.
        let ids: Vec<&str> = ids.filter(|id| !id.ends_with("/cgroup-v1")).collect();
        let of_logins = "io.containerd.deprecation/cri-registry-configs";
        let wanted: &[&str] = if login { &[of_logins] } else { &[] };
        assert_eq!(ids, wanted, "{text}");
    }
}
