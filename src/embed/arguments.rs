//! Edits to kernel arguments.

use anyhow::Result;

use crate::names::altered_by_boot_loaders;

use super::refused;

/// What to change, in this order: delete, append, replace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    /// Each as in the line, with its value.
    pub delete: Vec<String>,
    /// The same, but those that the line does not have are ignored.
    pub delete_if_there: Vec<String>,
    /// Each is added at the end.
    pub append: Vec<String>,
    /// `KEY=OLD=NEW`
    pub replace: Vec<String>,
}

impl Edits {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        let Self {
            delete,
            delete_if_there,
            append,
            replace,
        } = self;
        [delete, delete_if_there, append, replace]
            .iter()
            .all(|list| list.is_empty())
    }

    /// `line` with the changes. An argument to delete that does not exist is refused, and so is one
    /// that boot loaders would alter.
    pub fn applied_to(&self, line: &str) -> Result<String> {
        if self.is_empty() {
            return Ok(line.to_owned());
        }
        let mut words: Vec<String> = line.split_ascii_whitespace().map(str::to_owned).collect();
        for argument in &self.delete {
            let before = words.len();
            words.retain(|word| word != argument);
            if words.len() == before {
                return not_there(argument, &words);
            }
        }
        words.retain(|word| !self.delete_if_there.contains(word));
        for argument in &self.append {
            words.push(passable(argument)?);
        }
        for change in &self.replace {
            // The old value may contain an equals sign itself: the existing argument decides which
            // one separates old from new.
            let found = change.match_indices('=').skip(1).find_map(|(at, _)| {
                let (old, new) = (&change[..at], &change[at + 1..]);
                let (key, _) = old.split_once('=')?;
                let there = words.iter().any(|word| word == old);
                there.then(|| (old, format!("{key}={new}")))
            });
            let Some((old, new)) = found else {
                if change.matches('=').count() < 2 {
                    return refused(format!(
                        "`{change}` is not a change of a kernel argument: write KEY=OLD=NEW"
                    ));
                }
                return not_there(change, &words);
            };
            let new = passable(&new)?;
            for word in words.iter_mut().filter(|word| *word == old) {
                word.clone_from(&new);
            }
        }
        Ok(words.join(" "))
    }
}

fn not_there<T>(argument: &str, words: &[String]) -> Result<T> {
    refused(format!(
        "the live ISO has no kernel argument `{}` to change; it has: {}",
        argument.escape_debug(),
        words.join(" ")
    ))
}

fn passable(argument: &str) -> Result<String> {
    if argument.is_empty() {
        return refused("a kernel argument is empty");
    }
    match altered_by_boot_loaders(argument) {
        None => Ok(argument.to_owned()),
        Some(' ') => refused(format!(
            "`{argument}` is more than one kernel argument: give each in a separate option"
        )),
        Some(other) => refused(format!(
            "the kernel argument `{}` contains {other:?}, which boot loaders do not pass on unchanged",
            argument.escape_debug()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(append: &[&str], delete: &[&str], replace: &[&str]) -> Result<String, String> {
        let list = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        let edits = Edits {
            append: list(append),
            delete: list(delete),
            replace: list(replace),
            ..Edits::default()
        };
        edits
            .applied_to("a b=1 root=UUID=x  b=1")
            .map_err(|error| error.to_string())
    }

    #[test]
    fn lines_are_edited() {
        for (name, append, delete, replace, expected) in [
            (
                "nothing",
                &[][..],
                &[][..],
                &[][..],
                "a b=1 root=UUID=x  b=1",
            ),
            (
                "append",
                &["c", "d=2"],
                &[],
                &[],
                "a b=1 root=UUID=x b=1 c d=2",
            ),
            ("delete each", &[], &["b=1"], &[], "a root=UUID=x"),
            (
                "replace each",
                &[],
                &[],
                &["b=1=2"],
                "a b=2 root=UUID=x b=2",
            ),
            (
                "an equals sign in the old value and in the new",
                &[],
                &[],
                &["root=UUID=x=LABEL=y"],
                "a b=1 root=LABEL=y b=1",
            ),
            (
                "what was added can be replaced",
                &["c=1"],
                &["a"],
                &["c=1=2"],
                "b=1 root=UUID=x b=1 c=2",
            ),
        ] {
            assert_eq!(
                edited(append, delete, replace).as_deref(),
                Ok(expected),
                "{name}"
            );
        }
    }

    #[test]
    fn wrong_edits_say_why() {
        for (append, delete, replace, why) in [
            (&[""][..], &[][..], &[][..], "is empty"),
            (&["a b"], &[], &[], "more than one"),
            (&["a\nb"], &[], &[], "pass on unchanged"),
            (&["a='b'"], &[], &[], "pass on unchanged"),
            (&[], &["b"], &[], "has no kernel argument `b`"),
            (&[], &[], &["b=1"], "KEY=OLD=NEW"),
            (&[], &[], &["b=2=3"], "has no kernel argument"),
            (&[], &[], &["b=1=2 3"], "more than one"),
        ] {
            let said = edited(append, delete, replace).expect_err("is wrong");
            assert!(
                said.contains(why),
                "{append:?} {delete:?} {replace:?}: {said}"
            );
        }
    }
}
