//! Programs that units run and that the spec writes itself: whether the kernel can start them.
//! systemd would fail with status 203/EXEC.

use super::report::warning;
use super::systemd::{Command, commands};
use crate::diagnostic::{Diagnostic, codes};
use crate::node::fragment::{Contents, File, Fragment};

/// Checks the files of a merged fragment that are programs.
pub(super) fn check(fragment: &Fragment, found: &mut Vec<Diagnostic>) {
    let started: Vec<(String, Vec<Command>)> = fragment
        .units
        .iter()
        .map(|unit| (unit.name.to_string(), commands(unit)))
        .collect();
    for file in &fragment.files {
        let runs = started.iter().find(|(_, commands)| {
            commands
                .iter()
                .any(|command| command.program == file.path.as_str())
        });
        let mut report = |message: String, help: &str| {
            let warning = warning(codes::NOT_RUNNABLE, &file.origin, message);
            found.push(warning.help(help));
        };
        if let Some((unit, commands)) = runs
            && file.mode & 0o111 == 0
            // A command before it may change that.
            && !commands.iter().any(|command| {
                command.text.contains("chmod") && command.text.contains(file.path.as_str())
            })
        {
            report(
                format!("`{unit}` runs `{}`, which is not executable", file.path),
                "set its `mode: 0755`",
            );
        }
        let is_program = runs.is_some() || file.mode & 0o111 != 0;
        if is_program && let Some((why, help)) = why_not(file, runs.is_some()) {
            report(format!("`{}` cannot be run: {why}", file.path), help);
        }
    }
}

/// Why the kernel cannot start a script, and how to write it. A shell would run one without an
/// interpreter itself, which a unit does not.
fn why_not(file: &File, by_unit: bool) -> Option<(&'static str, &'static str)> {
    let Some(Contents::Inline(bytes)) = &file.contents else {
        return None;
    };
    let first = bytes.split(|byte| *byte == b'\n').next()?;
    if first.starts_with(b"#!") && first.ends_with(b"\r") {
        return Some((
            "its first line ends in a carriage return, which becomes part of the interpreter's name",
            "end its lines with line feeds alone, as `dos2unix` does",
        ));
    }
    if first.starts_with(b"\xEF\xBB\xBF#!") {
        return Some((
            "a byte order mark precedes `#!`",
            "save it as UTF-8 without a byte order mark",
        ));
    }
    let is_text = std::str::from_utf8(bytes).is_ok_and(|text| !text.trim().is_empty());
    let has_interpreter = first.starts_with(b"#!") || bytes.starts_with(b"\x7fELF");
    (by_unit && is_text && !has_interpreter).then_some((
        "it names no interpreter",
        "start it with a line such as `#!/bin/sh`",
    ))
}
