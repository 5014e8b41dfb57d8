//! `/etc/pam.d/common-*`, as `pam-auth-update(8)` generates them from the packages' profiles.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use crate::formats::tree::{Node, Tree};

/// The files: name, what each line begins with, the part of a profile that it takes, its
/// placeholders' names, and whether it leaves out profiles for interactive sessions.
const FILES: [Stack; 5] = [
    Stack {
        file: "common-account",
        word: "account",
        part: "Account",
        placeholder: "account",
        interactive: true,
    },
    Stack {
        file: "common-auth",
        word: "auth",
        part: "Auth",
        placeholder: "auth",
        interactive: true,
    },
    Stack {
        file: "common-password",
        word: "password",
        part: "Password",
        placeholder: "password",
        interactive: true,
    },
    Stack {
        file: "common-session",
        word: "session",
        part: "Session",
        placeholder: "session",
        interactive: true,
    },
    Stack {
        file: "common-session-noninteractive",
        word: "session",
        part: "Session",
        placeholder: "session_nonint",
        interactive: false,
    },
];

#[derive(Debug)]
struct Stack {
    file: &'static str,
    word: &'static str,
    part: &'static str,
    placeholder: &'static str,
    interactive: bool,
}

/// A profile of `/usr/share/pam-configs`: its fields, continuation lines each on a line.
type Profile = BTreeMap<String, String>;

/// Writes the files.
pub fn write(tree: &mut Tree) -> Result<()> {
    let text = |path: &str| -> Result<String> {
        let bytes = tree
            .bytes(path)
            .with_context(|| format!("no package contains {path}"))?;
        String::from_utf8(bytes.to_vec()).with_context(|| format!("reading {path}"))
    };
    let mut profiles = Vec::new();
    for (name, path, _) in tree.children("/usr/share/pam-configs") {
        let profile = parse(&text(path)?);
        if profile.get("Default").is_some_and(|value| value == "yes") {
            let priority: i32 = profile
                .get("Priority")
                .map_or(Ok(0), |value| value.parse())
                .with_context(|| format!("parsing the priority in {path}"))?;
            profiles.push((-priority, name.to_owned(), profile));
        }
    }
    profiles.sort();
    let profiles: Vec<Profile> = profiles
        .into_iter()
        .map(|(_, _, profile)| profile)
        .collect();

    let mut files = Vec::new();
    for stack in &FILES {
        let mut file = text(&format!("/usr/share/pam/{}", stack.file))?;
        for kind in ["Primary", "Additional"] {
            let placeholder = format!("${}_{}\n", stack.placeholder, kind.to_lowercase());
            file = file.replace(&placeholder, &stack.block(&profiles, kind));
        }
        files.push((stack.file, file));
    }
    for (name, file) in files {
        tree.insert(
            &format!("/etc/pam.d/{name}"),
            Node::file(0o644, file.into_bytes()),
        );
    }
    Ok(())
}

fn parse(text: &str) -> Profile {
    let mut profile = Profile::new();
    let mut field = None;
    for line in text.lines() {
        if let Some(more) = line.strip_prefix([' ', '\t']) {
            if let Some(value) = field.as_ref().and_then(|field| profile.get_mut(field)) {
                let value: &mut String = value;
                if !value.is_empty() {
                    value.push('\n');
                }
                value.push_str(more.trim_start());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            profile.insert(name.to_owned(), value.trim().to_owned());
            field = Some(name.to_owned());
        }
    }
    profile
}

impl Stack {
    /// The lines of all profiles of a kind. The first one uses its lines for the initial position,
    /// where it has some; `end` becomes the number of lines to skip to reach what follows the
    /// block.
    fn block(&self, profiles: &[Profile], kind: &str) -> String {
        let mut lines: Vec<String> = Vec::new();
        for profile in profiles {
            let skipped = !self.interactive
                && profile
                    .get("Session-Interactive-Only")
                    .is_some_and(|value| value == "yes");
            let is_kind = profile
                .get(&format!("{}-Type", self.part))
                .is_some_and(|value| value == kind);
            if skipped || !is_kind {
                continue;
            }
            let initial = lines
                .is_empty()
                .then(|| profile.get(&format!("{}-Initial", self.part)))
                .flatten();
            let own = initial.or_else(|| profile.get(self.part));
            lines.extend(own.iter().flat_map(|text| text.lines()).map(str::to_owned));
        }
        let mut block = String::new();
        if lines.is_empty() && kind == "Primary" {
            // Skips the line that denies, since there is nothing before it that could succeed.
            let _ = writeln!(block, "{}\t[default=1]\t\t\tpam_permit.so", self.word);
        }
        for (index, line) in lines.iter().enumerate() {
            // The line that denies follows a primary block.
            let rest = lines.len() - index;
            let mut line = line.replace("=end", &format!("={rest}"));
            // The tool writes a space before a module's arguments, even where it has none.
            if line.rsplit_once('.').is_some_and(|(_, end)| end == "so") {
                line.push(' ');
            }
            let _ = writeln!(block, "{}\t{line}", self.word);
        }
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks() {
        let unix = parse(
            "Name: Unix\nDefault: yes\nAuth-Type: Primary\nAuth:\n\t[success=end default=ignore]\tpam_unix.so try_first_pass\nAuth-Initial:\n\t[success=end default=ignore]\tpam_unix.so\n",
        );
        let other = parse(
            "Name: Other\nAuth-Type: Primary\nAuth:\n\t[success=end]\tpam_a.so\n\trequired\tpam_b.so\nSession-Type: Additional\nSession-Interactive-Only: yes\nSession:\n\toptional\tpam_s.so\n",
        );
        let profiles = [unix, other];
        let stack = |file: &str| FILES.iter().find(|stack| stack.file == file).expect(file);
        assert_eq!(
            stack("common-auth").block(&profiles, "Primary"),
            "auth\t[success=3 default=ignore]\tpam_unix.so \nauth\t[success=2]\tpam_a.so \nauth\trequired\tpam_b.so \n"
        );
        assert_eq!(
            stack("common-session").block(&profiles, "Additional"),
            "session\toptional\tpam_s.so \n"
        );
        assert_eq!(
            stack("common-session-noninteractive").block(&profiles, "Additional"),
            ""
        );
        assert_eq!(
            stack("common-session").block(&profiles, "Primary"),
            "session\t[default=1]\t\t\tpam_permit.so\n"
        );
    }
}
