//! A page as a manual page, in the macros of man(7).

use clap_mangen::roff::{self, Roff, bold, italic, roman};

use super::markdown::{Block, Inline, Table};
use super::plain::described;
use super::{Topic, shown_link};

/// The whole manual page of `topic`, as a program of this `version` brings it.
pub fn page(topic: &Topic, version: &str) -> String {
    let mut page = Page(Roff::new());
    let title = topic.manual_name();
    let section = topic.section.to_string();
    let source = format!("imgbuild {version}");
    // The empty date in quotes: without them the arguments after it would move up.
    (page.0).control(
        "TH",
        [title.as_str(), &section, "\"\"", &source, "imgbuild"],
    );
    // Lines end where they end: names and paths are too long to be spread or hyphenated.
    page.0.control("nh", []).control("ad", ["l"]);
    page.0.control("SH", ["NAME"]);
    page.0.text([roman(format!("{title} - {}", topic.summary))]);
    let blocks = topic.blocks();
    // The page's own title is its name above.
    let blocks = match blocks.split_first() {
        Some((Block::Heading(1, _), rest)) => rest,
        _ => &blocks[..],
    };
    if !matches!(blocks.first(), Some(Block::Heading(..))) {
        page.0.control("SH", ["DESCRIPTION"]);
    }
    page.blocks(blocks);
    page.0.render().replace(MAY_BREAK, "\\:")
}

/// Where a line may end inside a word; `\:` in roff, which escapes itself in text.
const MAY_BREAK: char = '\u{200B}';

/// The longest word that has to stay on one line.
const WORD_MAX: usize = 60;

/// `text`, where lines may end inside words that do not fit on one: after punctuation, and where
/// there is none for too long.
fn breakable(text: &str) -> String {
    let mut broken = String::new();
    for word in text.split_inclusive(' ') {
        let is_long = word.chars().count() > WORD_MAX;
        let mut unbroken = 0;
        for c in word.chars() {
            broken.push(c);
            unbroken += 1;
            if is_long && ("-/|:,=".contains(c) || unbroken == WORD_MAX) {
                broken.push(MAY_BREAK);
                unbroken = 0;
            }
        }
    }
    broken
}

struct Page(Roff);

impl Page {
    fn blocks(&mut self, blocks: &[Block]) {
        for block in blocks {
            match block {
                // Headings are capitals in manual pages; their text stands on a line of its own,
                // where quotes and backslashes are text.
                Block::Heading(level, words) if *level <= 2 => {
                    self.0.control("SH", []);
                    let words: String = words.iter().map(bare).collect();
                    self.0.text([roman(words.to_uppercase())]);
                }
                Block::Heading(_, words) => {
                    self.0.control("SS", []);
                    self.text(words);
                }
                Block::Paragraph(words) => {
                    self.0.control("PP", []);
                    self.text(words);
                }
                Block::Bullets(items) => self.items(items, |_| ("\\(bu".to_owned(), "2")),
                Block::Numbers(items) => self.items(items, |number| (format!("{number}."), "4")),
                Block::Code(code) => self.code(&code.text),
                Block::Table(table) => self.table(table),
            }
        }
    }

    fn text(&mut self, words: &[Inline]) {
        self.0.text(words.iter().map(inline).collect::<Vec<_>>());
    }

    fn items(&mut self, items: &[Vec<Block>], marker: impl Fn(usize) -> (String, &'static str)) {
        for (at, item) in items.iter().enumerate() {
            let (marker, width) = marker(at + 1);
            self.0.control("IP", [marker.as_str(), width]);
            let rest = match item.split_first() {
                Some((Block::Paragraph(words), rest)) => {
                    self.text(words);
                    rest
                }
                _ => &item[..],
            };
            if !rest.is_empty() {
                self.0.control("RS", [width]);
                self.blocks(rest);
                self.0.control("RE", []);
            }
        }
    }

    fn code(&mut self, text: &str) {
        self.0
            .control("PP", [])
            .control("RS", ["4"])
            .control("nf", []);
        for line in text.lines() {
            self.0.text([roman(line)]);
        }
        self.0.control("fi", []).control("RE", []);
    }

    fn table(&mut self, table: &Table) {
        for row in &table.rows {
            let Some((first, others)) = row.split_first() else {
                continue;
            };
            self.0.control("TP", []);
            self.text(first);
            for (at, line) in described(&table.head, others).iter().enumerate() {
                if at > 0 {
                    self.0.control("br", []);
                }
                self.text(line);
            }
        }
    }
}

fn inline(inline: &Inline) -> roff::Inline {
    match inline {
        Inline::Text(text) => roman(breakable(text)),
        Inline::Code(text) | Inline::Strong(text) => bold(breakable(text)),
        Inline::Emphasis(text) => italic(breakable(text)),
        Inline::Link { .. } => roman(breakable(&bare(inline))),
    }
}

/// The words without how they are set.
fn bare(inline: &Inline) -> String {
    match inline {
        Inline::Text(text) | Inline::Code(text) | Inline::Strong(text) | Inline::Emphasis(text) => {
            text.clone()
        }
        Inline::Link { text, target } => shown_link(text, target, Topic::reference),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_block() {
        let topic = Topic {
            name: "made-up",
            section: 7,
            title: "Made up",
            summary: "a page of the test",
            text: "\
# Made up

Not `-o a\\b`, see [keys].

## It's a part

.dots and 'quotes' at the start

1. **one**

   ```sh
   .x -y
   ```

| a | b | c |
|---|---|---|
| `k` | *v* | w |

[keys]: keys.md
",
        };
        let expected = r#".ie \n(.g .ds Aq \(aq
.el .ds Aq '
.TH imgbuild-made-up 7 "" "imgbuild 1.0" imgbuild
.nh
.ad l
.SH NAME
imgbuild\-made\-up \- a page of the test
.SH DESCRIPTION
.PP
Not \fB\-o a\\b\fR, see imgbuild\-keys(7).
.SH
IT\*(AqS A PART
.PP
\&.dots and \*(Aqquotes\*(Aq at the start
.IP 1. 4
\fBone\fR
.RS 4
.PP
.RS 4
.nf
\&.x \-y
.fi
.RE
.RE
.TP
\fBk\fR
b: \fIv\fR
.br
c: w
"#;
        assert_eq!(page(&topic, "1.0"), expected);
    }

    #[test]
    fn long_words_may_break() {
        let digest = format!("sha256-{}", "0".repeat(64));
        let text = format!("/etc/short `{digest}`");
        let mut page = Page(Roff::new());
        page.blocks(&super::super::markdown::parse(&text));
        let shown = page.0.render().replace(MAY_BREAK, "\\:");
        let expected = format!("/etc/short \\fBsha256\\-\\:{}\\:0000\\fR", "0".repeat(60));
        assert!(shown.contains(&expected), "{shown}");
    }
}
