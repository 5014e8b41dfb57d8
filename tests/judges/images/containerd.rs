//! Embedded images in a containerd of our own (Debian package `containerd`), as a node's first boot
//! brings them there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use imgbuild::cache::Cache;
use imgbuild::extensions::images::{Images, extension as images_extension};
use imgbuild::facts::systems::Target;
use imgbuild::names::Arch;
use imgbuild::oci::read_images;
use imgbuild::progress::Silent;

use crate::images::made::{archive, special};
use crate::patience::{PROGRAM, computed};
use crate::registry::{Registry, run};

/// A containerd without the kubelet's side, which stops with the value. Works as root only, as on a
/// node.
struct Containerd {
    folder: PathBuf,
    child: Child,
}

impl Containerd {
    fn start(folder: &Path) -> Self {
        let at = |name: &str| folder.join(name).display().to_string();
        let config = "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n";
        fs::write(at("config.toml"), config).unwrap();
        let log = fs::File::create(at("log")).unwrap();
        let mut child = Command::new("containerd")
            .args([
                "--config",
                &at("config.toml"),
                "--root",
                &at("root"),
                "--state",
                &at("state"),
                "--address",
                &at("sock"),
            ])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("starting containerd (Debian package containerd)");
        // `ctr` waits for the socket by itself.
        let mut wait = PROGRAM.wait("containerd's socket");
        while Command::new("ctr")
            .args([
                "--address",
                &at("sock"),
                "--connect-timeout",
                "1s",
                "version",
            ])
            .output()
            .is_ok_and(|output| !output.status.success())
        {
            let ended = child.try_wait().unwrap();
            let log = fs::read_to_string(at("log")).unwrap();
            assert!(ended.is_none(), "containerd stopped: {log}");
            wait.check(computed(child.id()));
        }
        Self {
            folder: folder.to_owned(),
            child,
        }
    }

    fn socket(&self) -> String {
        self.folder.join("sock").display().to_string()
    }

    fn ctr(&self, arguments: &[&str]) -> String {
        let socket = self.socket();
        let all: Vec<&str> = ["--address", &socket, "--namespace", "k8s.io"]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        run("ctr", "containerd", &all)
    }

    /// What a node does with the images in `archives`; gives what it ran of `ctr`.
    fn import(&self, archives: &Path) -> Vec<String> {
        // Stands before the real one and notes each call.
        let bin = self.folder.join("bin");
        fs::create_dir_all(&bin).unwrap();
        let calls = self.folder.join("calls");
        fs::write(&calls, "").unwrap();
        let wrapper = format!(
            "#!/bin/sh\necho \"$*\" >> '{}'\nexec /usr/bin/ctr \"$@\"\n",
            calls.display()
        );
        let ctr = bin.join("ctr");
        fs::write(&ctr, wrapper).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&ctr, mode).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/import-images.sh");
        let output = Command::new("dash")
            .arg(script)
            .args([archives, &self.folder.join("root")])
            .env(
                "PATH",
                format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", bin.display()),
            )
            .env("CONTAINERD_ADDRESS", self.socket())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let calls = fs::read_to_string(calls).unwrap();
        calls.lines().map(str::to_owned).collect()
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The extension of the images in `archives`, unpacked at `to`: gives where its images are.
fn extension(cache: &Path, archives: &[&Path], to: &Path) -> PathBuf {
    let mut images = Vec::new();
    for archive in archives {
        images.extend(read_images(archive, Arch::Amd64).unwrap());
    }
    let made = {
        let debian = Target::Debian.facts();
        let images = Images {
            all: &images,
            cri_o: false,
        };
        images_extension(&Cache::new(cache), Arch::Amd64, debian, images, &Silent).unwrap()
    };
    run(
        "unsquashfs",
        "squashfs-tools",
        &[
            "-q",
            "-n",
            "-d",
            &to.display().to_string(),
            &made.file.display().to_string(),
        ],
    );
    to.join("opt/kubernetes/images")
}

#[test]
fn embedded_images_are_there_at_once_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let cache = at("cache");
    let one = archive(&at("one.tar"), "registry.example/one:1", Arch::Amd64, "one");
    let two = archive(&at("two.tar"), "registry.example/two:1", Arch::Amd64, "two");
    let special = special(&at("special.tar"));
    let mut containerd = Containerd::start(folder.path());

    let images = extension(&cache, &[&one, &two, &special], &at("first"));
    let calls = containerd.import(&images);
    assert!(
        calls.iter().any(|call| call.contains("--no-unpack")),
        "{calls:?}"
    );
    let list = containerd.ctr(&["images", "ls"]);
    for name in ["one", "two", "device", "capable"] {
        let line = list
            .lines()
            .find(|line| line.contains(&format!("/{name}:1")))
            .expect(name);
        assert!(line.contains("io.cri-containerd.pinned=pinned"), "{line}");
    }
    let check = containerd.ctr(&["images", "check"]);
    assert_eq!(
        check.matches(" true").count(),
        4,
        "all have their files: {check}"
    );

    // The files are those of the layers on top of one another, and came without a copy.
    let mut known = Vec::new();
    for archive in [&one, &two, &special] {
        known.extend(read_images(archive, Arch::Amd64).unwrap());
    }
    let view = |image: &str| {
        let target = at("view");
        fs::create_dir_all(&target).unwrap();
        let target = target.display().to_string();
        let name = format!("registry.example/{image}:1");
        let image = known.iter().find(|known| known.name == name).unwrap();
        // As a container gets its own: a layer of its own on the image's.
        let snapshot = format!("view-{name}");
        let chain = image.chain_id().unwrap();
        containerd.ctr(&[
            "snapshots",
            "prepare",
            "--target",
            &target,
            &snapshot,
            &chain,
        ]);
        let mount = containerd.ctr(&["snapshots", "mounts", &target, &snapshot]);
        run("sh", "dash", &["-ec", &mount]);
        let read = |path: &str| fs::read_to_string(format!("{target}/{path}")).ok();
        let seen = (
            read("etc/text"),
            read("etc/more"),
            read("etc/link"),
            read("server"),
        );
        run("umount", "mount", &[&target]);
        seen
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(view("one"), (text("one"), text("one"), None, None));
    assert_eq!(view("two"), (text("two"), text("two"), None, None));
    assert_eq!(view("capable").3, text("server"));
    let rootfs = images.join("rootfs");
    assert_eq!(
        fs::read_dir(&rootfs).unwrap().count(),
        3,
        "one, two, capable"
    );
    let capability = r"
import os, pathlib, sys
[file] = pathlib.Path(sys.argv[1]).glob('*/server')
print(os.getxattr(file, 'security.capability').hex())
";
    let capability = run(
        "python3",
        "python3",
        &["-c", capability, &rootfs.display().to_string()],
    );
    assert_eq!(
        capability.trim(),
        "0100000200040000000000000000000000000000"
    );

    // A second boot with the same images changes nothing.
    drop(containerd);
    containerd = Containerd::start(folder.path());
    let calls = containerd.import(&images);
    let reads = |call: &String| call.ends_with("images ls") || call.ends_with("snapshots ls");
    assert!(calls.iter().all(reads), "{calls:?}");

    // A third with another set of images.
    drop(containerd);
    containerd = Containerd::start(folder.path());
    fs::remove_dir_all(at("first")).unwrap();
    let images = extension(&cache, &[&two], &at("first"));
    containerd.import(&images);
    let list = containerd.ctr(&["images", "ls"]);
    assert!(
        list.contains("/two:1") && !list.contains("/one:1"),
        "{list}"
    );
    assert!(containerd.ctr(&["images", "check"]).contains(" true"));
}

/// `insecure` is for registries without a certificate that can be checked, and for those without
/// any. containerd's own default for loopback addresses does not help here: the file names https.
#[test]
fn an_insecure_registry_may_speak_plain_http() {
    let registry = Registry::open();
    let folder = tempfile::tempdir().unwrap();
    let file = archive(&folder.path().join("a.tar"), "a", Arch::Amd64, "plain");
    registry.push(&file, "app:1");
    let hosts = folder.path().join("certs.d");
    let only_https = format!("{{mirrors: ['https://{}']}}", registry.host);
    for (settings, is_pulled) in [(&*only_https, false), ("{insecure: true}", true)] {
        let spec = format!(
            "version: 1\nhostname: kube1\ncontainerd: {{registries: {{'{}': {settings}}}}}\n",
            registry.host
        );
        fs::write(folder.path().join("node.yaml"), spec).unwrap();
        run(
            env!("CARGO_BIN_EXE_imgbuild"),
            "imgbuild",
            &[
                &folder.path().join("node.yaml").display().to_string(),
                "-o",
                &folder.path().join("node.ign").display().to_string(),
            ],
        );
        let config = fs::read(folder.path().join("node.ign")).unwrap();
        let laid = imgbuild::read::laid(&config).unwrap();
        let at = format!("/etc/containerd/certs.d/{}/hosts.toml", registry.host);
        let own = hosts.join(&registry.host);
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("hosts.toml"), &laid.files[&at]).unwrap();
        let containerd = Containerd::start(folder.path());
        let pulled = Command::new("ctr")
            .args(["--address", &containerd.socket(), "images", "pull"])
            .arg("--hosts-dir")
            .arg(&hosts)
            .arg(format!("{}/app:1", registry.host))
            .output()
            .unwrap();
        assert_eq!(pulled.status.success(), is_pulled, "{settings}: {pulled:?}");
    }
}
