//! Commands of services (`systemd.service(5)`, "Command lines").

use super::lines::{Kind, Line, lines};
use super::{Text, suffix};
use crate::diagnostic::{Diagnostic, codes};
use crate::ignition::report::warning;
use crate::node::fragment::Unit;

/// The settings that are commands.
pub(super) const EXEC: [&str; 7] = [
    "ExecCondition",
    "ExecStartPre",
    "ExecStart",
    "ExecStartPost",
    "ExecReload",
    "ExecStop",
    "ExecStopPost",
];

/// The letters of specifiers in systemd 257 (`systemd.unit(5)`).
const SPECIFIERS: &str = "aAbBcCdDEfgGhHiIjJlLmMnNopPqsStTuUvVwWyY";

/// A command of a unit.
pub(in crate::ignition) struct Command {
    /// The path or the name of its program.
    pub program: String,
    /// The whole line.
    pub text: String,
}

/// Returns the commands of `unit` and its drop-ins.
pub(in crate::ignition) fn commands(unit: &Unit) -> Vec<Command> {
    let texts = unit
        .contents
        .iter()
        .chain(unit.dropins.iter().map(|(_, text)| text));
    texts
        .flat_map(|text| lines(text))
        .filter_map(|line| match line.kind {
            Kind::Setting(key, text) if EXEC.contains(&key.as_str()) => Some(Command {
                program: program(&text).to_owned(),
                text,
            }),
            _ => None,
        })
        .collect()
}

/// Returns the program of a command, without prefixes and quotes.
pub(super) fn program(command: &str) -> &str {
    command
        .trim_start_matches(['@', '-', ':', '+', '!', '|'])
        .split_ascii_whitespace()
        .next()
        .unwrap_or_default()
        .trim_matches(['"', '\''])
}

/// Reports a percent sign before a letter or digit that is no specifier: systemd refuses commands
/// with it, and ignores other settings.
pub(super) fn specifiers(
    key: &str,
    value: &str,
    line: &Line,
    text: &Text,
    found: &mut Vec<Diagnostic>,
) {
    if !EXEC.contains(&key) && !matches!(key, "WorkingDirectory" | "Environment") {
        return;
    }
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('%') {
        let Some(letter) = after.chars().next() else {
            return;
        };
        rest = &after[letter.len_utf8()..];
        if !letter.is_ascii_alphanumeric() || SPECIFIERS.contains(letter) {
            continue;
        }
        found.push(
            text.error(
                codes::UNIT_REFUSED,
                line,
                &format!("`%{letter}` in `{key}=` is no specifier of systemd"),
            )
            .help(format!("for a percent sign, write two: `%%{letter}`")),
        );
        return;
    }
}

/// Reports drop-ins of a unit that the spec does not write, if they add a command to the one that a
/// service has already.
pub(super) fn second(unit: &Unit, lines: &[Line], found: &mut Vec<Diagnostic>) {
    let mut is_empty = false;
    let mut adds = false;
    for line in lines {
        match &line.kind {
            Kind::Setting(key, value) if key == "ExecStart" => {
                is_empty |= value.is_empty();
                adds |= !value.is_empty() && !is_empty;
            }
            Kind::Setting(key, value) if key == "Type" && value == "oneshot" => return,
            _ => {}
        }
    }
    if adds && suffix(&unit.name) == "service" {
        found.push(
            warning(
                codes::SECOND_COMMAND,
                &unit.origin,
                format!("a drop-in of `{}` adds a second `ExecStart=`", unit.name),
            )
            .help("to replace the unit's own command, write an empty `ExecStart=` before it"),
        );
    }
}
