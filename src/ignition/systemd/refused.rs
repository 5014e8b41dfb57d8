//! Units that systemd reads and then refuses to load because of their contents as a whole.

use super::commands::{EXEC, program};
use super::lines::{Kind, Line};
use super::suffix;
use crate::diagnostic::{Diagnostic, codes};
use crate::ignition::report::error;
use crate::names::escape_path;
use crate::node::fragment::Unit;

/// `Type=` of services (`systemd.service(5)`).
const SERVICE_TYPES: [&str; 8] = [
    "simple",
    "exec",
    "forking",
    "oneshot",
    "dbus",
    "notify",
    "notify-reload",
    "idle",
];

/// `Restart=` of services.
const RESTARTS: [&str; 7] = [
    "no",
    "always",
    "on-success",
    "on-failure",
    "on-abnormal",
    "on-abort",
    "on-watchdog",
];

/// The settings of a unit with its drop-ins, in the order in which systemd reads them.
struct Settings<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Settings<'a> {
    /// Returns the values of a list: an empty assignment removes those before it.
    fn list(&self, keys: &[&str]) -> Vec<&'a str> {
        let mut values = Vec::new();
        for (key, value) in &self.0 {
            if keys.contains(key) {
                if value.is_empty() {
                    values.clear();
                } else {
                    values.push(*value);
                }
            }
        }
        values
    }

    /// Returns the last value.
    fn last(&self, key: &str) -> Option<&'a str> {
        self.0
            .iter()
            .rev()
            .find(|(other, _)| *other == key)
            .map(|(_, value)| *value)
            .filter(|value| !value.is_empty())
    }
}

/// Checks `unit`, whose lines with those of its drop-ins are `lines`.
pub(super) fn check(unit: &Unit, lines: &[Line], found: &mut Vec<Diagnostic>) {
    let settings = Settings(
        lines
            .iter()
            .filter_map(|line| match &line.kind {
                Kind::Setting(key, value) => Some((key.as_str(), value.as_str())),
                _ => None,
            })
            .collect(),
    );
    let mut refuse = |message: &str, help: &str| {
        found.push(
            error(
                codes::UNIT_REFUSED,
                &unit.origin,
                format!("`{}`: {message}", unit.name),
            )
            .help(help),
        );
    };
    match suffix(&unit.name) {
        "service" => service(&settings, &mut refuse),
        "mount" => {
            located(unit, &settings, "Where", "mount", &mut refuse);
            if settings.last("What").is_none() {
                refuse(
                    "it has no `What=`",
                    "add `What=` with the device or file system to mount",
                );
            }
        }
        "automount" => located(unit, &settings, "Where", "automount", &mut refuse),
        "swap" => located(unit, &settings, "What", "swap", &mut refuse),
        "timer" => any_of(
            &settings,
            &[
                "OnActiveSec",
                "OnBootSec",
                "OnCalendar",
                "OnClockChange",
                "OnStartupSec",
                "OnTimezoneChange",
                "OnUnitActiveSec",
                "OnUnitInactiveSec",
            ],
            (
                "it never elapses",
                "add a trigger: `OnCalendar=daily` or another `On…=`",
            ),
            &mut refuse,
        ),
        "path" => any_of(
            &settings,
            &[
                "DirectoryNotEmpty",
                "PathChanged",
                "PathExists",
                "PathExistsGlob",
                "PathModified",
            ],
            (
                "it watches nothing",
                "add a path: `PathExists=` or another `Path…=`",
            ),
            &mut refuse,
        ),
        "socket" => any_of(
            &settings,
            &[
                "ListenDatagram",
                "ListenFIFO",
                "ListenMessageQueue",
                "ListenNetlink",
                "ListenSequentialPacket",
                "ListenSpecial",
                "ListenStream",
                "ListenUSBFunction",
            ],
            (
                "it listens on nothing",
                "add a socket: `ListenStream=` or another `Listen…=`",
            ),
            &mut refuse,
        ),
        _ => {}
    }
}

type Refuse<'a> = dyn FnMut(&str, &str) + 'a;

fn any_of(settings: &Settings, keys: &[&str], (message, help): (&str, &str), refuse: &mut Refuse) {
    if settings.list(keys).is_empty() {
        refuse(message, help);
    }
}

fn service(settings: &Settings, refuse: &mut Refuse) {
    let starts = settings.list(&["ExecStart"]);
    let kind = settings.last("Type").unwrap_or("simple");
    let restart = settings.last("Restart").unwrap_or("no");
    let is_true = |key| {
        settings
            .last(key)
            .is_some_and(|value| matches!(value, "yes" | "true" | "on" | "1" | "y" | "t"))
    };
    if !SERVICE_TYPES.contains(&kind) {
        refuse(
            &format!("unknown `Type={kind}`"),
            &format!("use one of {}", SERVICE_TYPES.join(", ")),
        );
    }
    if !RESTARTS.contains(&restart) {
        refuse(
            &format!("unknown `Restart={restart}`"),
            &format!("use one of {}", RESTARTS.join(", ")),
        );
    }
    let is_oneshot = kind == "oneshot";
    if starts.is_empty() && settings.last("SuccessAction").is_none() {
        let ends_otherwise = !settings.list(&["ExecStop"]).is_empty() && is_true("RemainAfterExit");
        if !is_oneshot {
            refuse(
                "it has no `ExecStart=`",
                "add `ExecStart=` with the program to run",
            );
        } else if !ends_otherwise {
            refuse(
                "it has no `ExecStart=`",
                "add `ExecStart=` with the program to run; a oneshot service without one needs `ExecStop=` \
                 and `RemainAfterExit=yes`",
            );
        }
    }
    if starts.len() > 1 && !is_oneshot {
        refuse(
            "it has more than one `ExecStart=`",
            "only `Type=oneshot` supports several; to replace the first one in a drop-in, write \
             an empty `ExecStart=` before it",
        );
    }
    if is_oneshot && matches!(restart, "always" | "on-success") {
        refuse(
            &format!("`Restart={restart}` is not supported with `Type=oneshot`"),
            "use `Restart=on-failure`, or a timer",
        );
    }
    if kind == "dbus" && settings.last("BusName").is_none() {
        refuse(
            "`Type=dbus` requires `BusName=`",
            "add `BusName=` with the name that the service takes on the bus",
        );
    }
    for command in settings.list(&EXEC) {
        let program = program(command);
        // A bare name is looked up, and a specifier is not known yet.
        if program.contains('/') && !program.starts_with(['/', '%']) {
            refuse(
                &format!("the program `{program}` has a relative path"),
                "use an absolute path",
            );
        }
        if program.is_empty() {
            refuse(
                &format!("`{command}` has no program"),
                "add the program's path",
            );
        }
    }
}

/// Checks a unit whose name follows from a path in it.
fn located(unit: &Unit, settings: &Settings, key: &str, suffix: &str, refuse: &mut Refuse) {
    // systemd takes the path from the name where the unit does not say it.
    let Some(value) = settings.last(key) else {
        return;
    };
    // Specifiers, UUIDs and the like are resolved on the node.
    let Ok(path) = value.trim_matches('"').parse() else {
        return;
    };
    let want = format!("{}.{suffix}", escape_path(&path));
    if value.contains('%') || unit.name.as_str() == want {
        return;
    }
    refuse(
        &format!("`{key}={value}` does not match the unit's name"),
        &format!("rename the unit to `{want}`"),
    );
}
