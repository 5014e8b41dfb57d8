//! The base's declared files (`configs/base/`) before the programs that read them: the shell and
//! systemd.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn declared() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/base")
}

/// All files below `folder`, sorted, at any depth.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Runs `command`, which Debian's `package` has.
fn run(package: &str, command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| {
        panic!("running {command:?}: {error}; Debian's package `{package}` has it")
    })
}

/// Lines of a list, without comments.
fn lines(name: &str) -> Vec<String> {
    let text = fs::read_to_string(declared().join(name)).expect(name);
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

#[test]
fn the_shells_take_the_scripts() {
    let mut scripts = 0;
    for path in files(&declared()) {
        let text = String::from_utf8(fs::read(&path).expect("reading")).expect("text");
        let Some(first) = text.lines().next().filter(|line| line.starts_with("#!")) else {
            continue;
        };
        let (package, mut command) = match first {
            "#!/bin/busybox sh" => ("busybox-static", Command::new("busybox")),
            "#!/bin/sh" => ("dash", Command::new("dash")),
            "#!/bin/bash" => ("bash", Command::new("bash")),
            other => {
                panic!("{path:?}: {other}: the image's shells are busybox (stage 0), dash and bash")
            }
        };
        if package == "busybox-static" {
            command.arg("sh");
        }
        let output = run(package, command.arg("-n").arg(&path));
        assert!(
            output.status.success(),
            "{path:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        scripts += 1;
    }
    assert!(scripts >= 5, "{scripts} scripts");
}

/// Every setting is one that systemd knows, with a value that it takes.
#[test]
fn systemd_takes_the_units() {
    let types = ["service", "mount", "socket", "target", "timer", "path"];
    let mut units = 0;
    for path in files(&declared().join("root")) {
        let extension = path.extension().and_then(|name| name.to_str());
        let Some(kind) = extension.filter(|name| types.contains(name)) else {
            continue;
        };
        units += 1;
        let text = fs::read_to_string(&path).expect("reading the unit");
        // Under a name of the test's, since the machine may have a unit of this one with drop-ins
        // of its own; and the machine need not have the programs of the image.
        let mut name = path.file_name().and_then(|n| n.to_str()).expect("a name");
        let own = format!("imgbuild-test.{kind}");
        if kind != "mount" {
            name = &own;
        }
        let mut contents = String::new();
        for line in text.lines() {
            let line = if line.starts_with("Exec") {
                format!("{}=/bin/true", line.split('=').next().unwrap_or_default())
            } else {
                line.to_owned()
            };
            let _ = writeln!(contents, "{line}");
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let copy = folder.path().join(name);
        fs::write(&copy, contents).expect("writing the unit");
        let output = run(
            "systemd",
            Command::new("systemd-analyze")
                .args(["verify", "--man=no", "--recursive-errors=no"])
                .arg(&copy),
        );
        let said = String::from_utf8_lossy(&output.stderr);
        let about: Vec<&str> = said.lines().filter(|line| line.contains(name)).collect();
        assert!(
            output.status.success() && about.is_empty(),
            "{path:?}: {said}"
        );
    }
    assert!(units >= 8, "{units} units");
}

/// A link into what the project lays down itself has a target there; one into packages' files is
/// seen when a base is made.
#[test]
fn links_and_programs_of_ours_are_there() {
    let root = declared().join("root");
    let links = lines("links");
    let paths: BTreeSet<&str> = links
        .iter()
        .map(|line| line.split(" -> ").next().unwrap_or_default())
        .collect();
    assert_eq!(paths.len(), links.len(), "two links at one path");
    for line in &links {
        let (path, target) = line.split_once(" -> ").expect("path -> target");
        assert!(path.starts_with('/'), "{line}");
        assert!(
            !root.join(&path[1..]).exists(),
            "{path}: a file lies there as well"
        );
        if let Some(ours) = target.strip_prefix("../imgbuild-") {
            // A link of stage 1 lies a folder below the unit that it names.
            let folder = Path::new(&path[1..]).parent().and_then(Path::parent);
            let unit = root
                .join(folder.expect("a folder"))
                .join(format!("imgbuild-{ours}"));
            assert!(unit.exists(), "{line}: {unit:?} is not there");
        }
    }
    for file in files(&root) {
        let Ok(text) = fs::read_to_string(&file) else {
            continue;
        };
        for word in text.split([' ', '=', ':', '\n', '\'', '"']) {
            let ours = word.starts_with("/usr/lib/imgbuild/") && !word.contains("stage1");
            // A folder of links is in their list alone.
            let is_linked = || {
                paths
                    .iter()
                    .any(|path| path.starts_with(&format!("{word}/")))
            };
            assert!(
                !ours || root.join(&word[1..]).exists() || is_linked(),
                "{file:?}: {word} is not there"
            );
        }
    }
}

/// systemd applies presets at every boot: a unit of ours that none names would be off for ever.
#[test]
fn presets_name_what_is_installed() {
    let units = declared().join("root/usr/lib/systemd/system");
    let presets = fs::read_to_string(
        declared().join("root/usr/lib/systemd/system-preset/50-imgbuild.preset"),
    )
    .expect("the presets");
    assert!(
        presets.trim_end().ends_with("disable *"),
        "whatever is not named stays off"
    );
    for path in files(&units) {
        let text = fs::read_to_string(&path).expect("reading the unit");
        let name = path.file_name().and_then(|n| n.to_str()).expect("a name");
        let named = presets.contains(&format!("enable {name}\n"));
        assert_eq!(text.contains("\n[Install]\n"), named, "{name}");
    }
}

/// The kernel takes every parameter of ours: `sysctl --dry-run` only reads the files, so what is
/// set is looked up in /proc, too.
#[test]
fn the_kernel_knows_the_parameters() {
    let mut parameters = 0;
    for path in files(&declared().join("root/usr/lib/sysctl.d")) {
        let said = run(
            "procps",
            Command::new("sysctl")
                .args(["--dry-run", "--load"])
                .arg(&path),
        );
        let errors = String::from_utf8_lossy(&said.stderr);
        assert!(
            said.status.success() && errors.is_empty(),
            "{path:?}: {errors}"
        );
        for line in String::from_utf8_lossy(&said.stdout).lines() {
            let (key, _) = line.split_once(" = ").expect("key = value");
            let proc = format!("/proc/sys/{}", key.replace('.', "/"));
            assert!(Path::new(&proc).exists(), "{path:?}: no {proc}");
            parameters += 1;
        }
    }
    assert!(parameters >= 1, "{parameters} parameters");
}
