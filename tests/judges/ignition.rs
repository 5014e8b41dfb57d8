//! Configs before Ignition itself: Debian's package `ignition` says whether they are valid, and
//! writes what they ask for.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use imgbuild::ignition;
use imgbuild::node::Node;
use imgbuild::parts;

use crate::nodes;

const VALIDATE: &str = "ignition-validate";
const ENGINE: &str = "/usr/lib/dracut/modules.d/30ignition/ignition";

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| {
        panic!("running {command:?}: {error}; Debian's package `ignition` has it")
    })
}

fn compile(node: &Node) -> ignition::Compiled {
    ignition::compile(node, parts::all(node)).expect("the node is right")
}

/// What `ignition-validate` says of `config`; empty when it is valid.
fn validate(config: &[u8]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("config.ign");
    std::fs::write(&path, config).expect("writing the config");
    let output = run(Command::new(VALIDATE).arg(&path));
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        String::new()
    } else {
        said.into_owned()
    }
}

/// Has the engine write `config` under a new folder, as its verb `ignition-apply` does.
fn apply(config: &[u8]) -> Result<tempfile::TempDir, String> {
    apply_over(config, |_| ())
}

/// The same, in a root with what `lay` puts there.
pub fn apply_over(config: &[u8], lay: impl Fn(&Path)) -> Result<tempfile::TempDir, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (verb, path, root) = (
        folder.path().join("ignition-apply"),
        folder.path().join("config.ign"),
        folder.path().join("root"),
    );
    std::fs::write(&path, config).expect("writing the config");
    std::fs::create_dir(&root).expect("making the root");
    lay(&root);
    assert!(
        Path::new(ENGINE).exists(),
        "{ENGINE} is missing; Debian's package `ignition` has it"
    );
    std::os::unix::fs::symlink(ENGINE, &verb).expect("linking the engine");
    // The verb runs in containers only, and goes by this variable.
    let output = run(Command::new(&verb)
        .env("container", "test")
        .args(["--offline", "--root"])
        .args([&root, &path]));
    if output.status.success() {
        Ok(folder)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn ignition_takes_the_configs() {
    for (name, node) in [
        ("bare", &nodes::bare()),
        ("small", &nodes::small()),
        ("full", &nodes::full()),
    ] {
        let compiled = compile(node);
        assert_eq!(validate(&ignition::to_json(&compiled.config)), "", "{name}");
        assert_eq!(
            validate(&ignition::to_json_pretty(&compiled.config)),
            "",
            "{name}, pretty"
        );
    }
}

#[test]
fn the_engine_writes_what_the_config_says() {
    let compiled = compile(&nodes::small());
    let mut config = compiled.config.into_v3().expect("of 3.x");
    // The verb refuses users, and the test machine has no `etcd`.
    config.passwd = None;
    let storage = config.storage.as_mut().expect("has files");
    for file in storage.files.iter_mut().flatten() {
        (file.user, file.group) = (None, None);
    }
    for directory in storage.directories.iter_mut().flatten() {
        (directory.user, directory.group) = (None, None);
    }
    let json = ignition::to_json(&ignition::Config::V3(config));
    let folder = apply(&json).expect("the engine takes it");
    let root = folder.path().join("root");
    insta::assert_snapshot!("applied", listing(&root));
}

/// Mode, path and text of all that is under `root`, in order.
fn listing(root: &Path) -> String {
    use std::os::unix::fs::PermissionsExt;

    let mut text = String::new();
    let mut folders = vec![root.to_owned()];
    let mut found: Vec<PathBuf> = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("reading a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    for path in found {
        let metadata = path.symlink_metadata().expect("its mode");
        let name = path.strip_prefix(root).expect("under the root").display();
        let _ = writeln!(text, "{:06o} /{name}", metadata.permissions().mode());
        if metadata.is_file() {
            let file = std::fs::read_to_string(&path).expect("text");
            let mut lines: Vec<_> = file.lines().collect();
            // Ignition writes presets in no order.
            if path.extension().is_some_and(|it| it == "preset") {
                lines.sort_unstable();
            }
            for line in lines {
                let _ = writeln!(text, "    {line}");
            }
        } else if metadata.is_symlink() {
            let target = std::fs::read_link(&path).expect("its target");
            let _ = writeln!(text, "    -> {}", target.display());
        }
    }
    text
}

/// Directories on the way to what a user owns at home are the user's, and so is all of a tree with
/// an owner. Works as root only, as on a node.
#[test]
fn owners_have_their_directories() {
    use std::os::unix::fs::MetadataExt;

    let scratch = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| scratch.path().join(name);
    std::fs::create_dir_all(at("site/deep")).expect("making the tree");
    std::fs::write(at("site/deep/file"), "a").expect("writing the tree");
    let spec = "\
version: 1
hostname: a
users: [{name: lab, uid: 1500}, {name: ops, uid: 1600, home_dir: /srv/ops}]
storage:
  directories: [{path: /home/lab/own, mode: 0700, user: {id: 1500}}]
  files:
    - {path: /home/lab/.config/app/settings, user: {id: 1500}, contents: {inline: a}}
    - {path: /home/lab/own/more/file, user: {id: 1500}, contents: {inline: a}}
    - {path: /home/lab/theirs/file, contents: {inline: a}}
    - {path: /opt/app/file, user: {id: 1500}, contents: {inline: a}}
  links: [{path: /srv/ops/bin/tool, target: /opt/app/file, user: {id: 1600}}]
  trees: [{local: site, path: /opt/site, user: {id: 1600}, group: {id: 1601}}]
";
    std::fs::write(at("node.yaml"), spec).expect("writing the spec");
    let output = Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args(["node.yaml", "-o", "node.ign"])
        .current_dir(scratch.path())
        .output()
        .expect("imgbuild runs");
    assert!(output.status.success(), "{output:?}");
    let config = std::fs::read(at("node.ign")).expect("the config");
    let mut config: serde_json::Value = serde_json::from_slice(&config).expect("JSON");
    // The verb refuses users.
    config.as_object_mut().expect("a map").remove("passwd");
    let folder = apply(config.to_string().as_bytes()).expect("the engine takes it");
    for (path, owner, mode) in [
        ("home/lab/.config", (1500, 0), 0o755),
        ("home/lab/.config/app", (1500, 0), 0o755),
        ("home/lab/.config/app/settings", (1500, 0), 0o644),
        ("home/lab/own", (1500, 0), 0o700),
        ("home/lab/own/more", (1500, 0), 0o755),
        ("home/lab/theirs", (0, 0), 0o755),
        ("opt/app", (0, 0), 0o755),
        ("srv/ops/bin", (1600, 0), 0o755),
        ("opt/site", (1600, 1601), 0o755),
        ("opt/site/deep", (1600, 1601), 0o755),
        ("opt/site/deep/file", (1600, 1601), 0o644),
    ] {
        let found = folder.path().join("root").join(path);
        let metadata = found.symlink_metadata().expect(path);
        assert_eq!((metadata.uid(), metadata.gid()), owner, "{path}");
        assert_eq!(metadata.mode() & 0o7777, mode, "{path}");
    }
}
