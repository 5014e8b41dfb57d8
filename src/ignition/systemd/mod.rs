//! Unit files: what systemd would ignore with a message in the journal that no one reads, or reject
//! once the node has started.

mod commands;
mod directives;
mod lines;
mod refused;

pub(super) use commands::{Command, commands};
use directives::{SECTIONS, Section};
use lines::{Kind, Line};

use super::report::{error, is_error, warning};
use crate::diagnostic::{Code, Diagnostic, codes};
use crate::names::UnitName;
use crate::node::fragment::{Fragment, Origin, Unit};
use crate::spec::{CalendarEvent, NAMED_EVENTS};
use crate::text::nearest;

/// Dependency settings: lists of unit names.
const LISTS_OF_UNITS: &[&str] = &[
    "After",
    "Also",
    "Before",
    "BindsTo",
    "Conflicts",
    "JoinsNamespaceOf",
    "OnFailure",
    "OnSuccess",
    "PartOf",
    "PropagatesReloadTo",
    "PropagatesStopTo",
    "ReloadPropagatedFrom",
    "RequiredBy",
    "Requires",
    "Requisite",
    "StopPropagatedFrom",
    "UpheldBy",
    "Upholds",
    "WantedBy",
    "Wants",
];

/// Checks all units of a merged fragment.
pub(super) fn check(fragment: &Fragment, found: &mut Vec<Diagnostic>) {
    for unit in &fragment.units {
        let before = found.len();
        let mut all = Vec::new();
        if let Some(contents) = &unit.contents {
            let lines = lines::lines(contents);
            text(&lines, &Text::new(unit, unit.name.to_string()), found);
            never_started(unit, &lines, found);
            all.extend(lines);
        }
        for (dropin, contents) in &unit.dropins {
            let lines = lines::lines(contents);
            text(
                &lines,
                &Text::new(unit, format!("{}.d/{dropin}", unit.name)),
                found,
            );
            all.extend(lines);
        }
        if unit.contents.is_none() {
            commands::second(unit, &all, found);
        }
        // Lines that are wrong by themselves make the whole look wrong too.
        if unit.contents.is_some() && !found[before..].iter().any(is_error) {
            refused::check(unit, &all, found);
        }
    }
}

/// A text being checked: its name, and its unit type.
struct Text<'a> {
    name: String,
    suffix: &'a str,
    origin: &'a Origin,
}

impl<'a> Text<'a> {
    fn new(unit: &'a Unit, name: String) -> Self {
        Self {
            name,
            suffix: suffix(&unit.name),
            origin: &unit.origin,
        }
    }

    fn error(&self, code: Code, line: &Line, message: &str) -> Diagnostic {
        error(
            code,
            self.origin,
            format!("`{}`, line {}: {message}", self.name, line.number),
        )
    }
}

/// Returns `service` for `etcd.service`.
fn suffix(name: &UnitName) -> &str {
    name.as_str()
        .rsplit_once('.')
        .map_or("", |(_, suffix)| suffix)
}

/// Checks line by line.
fn text(lines: &[Line], text: &Text, found: &mut Vec<Diagnostic>) {
    // `None`: a section of another program, or one that was reported.
    let mut section: Option<&Section> = None;
    let mut has_section = false;
    for line in lines {
        match &line.kind {
            Kind::Section(name) => {
                has_section = true;
                section = find_section(name, line, text, found);
            }
            Kind::Setting(key, value) if has_section => {
                if let Some(section) = section {
                    setting(section, key, line, text, found);
                    unit_names(key, value, line, text, found);
                    commands::specifiers(key, value, line, text, found);
                    if key == "OnCalendar" {
                        calendar(value, line, text, found);
                    }
                }
            }
            Kind::Setting(key, _) => {
                found.push(
                    text.error(
                        codes::UNIT_SYNTAX,
                        line,
                        &format!("`{key}=` is before the first section"),
                    )
                    .help("start the unit with a section, such as `[Unit]`"),
                );
            }
            Kind::Other(words) => {
                found.push(
                    text.error(
                        codes::UNIT_SYNTAX,
                        line,
                        &format!("`{words}` is neither `[Section]` nor `Key=value`"),
                    )
                    .help(
                        "to continue a long value, end the line with `\\`; start comments with `#`",
                    ),
                );
            }
        }
    }
}

fn find_section(
    name: &str,
    line: &Line,
    text: &Text,
    found: &mut Vec<Diagnostic>,
) -> Option<&'static Section> {
    // Sections with this prefix are for other programs (systemd.unit(5)).
    if name.starts_with("X-") {
        return None;
    }
    let belongs = |section: &&Section| section.of.is_none_or(|of| of == text.suffix);
    let Some(section) = SECTIONS.iter().find(|section| section.name == name) else {
        let names = SECTIONS.iter().filter(belongs).map(|section| section.name);
        let diagnostic = text.error(
            codes::UNKNOWN_SECTION,
            line,
            &format!("unknown section `[{name}]`"),
        );
        found.push(match nearest(name, names) {
            Some(near) => diagnostic.help(format!("did you mean `[{near}]`?")),
            None => diagnostic.help("sections for other programs must start with `X-`"),
        });
        return None;
    };
    if !belongs(&section) {
        let of = section.of.unwrap_or_default();
        found.push(
            text.error(
                codes::UNKNOWN_SECTION,
                line,
                &format!("`[{name}]` does not belong in a .{} unit", text.suffix),
            )
            .help(format!("it belongs in a .{of} unit")),
        );
        return None;
    }
    Some(section)
}

fn setting(section: &Section, key: &str, line: &Line, text: &Text, found: &mut Vec<Diagnostic>) {
    if section.has(key) || key.starts_with("X-") {
        return;
    }
    let others = SECTIONS
        .iter()
        .filter(|other| other.of.is_none_or(|of| of == text.suffix));
    if let Some(other) = others.clone().find(|other| other.has(key)) {
        found.push(
            text.error(
                codes::UNKNOWN_SETTING,
                line,
                &format!("`{key}=` does not belong in `[{}]`", section.name),
            )
            .help(format!("it belongs in `[{}]`", other.name)),
        );
        return;
    }
    let known = section.settings().chain(others.flat_map(Section::settings));
    let message = format!("`[{}]` has no setting `{key}=`", section.name);
    found.push(match nearest(key, known) {
        Some(near) => text
            .error(codes::UNKNOWN_SETTING, line, &message)
            .help(format!("did you mean `{near}=`?")),
        None => warning(
            codes::IGNORED_SETTING,
            text.origin,
            format!("`{}`, line {}: {message}", text.name, line.number),
        )
        .help("systemd 257 ignores it"),
    });
}

/// A word that is neither a named event nor a day of the week: a timer that never elapses. All else
/// is left to `systemd-analyze calendar`.
fn calendar(value: &str, line: &Line, text: &Text, found: &mut Vec<Diagnostic>) {
    // Other spellings of systemd's, which the spec does not take.
    let is_word = value.bytes().all(|b| b.is_ascii_alphabetic())
        && !matches!(
            value.to_ascii_lowercase().as_str(),
            "anually" | "biannually" | "utc"
        );
    if value.is_empty() || !is_word || CalendarEvent::parse(value).is_ok() {
        return;
    }
    let error = text.error(
        codes::UNIT_REFUSED,
        line,
        &format!("`OnCalendar={value}` is no calendar event"),
    );
    found.push(
        match nearest(&value.to_ascii_lowercase(), NAMED_EVENTS.iter().copied()) {
            Some(meant) => error.help(format!("did you mean `{meant}`?")),
            None => error.help("see systemd.time(7), or ask `systemd-analyze calendar`"),
        },
    );
}

/// Dependencies are units by their full names.
fn unit_names(key: &str, value: &str, line: &Line, text: &Text, found: &mut Vec<Diagnostic>) {
    if LISTS_OF_UNITS.binary_search(&key).is_err() {
        return;
    }
    for name in value.split_ascii_whitespace() {
        // Specifiers are resolved only on the node.
        if name.contains('%') || name.parse::<UnitName>().is_ok() {
            continue;
        }
        let diagnostic = text.error(
            codes::UNIT_REFUSED,
            line,
            &format!("`{key}={name}` does not name a unit"),
        );
        found.push(
            if name.parse::<UnitName>().is_err()
                && format!("{name}.service").parse::<UnitName>().is_ok()
            {
                let target = if matches!(key, "WantedBy" | "RequiredBy") {
                    "target"
                } else {
                    "service"
                };
                diagnostic.help(format!(
                    "end the name in the unit's type: `{name}.{target}`"
                ))
            } else {
                diagnostic
                    .help("use letters, digits and `:-_.\\@`, and end the name in the unit's type")
            },
        );
    }
}

/// Reports an enabled unit that nothing would start.
fn never_started(unit: &Unit, lines: &[Line], found: &mut Vec<Diagnostic>) {
    let installs = |line: &Line| {
        matches!(&line.kind, Kind::Setting(key, value)
            if matches!(key.as_str(), "WantedBy" | "RequiredBy" | "UpheldBy" | "Alias" | "Also") && !value.is_empty())
    };
    if unit.enabled == Some(true) && !lines.iter().any(installs) {
        found.push(
            warning(
                codes::NEVER_STARTED,
                &unit.origin,
                format!("`{}` is enabled, but has no `[Install]` section", unit.name),
            )
            .help("add `[Install]` and `WantedBy=multi-user.target`"),
        );
    }
}
