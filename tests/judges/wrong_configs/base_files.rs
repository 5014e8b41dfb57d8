//! Files, directories and links over what the base has, before Ignition.

use std::path::Path;

use imgbuild::facts::systems::{BaseFile, Target};
use imgbuild::ignition::{Config, to_json};
use imgbuild::node::fragment::{Contents, Directory, File, Fragment, Link, Owner};

use crate::fragments::{compile, own};
use crate::ignition::apply_over;
use crate::nodes;

/// Lays down what the base has outside /usr, without contents.
fn lay_base(root: &Path) {
    for (path, file) in Target::Debian.facts().base_files() {
        let path = root.join(&path[1..]);
        match file {
            BaseFile::File => std::fs::write(path, "").unwrap(),
            BaseFile::Directory => std::fs::create_dir(path).unwrap(),
            BaseFile::Link(target) => std::os::unix::fs::symlink(target, path).unwrap(),
        }
    }
}

fn file(path: &str, contents: bool, append: bool, overwrite: bool) -> Fragment {
    let text = || Contents::Inline(b"text\n".to_vec());
    Fragment {
        files: vec![File {
            path: path.parse().unwrap(),
            mode: 0o644,
            owner: Owner::default(),
            contents: contents.then(text),
            append: append.then(text).into_iter().collect(),
            overwrite,
            origin: own(),
        }],
        ..Fragment::default()
    }
}

fn directory(path: &str, overwrite: bool) -> Fragment {
    Fragment {
        directories: vec![Directory {
            path: path.parse().unwrap(),
            mode: 0o755,
            owner: Owner::default(),
            overwrite,
            origin: own(),
        }],
        ..Fragment::default()
    }
}

fn link(path: &str, target: &str, hard: bool, overwrite: bool) -> Fragment {
    Fragment {
        links: vec![Link {
            path: path.parse().unwrap(),
            target: target.to_owned(),
            hard,
            owner: Owner::default(),
            overwrite,
            origin: own(),
        }],
        ..Fragment::default()
    }
}

/// For every kind of what is there and of what is to be written, Ignition stops where we do.
#[test]
fn the_engine_agrees_about_files_of_the_base() {
    let mut cases = Vec::new();
    for path in [
        "/etc/motd",
        "/etc/ssh",
        "/etc/os-release",
        "/etc/new",
        "/etc/motd/below",
    ] {
        for overwrite in [false, true] {
            for (contents, append) in [(true, false), (true, true), (false, true), (false, false)] {
                // Contents are what replaces: without them, we report it before Ignition does.
                if contents || !overwrite {
                    cases.push(file(path, contents, append, overwrite));
                }
            }
            cases.push(directory(path, overwrite));
            cases.push(link(path, "issue", false, overwrite));
            cases.push(link(path, "../usr/lib/os-release", false, overwrite));
        }
        cases.push(link(path, "/etc/issue", true, false));
    }
    let mut refused = 0;
    for fragment in cases {
        let case = format!(
            "{:?}{:?}{:?}",
            fragment.files, fragment.directories, fragment.links
        );
        let (found, _) = compile(&nodes::bare(), fragment.clone());
        let codes: Vec<_> = found.iter().map(|it| it.code.0).collect();
        assert!(codes.is_empty() || codes == ["E0321"], "{case}: {found:?}");
        // As a target whose base is unknown, so that the config is compiled in any case.
        let mut node = nodes::bare();
        node.target = Target::Flatcar;
        let (_, compiled) = compile(&node, fragment);
        let json = to_json(&Config::V3(compiled.expect("it compiles")));
        let engine = apply_over(&json, lay_base);
        assert_eq!(
            engine.is_err(),
            !codes.is_empty(),
            "{case}: {found:?} {:?}",
            engine.err()
        );
        refused += codes.len();
    }
    assert!(refused > 10, "{refused}");
}
