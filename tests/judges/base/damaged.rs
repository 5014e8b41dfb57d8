//! A cache whose disk changed what is in it: nothing of that ends in an artifact. Needs apt, as
//! every build of the base does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::base::{synthetic, tools};

/// A spec, a lock, a mirror and a cache with what a first build left there.
struct Project {
    folder: tempfile::TempDir,
    /// The bytes of the ISO that the first build made.
    iso: Vec<u8>,
}

/// A word for it, and what a disk does to a file.
pub type Damage = (&'static str, fn(&Path));

/// The kinds of damage.
pub const DAMAGES: [Damage; 4] = [
    ("a flipped bit", |path| {
        let mut bytes = fs::read(path).expect("read");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).expect("write");
    }),
    ("half of it", |path| {
        let bytes = fs::read(path).expect("read");
        fs::write(path, &bytes[..bytes.len() / 2]).expect("write");
    }),
    ("empty", |path| fs::write(path, "").expect("write")),
    ("gone", |path| fs::remove_file(path).expect("remove")),
];

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let lock = synthetic::publish_packages(folder.path());
        lock.save(&folder.path().join("imgbuild.lock"))
            .expect("save");
        let spec = "version: 1\nhostname: node1\nkernel: cloud\n";
        fs::write(folder.path().join("node.yaml"), spec).expect("write");
        let mut project = Self {
            folder,
            iso: Vec::new(),
        };
        let first = project.build(&[]);
        assert!(first.status.success(), "{}", said(&first));
        project.iso = fs::read(project.path("node.iso")).expect("read");
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The cache's folder is relative, as people write it.
    fn imgbuild(&self, arguments: &[&str]) -> Output {
        let mirror = format!("file:{}", self.path("debian").display());
        Command::new(env!("CARGO_BIN_EXE_imgbuild"))
            .current_dir(self.folder.path())
            .args(arguments)
            .args(["--locked", "--mirror", &mirror, "--cache", "cache"])
            .output()
            .expect("imgbuild")
    }

    fn build(&self, more: &[&str]) -> Output {
        let _ = fs::remove_file(self.path("node.iso"));
        self.imgbuild(&[&["node.yaml", "-o", "node.iso"], more].concat())
    }

    /// The one base.
    fn base(&self) -> PathBuf {
        let mut list = fs::read_dir(self.path("cache/bases")).expect("list");
        list.next().expect("a base").expect("list").path()
    }

    /// The build made what the first one made, and said that `file` was damaged.
    fn is_mended(&self, case: &str, built: &Output, file: &str) {
        let said = said(built);
        assert!(built.status.success(), "{case}: {said}");
        assert!(
            said.contains("is corrupt: ") && said.contains(file) && said.contains(" again"),
            "{case}: {said}"
        );
        let iso = fs::read(self.path("node.iso")).expect("read");
        assert!(iso == self.iso, "{case}: another ISO");
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_file_of_a_base_is_built_again() {
    let project = Project::new();
    let names: Vec<PathBuf> = tools::hashes(&project.base()).into_keys().collect();
    assert!(names.len() >= 11, "{names:?}");
    for name in names {
        let name = name.to_str().expect("UTF-8");
        // Each is a build.
        let damages = if name == "root.squashfs" { 4 } else { 1 };
        for (how, damage) in &DAMAGES[..damages] {
            damage(&project.base().join(name));
            // Its packages are there, so nothing has to be fetched.
            let built = project.build(&["--offline"]);
            // A hash that changed in the record looks like a change of its file.
            let file = if name == "sha256" { "" } else { name };
            project.is_mended(&format!("{name}: {how}"), &built, file);
        }
    }
}

#[test]
fn a_base_that_cannot_be_built_again_is_refused() {
    let project = Project::new();
    let root = project.base().join("root.squashfs");
    DAMAGES[0].1(&root);
    let package = fs::read_dir(project.path("cache/packages"))
        .expect("list")
        .next();
    fs::remove_file(package.expect("a package").expect("list").path()).expect("remove");
    let built = project.build(&["--offline"]);
    let said = said(&built);
    assert_eq!(built.status.code(), Some(1), "{said}");
    for words in ["root.squashfs is corrupt", "`--offline` forbids"] {
        assert!(said.contains(words), "{said}");
    }
    assert!(!project.path("node.iso").exists());
    // With a mirror.
    let built = project.build(&[]);
    assert!(built.status.success());
    assert!(fs::read(project.path("node.iso")).expect("read") == project.iso);
}

#[test]
fn every_package_is_fetched_again() {
    let project = Project::new();
    for (how, damage) in &DAMAGES[..3] {
        let packages = fs::read_dir(project.path("cache/packages")).expect("list");
        for package in packages {
            damage(&package.expect("list").path());
        }
        fs::remove_dir_all(project.base()).expect("remove");
        let built = project.build(&[]);
        project.is_mended(how, &built, "cache/packages/");
    }
    let packages = fs::read_dir(project.path("cache/packages")).expect("list");
    for package in packages {
        DAMAGES[0].1(&package.expect("list").path());
    }
    fs::remove_dir_all(project.base()).expect("remove");
    let built = project.build(&["--offline"]);
    let said = said(&built);
    assert_eq!(built.status.code(), Some(1), "{said}");
    for words in ["cache/packages/", "is corrupt: ", "`--offline` forbids"] {
        assert!(said.contains(words), "{said}");
    }
    assert!(!project.path("node.iso").exists());
}

/// An ISO and the cache that it came from, both changed in the same bit.
#[test]
fn verify_does_not_compare_with_what_is_damaged() {
    let project = Project::new();
    let root = project.base().join("root.squashfs");
    let bytes = fs::read(&root).expect("read");
    let mut iso = project.iso.clone();
    let at = iso
        .windows(4096)
        .position(|window| window == &bytes[..4096])
        .expect("the root image");
    iso[at + 100] ^= 1;
    fs::write(project.path("node.iso"), iso).expect("write");
    let mut damaged = bytes;
    damaged[100] ^= 1;
    fs::write(&root, damaged).expect("write");
    let verified = project.imgbuild(&["verify", "node.iso", "node.yaml"]);
    let said = said(&verified);
    assert_eq!(verified.status.code(), Some(1), "{said}");
    assert!(said.contains("root.squashfs is corrupt"), "{said}");
    let told = String::from_utf8_lossy(&verified.stdout).into_owned() + &said;
    assert!(told.contains("differs from byte 100 on"), "{told}");
}

#[test]
fn the_list_of_bases_lives_with_a_damaged_one() {
    let project = Project::new();
    fs::write(project.base().join("base.json"), "{").expect("write");
    let run = |arguments: &[&str]| {
        let run = Command::new(env!("CARGO_BIN_EXE_imgbuild"))
            .current_dir(project.folder.path())
            .args(arguments)
            .args(["--cache", "cache"])
            .output()
            .expect("imgbuild");
        assert!(run.status.success(), "{arguments:?}: {}", said(&run));
        said(&run)
    };
    run(&["base", "list"]);
    let told = run(&["base", "gc", "--lock", "imgbuild.lock"]);
    assert!(told.contains("removed 1 bases"), "{told}");
}
