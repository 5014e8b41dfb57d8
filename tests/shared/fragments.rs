//! What the tests share: a spec's own things, what is found wrong with them, and the programs that
//! are asked.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fmt::Write;
use std::process::{Command, Output};

use ignition_config::v3_4;
use imgbuild::diagnostic::Diagnostic;
use imgbuild::ignition;
use imgbuild::node::Node;
use imgbuild::node::fragment::{File, Fragment, Origin, Unit};
use imgbuild::parts;

use crate::nodes;

/// Runs `command`, which Debian's `package` has.
pub fn run(package: &str, command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| {
        panic!("running {command:?}: {error}; Debian's package `{package}` has it")
    })
}

/// The place of the spec's own things in these tests.
pub fn own() -> Origin {
    Origin::new("storage", nodes::span(90))
}

pub fn file(path: &str, text: &str) -> File {
    File {
        overwrite: false,
        ..File::text(nodes::name(path), text, own())
    }
}

pub fn unit(name: &str, contents: &str) -> Unit {
    Unit::enabled(nodes::name(name), contents, own())
}

/// `node` with `own`, compiled: all that is found, and the config where there is one.
pub fn compile(node: &Node, user_sections: Fragment) -> (Vec<Diagnostic>, Option<v3_4::Config>) {
    let node = Node {
        user_sections,
        ..node.clone()
    };
    match ignition::compile(&node, parts::all(&node)) {
        Ok(compiled) => (compiled.warnings, compiled.config.into_v3()),
        Err(found) => (found, None),
    }
}

/// Code, line (an offset stands for it here), message, help and related lines of a diagnostic.
pub fn shown(diagnostic: &Diagnostic) -> String {
    let line = |span: imgbuild::diagnostic::Span| span.start.to_string();
    let mut text = format!(
        "{} {} {}",
        diagnostic.code.0,
        diagnostic.span.map_or("-".to_owned(), line),
        diagnostic.message
    );
    if let Some(label) = &diagnostic.label {
        let _ = write!(text, " | {label}");
    }
    for (span, words) in &diagnostic.related {
        let _ = write!(text, " | {}: {words}", line(*span));
    }
    if let Some(help) = &diagnostic.help {
        let _ = write!(text, " | help: {help}");
    }
    text
}

pub fn files(files: Vec<File>) -> Fragment {
    Fragment {
        files,
        ..Fragment::default()
    }
}

pub fn units(units: Vec<Unit>) -> Fragment {
    Fragment {
        units,
        ..Fragment::default()
    }
}
