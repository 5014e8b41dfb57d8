//! Embedded images as CRI-O finds them: a store that containers/storage reads where it lies. skopeo
//! and buildah (Debian packages of those names) are programs of that library. Works as root only,
//! as on a node.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use imgbuild::cache::Cache;
use imgbuild::extensions::Extension;
use imgbuild::extensions::images::{Images, extension as images_extension};
use imgbuild::facts::systems::Target;
use imgbuild::names::Arch;
use imgbuild::oci::{StoredImage, read_images};
use imgbuild::progress::Silent;

use crate::images::made::{archive, special};
use crate::registry::run;

/// A machine's own containers and images, beside stores that came with it.
pub struct Storage {
    folder: tempfile::TempDir,
}

impl Storage {
    /// One that reads the stores in `stores`, below which nothing can be written.
    pub fn with(stores: &[PathBuf]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let listed: Vec<_> = (stores.iter())
            .map(|store| format!("\"{}\"", store.display()))
            .collect();
        let template =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/containers-storage.conf");
        let settings = (fs::read_to_string(template).unwrap())
            .replace("{{storage}}", &at("own"))
            .replace("{{stores}}", &listed.join(", "))
            .replace("/run/containers/storage", &at("run"));
        assert!(!settings.contains("{{"), "{settings}");
        fs::write(at("storage.conf"), settings).unwrap();
        Self { folder }
    }

    fn output(&self, tool: &str, arguments: &[&str]) -> Output {
        Command::new(tool)
            .args(arguments)
            .env(
                "CONTAINERS_STORAGE_CONF",
                self.folder.path().join("storage.conf"),
            )
            .output()
            .unwrap_or_else(|why| panic!("starting {tool} (Debian package {tool}): {why}"))
    }

    fn run(&self, tool: &str, arguments: &[&str]) -> String {
        let output = self.output(tool, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{tool} {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// The root of a new container of the image `name`.
    pub fn container(&self, name: &str) -> PathBuf {
        let container = self.run("buildah", &["from", "--pull-never", name]);
        self.run("buildah", &["mount", &container]).into()
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.output("buildah", &["rm", "--all"]);
        // What is mounted for as long as a store is in use.
        let own = self.folder.path().join("own/storage/overlay");
        let _ = Command::new("umount").arg(own).output();
    }
}

/// The files of an extension, to which nobody can write, as on a node.
pub struct Mounted(tempfile::TempDir);

impl Mounted {
    pub fn new(extension: &Extension) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let image = extension.file.display().to_string();
        let at = folder.path().display().to_string();
        run(
            "unsquashfs",
            "squashfs-tools",
            &["-q", "-n", "-f", "-d", &at, &image],
        );
        run("mount", "mount", &["--bind", &at, &at]);
        run("mount", "mount", &["-o", "remount,bind,ro", &at]);
        Self(folder)
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).output();
    }
}

fn images(archives: &[&Path]) -> Vec<StoredImage> {
    let all = archives.iter();
    all.flat_map(|archive| read_images(archive, Arch::Amd64).unwrap())
        .collect()
}

fn extension(cache: &Path, all: &[StoredImage], cri_o: bool) -> anyhow::Result<Extension> {
    let debian = Target::Debian.facts();
    let images = Images { all, cri_o };
    images_extension(&Cache::new(cache), Arch::Amd64, debian, images, &Silent)
}

#[test]
fn a_store_is_read_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let one = archive(&at("one.tar"), "registry.example/one:1", Arch::Amd64, "one");
    let two = archive(&at("two.tar"), "registry.example/two:1", Arch::Amd64, "two");
    let mut all = images(&[&one, &two]);
    // The same image by another name, and by its digest.
    let pinned = format!("registry.example/one@{}", all[0].digest());
    for name in ["registry.example/other:2", &pinned] {
        all.push(StoredImage {
            name: name.to_owned(),
            ..all[0].clone()
        });
    }
    let made = Mounted::new(&extension(&at("cache"), &all, true).unwrap());
    let store = made.path("opt/kubernetes/images/crio/images");
    let storage = Storage::with(std::slice::from_ref(&store));

    let list = storage.run("buildah", &["images", "--no-trunc", "--json"]);
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 2, "{list:?}");
    for image in &all {
        let name = format!("containers-storage:{}", image.name);
        let raw = storage.run("skopeo", &["inspect", "--raw", &name]);
        assert_eq!(raw.as_bytes(), image.manifest, "{name}");
        let config = storage.run("skopeo", &["inspect", "--config", "--raw", &name]);
        assert_eq!(config.as_bytes(), image.config, "{name}");
        let entry = (list.iter()).find(|entry| {
            let names = entry["names"].as_array().unwrap();
            names.iter().any(|name| *name == *image.name)
        });
        assert_eq!(entry.expect(&name)["readonly"], true, "{name}");
    }

    // Layers on top of one another, and a container's own on top of these.
    for (name, text) in [
        ("registry.example/one:1", "one"),
        ("registry.example/two:1", "two"),
    ] {
        let root = storage.container(name);
        let read = |path: &str| fs::read_to_string(root.join(path)).ok();
        assert_eq!(read("etc/text").as_deref(), Some(text), "{name}");
        assert_eq!(read("etc/more").as_deref(), Some(text), "{name}");
        assert!(!root.join("etc/link").exists(), "{name}: a lower layer's");
        fs::write(root.join("etc/text"), "changed").unwrap();
    }
    assert!(fs::write(store.join("overlay-images/images.lock"), "x").is_err());
    let again = storage.container("registry.example/one:1");
    assert_eq!(fs::read_to_string(again.join("etc/text")).unwrap(), "one");

    // containerd, on a node that shares the base, has the same files.
    let rootfs = made.path("opt/kubernetes/images/rootfs");
    let chain = all[0].chain_id().unwrap();
    let files = rootfs.join(chain.trim_start_matches("sha256:"));
    assert_eq!(fs::read_to_string(files.join("etc/text")).unwrap(), "one");

    let settings = made.path("opt/kubernetes/images/crio/images.conf");
    let settings = fs::read_to_string(settings).unwrap();
    for image in &all {
        assert!(
            settings.contains(&format!("  \"{}\",\n", image.name)),
            "{settings}"
        );
    }
}

#[test]
fn the_same_images_give_the_same_bytes_and_nothing_to_those_without_cri_o() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let one = archive(&at("one.tar"), "registry.example/one:1", Arch::Amd64, "one");
    let all = images(&[&one]);
    let bytes = |cache: &str, cri_o| {
        let made = extension(&at(cache), &all, cri_o).unwrap();
        (made.id, fs::read(made.file).unwrap())
    };
    let with = bytes("first", true);
    assert!(with == bytes("second", true));
    let without = bytes("third", false);
    assert!(with != without);
    let made = Mounted::new(&extension(&at("third"), &all, false).unwrap());
    assert!(!made.path("opt/kubernetes/images/crio").exists());
}

#[test]
fn an_image_that_cannot_lie_unpacked_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let special = special(&at("special.tar"));
    let why = extension(&at("cache"), &images(&[&special]), true).expect_err("a device");
    let why = format!("{why:#}");
    assert!(
        why.contains("registry.example/device:1 has files that cannot"),
        "{why}"
    );
}
