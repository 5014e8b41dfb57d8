//! The lines of a unit file (`systemd.syntax(7)`).

/// A line with content, and its number from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) kind: Kind,
}

/// The content of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `[Name]`
    Section(String),
    /// `key=value`, the lines of a continued value joined.
    Setting(String, String),
    /// Something else.
    Other(String),
}

/// Returns the lines of `text` without comments and empty ones.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        // Comments between continued lines are skipped (systemd.syntax(7)).
        if line.starts_with(['#', ';']) || (line.is_empty() && open.is_none()) {
            continue;
        }
        let (number, mut joined) = open.take().unwrap_or((at + 1, String::new()));
        if let Some(more) = line.strip_suffix('\\') {
            joined.push_str(more);
            joined.push(' ');
            open = Some((number, joined));
        } else {
            joined.push_str(line);
            lines.push(line_of(number, &joined));
        }
    }
    if let Some((number, joined)) = open {
        lines.push(line_of(number, &joined));
    }
    lines
}

fn line_of(number: usize, line: &str) -> Line {
    let line = line.trim();
    let kind = if let Some(rest) = line.strip_prefix('[') {
        match rest.strip_suffix(']') {
            Some(name) => Kind::Section(name.to_owned()),
            None => Kind::Other(line.to_owned()),
        }
    } else {
        match line.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() => {
                Kind::Setting(key.trim().to_owned(), value.trim().to_owned())
            }
            _ => Kind::Other(line.to_owned()),
        }
    };
    Line { number, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_systemd_does() {
        let set = |number, key: &str, value: &str| Line {
            number,
            kind: Kind::Setting(key.to_owned(), value.to_owned()),
        };
        let section = |number, name: &str| Line {
            number,
            kind: Kind::Section(name.to_owned()),
        };
        for (name, text, want) in [
            ("nothing", "\n# a\n; b\n", vec![]),
            (
                "section",
                "[Unit]\n A = b \n",
                vec![section(1, "Unit"), set(2, "A", "b")],
            ),
            (
                "continued",
                "A=b \\\n# c\n d\nE=\n",
                vec![set(1, "A", "b  d"), set(4, "E", "")],
            ),
            ("continued to the end", "A=b\\\n", vec![set(1, "A", "b")]),
            (
                "other",
                "A\n",
                vec![Line {
                    number: 1,
                    kind: Kind::Other("A".to_owned()),
                }],
            ),
            (
                "open",
                "[A\n",
                vec![Line {
                    number: 1,
                    kind: Kind::Other("[A".to_owned()),
                }],
            ),
        ] {
            assert_eq!(lines(text), want, "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "[ -~\\n\\[\\]=\\\\#;é]{0,200}") {
            for line in lines(&text) {
                proptest::prop_assert!(line.number >= 1 && line.number <= text.lines().count());
            }
        }
    }
}
