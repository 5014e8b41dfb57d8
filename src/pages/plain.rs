//! A page as plain text, for a terminal.

use super::markdown::{Block, Inline, Table};
use super::shown_link;

/// How far the text below a heading is indented.
const INDENT: usize = 2;

/// How far items and descriptions are indented under what they belong to.
const STEP: usize = 2;

/// `blocks` in lines of at most `width` characters, where words and code are not longer.
pub fn plain(blocks: &[Block], width: usize) -> String {
    let mut lines = Lines {
        width: width.max(20),
        text: String::new(),
    };
    lines.blocks(blocks, INDENT);
    lines.text
}

struct Lines {
    width: usize,
    text: String,
}

impl Lines {
    fn blocks(&mut self, blocks: &[Block], indent: usize) {
        for block in blocks {
            self.gap();
            self.block(block, indent);
        }
    }

    fn block(&mut self, block: &Block, indent: usize) {
        match block {
            Block::Heading(level, words) => {
                let margin = level.saturating_sub(2) * STEP / 2;
                self.wrapped(&line_of(words), margin, margin);
            }
            Block::Paragraph(words) => self.wrapped(&line_of(words), indent, indent),
            Block::Bullets(items) => self.items(items, indent, |_| "- ".to_owned()),
            Block::Numbers(items) => {
                self.items(items, indent, |number| format!("{number}. "));
            }
            Block::Code(code) => {
                for line in code.text.lines() {
                    self.line(line, indent + STEP);
                }
            }
            Block::Table(table) => self.table(table, indent),
        }
    }

    fn items(&mut self, items: &[Vec<Block>], indent: usize, marker: impl Fn(usize) -> String) {
        for (at, item) in items.iter().enumerate() {
            // Between items of several blocks, not between those of one.
            if at > 0 && items[at - 1].len() > 1 {
                self.gap();
            }
            let marker = marker(at + 1);
            let inner = indent + marker.len();
            let (first, rest) = match item.split_first() {
                Some((Block::Paragraph(words), rest)) => (line_of(words), rest),
                _ => (String::new(), &item[..]),
            };
            self.wrapped(&format!("{marker}{first}"), indent, inner);
            match rest {
                // What an item is followed by at once.
                [list @ (Block::Bullets(_) | Block::Numbers(_)), rest @ ..] => {
                    self.block(list, inner);
                    self.blocks(rest, inner);
                }
                _ => self.blocks(rest, inner),
            }
        }
    }

    /// Each row under its first cell: the other columns are often too wide to stand beside it.
    fn table(&mut self, table: &Table, indent: usize) {
        for row in &table.rows {
            let Some((first, others)) = row.split_first() else {
                continue;
            };
            self.wrapped(&line_of(first), indent, indent);
            for line in described(&table.head, others) {
                self.wrapped(&line_of(&line), indent + 2 * STEP, indent + 2 * STEP);
            }
        }
    }

    /// An empty line, but at the start.
    fn gap(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    fn line(&mut self, line: &str, indent: usize) {
        if !line.is_empty() {
            self.text.extend(std::iter::repeat_n(' ', indent));
        }
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn wrapped(&mut self, text: &str, first: usize, others: usize) {
        let mut line = String::new();
        let mut indent = first;
        for word in text.split_whitespace() {
            let taken = line.chars().count() + 1 + word.chars().count();
            if !line.is_empty() && indent + taken > self.width {
                self.line(&line, indent);
                indent = others;
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.line(&line, indent);
    }
}

/// What a row of a table says after its first cell: of two columns the second, of more each with
/// the name of its column.
pub fn described(head: &[Vec<Inline>], others: &[Vec<Inline>]) -> Vec<Vec<Inline>> {
    if let [only] = others {
        return vec![only.clone()];
    }
    let columns = head.iter().skip(1);
    let filled = columns.zip(others).filter(|(_, cell)| !cell.is_empty());
    filled
        .map(|(name, cell)| [name, &[Inline::Text(": ".to_owned())][..], cell].concat())
        .collect()
}

fn line_of(inlines: &[Inline]) -> String {
    let words = inlines.iter().map(|inline| match inline {
        Inline::Text(text) | Inline::Strong(text) | Inline::Emphasis(text) => text.clone(),
        Inline::Code(text) => format!("`{text}`"),
        Inline::Link { text, target } => shown_link(text, target, |topic| {
            format!("`imgbuild help {}`", topic.name)
        }),
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::super::markdown::parse;
    use super::*;

    #[test]
    fn every_kind_of_block_in_forty_columns() {
        let page = "\
# Keys

The folder `keys/` is the **cluster**: see [keys], <https://a.example> and [this](https://b.example).

## More

- one
- two is longer than a line of forty columns

  ```sh
  imgbuild --help
  ```

| name | what |
|---|---|
| `a` | the first |

| name | type | default |
|---|---|---|
| `a` | text | |
| `b` | number | 1 |

[keys]: keys.md
";
        let expected = "\
Keys

  The folder `keys/` is the cluster: see
  `imgbuild help keys`,
  https://a.example and this
  (https://b.example).

More

  - one
  - two is longer than a line of forty
    columns

      imgbuild --help

  `a`
      the first

  `a`
      type: text
  `b`
      type: number
      default: 1
";
        assert_eq!(plain(&parse(page), 40), expected);
    }
}
