//! Files in folders of settings that the folder's program would skip because of their names or
//! modes, without a message that anyone sees.

use super::report::warning;
use crate::diagnostic::{Diagnostic, codes};
use crate::node::fragment::{File, Fragment};

/// Folders, and the endings of the names that are read there.
const ENDINGS: &[(&str, &[&str])] = {
    const CONF: &[&str] = &[".conf"];
    const RULES: &[&str] = &[".rules"];
    &[
        ("/etc/NetworkManager/conf.d", CONF),
        ("/etc/binfmt.d", CONF),
        ("/etc/ld.so.conf.d", CONF),
        ("/etc/modprobe.d", CONF),
        ("/etc/modules-load.d", CONF),
        ("/etc/polkit-1/rules.d", RULES),
        ("/etc/profile.d", &[".sh", ".csh"]),
        ("/etc/security/limits.d", CONF),
        ("/etc/ssh/ssh_config.d", CONF),
        ("/etc/ssh/sshd_config.d", CONF),
        ("/etc/sysctl.d", CONF),
        ("/etc/systemd/journald.conf.d", CONF),
        ("/etc/systemd/logind.conf.d", CONF),
        ("/etc/systemd/network", &[".link", ".netdev", ".network"]),
        ("/etc/systemd/networkd.conf.d", CONF),
        ("/etc/systemd/resolved.conf.d", CONF),
        ("/etc/systemd/system.conf.d", CONF),
        ("/etc/systemd/timesyncd.conf.d", CONF),
        ("/etc/sysusers.d", CONF),
        ("/etc/tmpfiles.d", CONF),
        ("/etc/udev/rules.d", RULES),
    ]
};

/// Checks the files of a merged fragment.
pub(super) fn check(fragment: &Fragment, found: &mut Vec<Diagnostic>) {
    for file in &fragment.files {
        let Some((folder, name)) = file.path.as_str().rsplit_once('/') else {
            continue;
        };
        // Nobody expects these to be read.
        if name.starts_with('.') || name.starts_with("README") {
            continue;
        }
        if let Some((why, help)) = why_not(folder, name, file) {
            found.push(
                warning(
                    codes::IGNORED_FILE,
                    &file.origin,
                    format!("`{}` would not be read: {why}", file.path),
                )
                .help(help),
            );
        }
    }
}

fn why_not(folder: &str, name: &str, file: &File) -> Option<(String, String)> {
    match folder {
        // sudoers(5), "Including other files from within sudoers".
        "/etc/sudoers.d" if name.contains('.') || name.ends_with('~') => Some((
            "sudo skips names with a dot or a `~` at the end".to_owned(),
            format!(
                "name it `{}`",
                name.replace(['.', '~'], "-").trim_end_matches('-')
            ),
        )),
        "/etc/sudoers.d" if file.mode & 0o002 != 0 => Some((
            "sudo skips files that everyone may write".to_owned(),
            "set `mode: 0440`".to_owned(),
        )),
        // NetworkManager's settings plugin for keyfiles.
        "/etc/NetworkManager/system-connections" if file.mode & 0o077 != 0 => Some((
            format!("NetworkManager skips files with mode {:04o}", file.mode),
            "set `mode: 0600`".to_owned(),
        )),
        _ => {
            let (_, endings) = ENDINGS.iter().find(|(known, _)| *known == folder)?;
            if endings.iter().any(|ending| name.ends_with(ending)) {
                return None;
            }
            Some((
                format!("its name must end in {}", any_of(endings)),
                match endings {
                    [ending] => format!("name it `{name}{ending}`"),
                    _ => "add the ending, or write the file elsewhere".to_owned(),
                },
            ))
        }
    }
}

fn any_of(endings: &[&str]) -> String {
    let quoted: Vec<String> = endings.iter().map(|ending| format!("`{ending}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}
