//! The real programs read what is generated: those of the folder that `IMGBUILD_KUBE_DIR` names.
//! Without it nothing is tested, and the output says so. Nothing is started: each program is given
//! one mistake of the test's own, and has to find no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use imgbuild::facts::flags::Flag;
use imgbuild::facts::kinds::Kind;
use imgbuild::facts::kubernetes::tables::{Component, Tables};
use imgbuild::facts::kubernetes::version::KubeVersion;

use crate::generated::{Generated, WEB, full, relocated};

/// The folder of the programs; `None`, said aloud, where there is none.
pub fn programs() -> Option<PathBuf> {
    let folder = std::env::var_os("IMGBUILD_KUBE_DIR").map(PathBuf::from);
    if folder.is_none() {
        crate::skipped::skipped("IMGBUILD_KUBE_DIR names no folder of Kubernetes' programs");
    }
    folder
}

/// Everything that a program says, which has to fail.
fn complaint(command: &mut Command) -> String {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("running {command:?}: {e}"));
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert!(!output.status.success(), "{command:?}: {text}");
    text
}

/// The version of the programs.
pub fn version(folder: &std::path::Path) -> KubeVersion {
    let output = Command::new(folder.join("kubelet"))
        .arg("--version")
        .output()
        .expect("kubelet runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.trim().rsplit(' ').next().expect("a word");
    let version = version.split(['-', '+']).next().expect("a word");
    version.parse().unwrap_or_else(|_| panic!("{text}"))
}

/// Flags are read in order up to the first that is wrong, which is the test's own.
#[test]
fn flags_are_the_programs() {
    let Some(folder) = programs() else { return };
    let version = version(&folder);
    let node = Generated::of(&full(&version.to_string()), &[("web.yaml", WEB)]);
    let root = node.lay_out();
    for component in Component::ALL {
        let program = component.as_str();
        let flags = node.flags(program);
        let said = complaint(
            Command::new(folder.join(program))
                .args(flags.iter().map(|flag| relocated(flag, &root)))
                .arg("--a-mistake-of-the-test"),
        );
        assert!(
            said.contains("unknown flag: --a-mistake-of-the-test"),
            "{program}: {said}"
        );
    }
}

/// Every flag of the table that belongs to the version is one of the program. (Without a value it
/// is a mistake, but another one.)
#[test]
fn the_table_of_flags_is_the_programs() {
    let Some(folder) = programs() else { return };
    let version = version(&folder);
    for component in Component::ALL {
        let program = folder.join(component.as_str());
        let help = Command::new(&program).arg("--help").output().expect("runs");
        let help = String::from_utf8_lossy(&[help.stdout, help.stderr].concat()).into_owned();
        for Flag {
            name: flag, minors, ..
        } in Tables::OWN.flags(component)
        {
            let shown = help
                .split_whitespace()
                .any(|word| word.strip_prefix("--") == Some(flag));
            let there = shown || {
                // Deprecated flags are not shown; this one's name is read before the mistake that
                // follows.
                let said = complaint(
                    Command::new(&program)
                        .arg(format!("--{flag}=1"))
                        .arg("--a-mistake-of-the-test"),
                );
                let unknown = format!("unknown flag: --{flag}");
                !said
                    .split(&unknown)
                    .skip(1)
                    .any(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '-'))
            };
            let want = minors.why_not(version.minor).is_none();
            assert_eq!(there, want, "{component} {version} --{flag}");
        }
    }
}

/// A configuration with one mistake of the test's own: the program's `complaint` names it, is not a
/// list of several, and no field was unknown to it.
#[test]
fn configurations_are_the_programs() {
    let Some(folder) = programs() else { return };
    let version = version(&folder);
    let node = Generated::of(&full(&version.to_string()), &[("web.yaml", WEB)]);
    let root = node.lay_out();
    for (program, path, mistake, named) in [
        ("kubelet", "kubelet.yaml", "eventBurst: -1", "eventBurst"),
        (
            "kube-proxy",
            "kube-proxy.yaml",
            "oomScoreAdj: 5000",
            "OOMScoreAdj",
        ),
    ] {
        let config = root.join("etc/kubernetes").join(path);
        let own = fs::read_to_string(&config).expect("read");
        fs::write(&config, format!("{own}{mistake}\n")).expect("written");
        let flags = node.flags(program);
        let said = complaint(
            Command::new(folder.join(program))
                .args(flags.iter().map(|flag| relocated(flag, &root))),
        );
        let why = said
            .lines()
            .find(|line| line.contains("command failed"))
            .unwrap_or_else(|| panic!("{program}: {said}"));
        assert!(why.contains(named), "{program}: {why}");
        assert!(
            !why.contains("error: [") && !why.contains("validate: ["),
            "{program} finds more than one mistake: {why}"
        );
        for word in ["unknown field", "strict decoding", "lenient"] {
            assert!(!said.contains(word), "{program}: {said}");
        }
    }
}

/// What the table says of values is what the programs say: they refuse a value of no kind.
#[test]
fn the_kinds_of_flags_are_the_programs() {
    let Some(folder) = programs() else { return };
    let version = version(&folder);
    for component in Component::ALL {
        for Flag { name, minors, kind } in Tables::OWN.flags(component) {
            let is_parsed = matches!(
                kind,
                Kind::Bool | Kind::Whole { .. } | Kind::Number | Kind::Duration
            );
            if !is_parsed || minors.why_not(version.minor).is_some() {
                continue;
            }
            let said = complaint(
                Command::new(folder.join(component.as_str())).arg(format!("--{name}=wrong")),
            );
            assert!(
                said.replace('\\', "")
                    .contains("invalid argument \"wrong\" for"),
                "{component} --{name}: {said}"
            );
        }
    }
}

#[test]
fn the_admission_plugins_are_the_program_s() {
    let Some(folder) = programs() else { return };
    let version = version(&folder);
    let program = folder.join(Component::ApiServer.as_str());
    let help = Command::new(&program).arg("--help").output().expect("runs");
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let flag = help.split("--enable-admission-plugins").nth(1).expect("it");
    let (_, list) = flag
        .split_once("Comma-delimited list of admission plugins: ")
        .expect("a list");
    let (list, _) = list.split_once('.').expect("its end");
    let theirs: BTreeSet<&str> = list.split(',').map(str::trim).collect();
    let ours: BTreeSet<&str> = Tables::OWN
        .admission_plugins()
        .filter(|(_, minors)| minors.why_not(version.minor).is_none())
        .map(|(name, _)| name)
        .collect();
    assert_eq!(ours, theirs);
}
