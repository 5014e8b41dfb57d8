//! The subset of Markdown that the topics are written in, read into blocks.
//!
//! Headings, paragraphs, lists, fenced code, tables, code spans, emphasis, links: what `CommonMark`
//! and GitHub's tables make of these, and nothing else. This is not a comprehensive parser: it
//! reads the pages of this folder, and a test holds all of them against it.

use std::collections::BTreeMap;

/// One block of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// `## Heading`, with the number of its marks.
    Heading(usize, Vec<Inline>),
    Paragraph(Vec<Inline>),
    /// The blocks of each item.
    Bullets(Vec<Vec<Block>>),
    /// The same, counted from 1.
    Numbers(Vec<Vec<Block>>),
    Code(Code),
    Table(Table),
}

/// A fenced code block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// What stands after the fence's opening marks: the language, and words for the tests.
    pub info: String,
    pub text: String,
    /// The line of the page, from 1, on which the fence opens.
    pub line: usize,
}

/// A table: its head, and its rows, each with a cell a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub head: Vec<Vec<Inline>>,
    pub rows: Vec<Vec<Vec<Inline>>>,
}

/// A stretch of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inline {
    Text(String),
    Code(String),
    Strong(String),
    Emphasis(String),
    Link { text: String, target: String },
}

/// Where links lead whose text alone stands in square brackets.
type Definitions = BTreeMap<String, String>;

/// A line and its number in the page.
type Line<'a> = (usize, &'a str);

/// The blocks of `page`.
pub fn parse(page: &str) -> Vec<Block> {
    let mut definitions = Definitions::new();
    let mut lines = Vec::new();
    let mut in_code = false;
    for (at, line) in page.lines().enumerate() {
        in_code ^= line.trim_start().starts_with(FENCE);
        match definition(line).filter(|_| !in_code) {
            Some((name, target)) => _ = definitions.insert(name.to_owned(), target.to_owned()),
            None => lines.push((at + 1, line)),
        }
    }
    blocks(&lines, &definitions)
}

const FENCE: &str = "```";

/// `[name]: target`
fn definition(line: &str) -> Option<(&str, &str)> {
    line.strip_prefix('[')?.split_once("]: ")
}

fn blocks(lines: &[Line], definitions: &Definitions) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = lines;
    while let Some(&(number, line)) = rest.first() {
        let text = line.trim_start();
        let taken = if text.is_empty() {
            1
        } else if let Some(info) = text.strip_prefix(FENCE) {
            let (code, taken) = code(rest, number, line.len() - text.len(), info);
            blocks.push(Block::Code(code));
            taken
        } else if text.starts_with('#') {
            let words = text.trim_start_matches('#');
            let heading = inlines(words.trim(), definitions);
            blocks.push(Block::Heading(text.len() - words.len(), heading));
            1
        } else if text.starts_with('|') {
            let taken = count(rest, |line| line.trim_start().starts_with('|'));
            blocks.push(Block::Table(table(&rest[..taken], definitions)));
            taken
        } else if let Some(marker) = Marker::of(text) {
            let (items, taken) = items(rest, marker, definitions);
            blocks.push(match marker {
                Marker::Bullet => Block::Bullets(items),
                Marker::Number => Block::Numbers(items),
            });
            taken
        } else {
            let taken = 1 + count(&rest[1..], |line| !ends_paragraph(line.trim_start()));
            let words: Vec<&str> = rest[..taken].iter().map(|(_, line)| line.trim()).collect();
            blocks.push(Block::Paragraph(inlines(&words.join(" "), definitions)));
            taken
        };
        rest = &rest[taken..];
    }
    blocks
}

fn count(lines: &[Line], belongs: impl Fn(&str) -> bool) -> usize {
    lines.iter().take_while(|(_, line)| belongs(line)).count()
}

fn ends_paragraph(line: &str) -> bool {
    line.is_empty()
        || line.starts_with(FENCE)
        || line.starts_with(['#', '|'])
        || Marker::of(line).is_some()
}

/// The code block that `lines` begin with, and how many of them it takes.
fn code(lines: &[Line], line: usize, indent: usize, info: &str) -> (Code, usize) {
    let inside = count(&lines[1..], |line| !line.trim_start().starts_with(FENCE));
    let mut text = String::new();
    for (_, line) in &lines[1..=inside] {
        let margin = line.len() - line.trim_start().len();
        text.push_str(&line[margin.min(indent)..]);
        text.push('\n');
    }
    let info = info.trim().to_owned();
    (Code { info, text, line }, inside + 2)
}

fn table(lines: &[Line], definitions: &Definitions) -> Table {
    let mut rows = lines
        .iter()
        .map(|(_, line)| cells(line))
        .filter(|cells| !cells.iter().all(|cell| is_rule(cell)))
        .map(|cells| {
            cells
                .iter()
                .map(|cell| inlines(cell, definitions))
                .collect()
        });
    Table {
        head: rows.next().unwrap_or_default(),
        rows: rows.collect(),
    }
}

/// Whether a cell is of the line between a table's head and its rows.
fn is_rule(cell: &str) -> bool {
    cell.contains('-') && cell.chars().all(|c| matches!(c, '-' | ':'))
}

/// The cells of a row. `\|` is a bar, in code too.
fn cells(row: &str) -> Vec<String> {
    let row = row.trim();
    let row = row.strip_prefix('|').unwrap_or(row);
    let row = row.strip_suffix('|').unwrap_or(row);
    let mut cells = vec![String::new()];
    let mut chars = row.chars().peekable();
    while let Some(c) = chars.next() {
        let last = cells.len() - 1;
        match c {
            '\\' if chars.peek() == Some(&'|') => cells[last].extend(chars.next()),
            '|' => cells.push(String::new()),
            c => cells[last].push(c),
        }
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

/// What an item of a list begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Marker {
    Bullet,
    Number,
}

impl Marker {
    fn of(line: &str) -> Option<Self> {
        if line.starts_with("- ") {
            return Some(Self::Bullet);
        }
        let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        (digits > 0 && line[digits..].starts_with(". ")).then_some(Self::Number)
    }
}

/// The items of the list that `lines` begin with, and how many lines it takes. What belongs to an
/// item stands further right than its marker.
fn items(lines: &[Line], marker: Marker, definitions: &Definitions) -> (Vec<Vec<Block>>, usize) {
    let margin = |line: &str| line.len() - line.trim_start().len();
    let own = margin(lines[0].1);
    let mut items = Vec::new();
    let mut at = 0;
    while let Some(&(number, line)) = lines.get(at) {
        if margin(line) != own || Marker::of(line.trim_start()) != Some(marker) {
            break;
        }
        let mut taken = 1 + count(&lines[at + 1..], |line| {
            line.trim().is_empty() || margin(line) > own
        });
        while lines[at + taken - 1].1.trim().is_empty() {
            taken -= 1;
        }
        let after_marker = line
            .trim_start()
            .split_once(' ')
            .map_or("", |(_, text)| text);
        let mut inside = vec![(number, after_marker)];
        inside.extend(&lines[at + 1..at + taken]);
        items.push(blocks(&inside, definitions));
        at += taken;
        let blank = count(&lines[at..], |line| line.trim().is_empty());
        let goes_on = lines.get(at + blank).is_some_and(|(_, line)| {
            margin(line) == own && Marker::of(line.trim_start()) == Some(marker)
        });
        if goes_on {
            at += blank;
        }
    }
    (items, at)
}

fn inlines(text: &str, definitions: &Definitions) -> Vec<Inline> {
    let mut inlines = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((inline, after)) = marked(rest, definitions) {
            if !plain.is_empty() {
                inlines.push(Inline::Text(std::mem::take(&mut plain)));
            }
            inlines.push(inline);
            rest = after;
        } else {
            // A backslash takes the meaning of the punctuation after it away.
            let escaped = rest.strip_prefix('\\').and_then(|it| it.chars().next());
            let escaped = escaped.filter(char::is_ascii_punctuation);
            let c = escaped.unwrap_or(c);
            plain.push(c);
            rest = &rest[usize::from(escaped.is_some()) + c.len_utf8()..];
        }
    }
    if !plain.is_empty() {
        inlines.push(Inline::Text(plain));
    }
    inlines
}

/// The code, emphasis or link that `text` begins with, and what follows it.
fn marked<'t>(text: &'t str, definitions: &Definitions) -> Option<(Inline, &'t str)> {
    let between = |mark: &str| text.strip_prefix(mark)?.split_once(mark);
    if let Some((code, after)) = between("`") {
        return Some((Inline::Code(code.to_owned()), after));
    }
    if let Some((strong, after)) = between("**") {
        return Some((Inline::Strong(strong.to_owned()), after));
    }
    if let Some((emphasis, after)) = between("*").filter(|(inside, _)| !inside.is_empty()) {
        return Some((Inline::Emphasis(emphasis.to_owned()), after));
    }
    if let Some((url, after)) = text.strip_prefix('<').and_then(|it| it.split_once('>'))
        && url.starts_with("https://")
    {
        let (text, target) = (url.to_owned(), url.to_owned());
        return Some((Inline::Link { text, target }, after));
    }
    let (words, after) = text.strip_prefix('[')?.split_once(']')?;
    let (target, after) = match after.strip_prefix('(').and_then(|it| it.split_once(')')) {
        Some((target, after)) => (target, after),
        None => (definitions.get(words)?.as_str(), after),
    };
    let text = words.replace('`', "");
    let target = target.to_owned();
    Some((Inline::Link { text, target }, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &str) -> Inline {
        Inline::Text(words.to_owned())
    }

    fn link(text: &str, target: &str) -> Inline {
        let (text, target) = (text.to_owned(), target.to_owned());
        Inline::Link { text, target }
    }

    #[test]
    fn stretches_of_text() {
        let definitions = Definitions::from([("keys".to_owned(), "keys.md".to_owned())]);
        for (line, expected) in [
            (
                "plain * and [brackets]",
                vec![text("plain * and [brackets]")],
            ),
            (
                "a `b * c` d",
                vec![text("a "), Inline::Code("b * c".into()), text(" d")],
            ),
            (
                "**all** of *it*",
                vec![
                    Inline::Strong("all".into()),
                    text(" of "),
                    Inline::Emphasis("it".into()),
                ],
            ),
            (
                "see [keys].",
                vec![text("see "), link("keys", "keys.md"), text(".")],
            ),
            ("[`x`](y)", vec![link("x", "y")]),
            (
                "<https://a.example>",
                vec![link("https://a.example", "https://a.example")],
            ),
            ("a < b > c", vec![text("a < b > c")]),
            ("\\*no\\* …", vec![text("*no* …")]),
        ] {
            assert_eq!(inlines(line, &definitions), expected, "{line}");
        }
    }

    #[test]
    fn blocks_of_every_kind() {
        let page = "\
# Title

Two lines
of one paragraph.

- one
  goes on

  ```sh needs:base
  imgbuild
    x
  ```
- two
  1. inner

| a | b |
|---|---|
| `x\\|y` | z |

[keys]: keys.md
";
        let one = |words: &str| Block::Paragraph(vec![text(words)]);
        let expected = vec![
            Block::Heading(1, vec![text("Title")]),
            one("Two lines of one paragraph."),
            Block::Bullets(vec![
                vec![
                    one("one goes on"),
                    Block::Code(Code {
                        info: "sh needs:base".into(),
                        text: "imgbuild\n  x\n".into(),
                        line: 9,
                    }),
                ],
                vec![one("two"), Block::Numbers(vec![vec![one("inner")]])],
            ]),
            Block::Table(Table {
                head: vec![vec![text("a")], vec![text("b")]],
                rows: vec![vec![vec![Inline::Code("x|y".into())], vec![text("z")]]],
            }),
        ];
        assert_eq!(parse(page), expected);
    }
}
