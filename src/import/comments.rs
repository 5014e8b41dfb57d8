//! Finds comments in YAML and attaches them to the values that they are above or next to.

use crate::spec::yaml::{Node, Value as Parsed};

use super::item::{Item, Value};

/// A range of bytes.
type Range = (usize, usize);

/// Attaches the comments of `text`, from which `tree` was read, to the values of `item`, which was
/// made from `tree`. Returns those at the end, below everything.
pub(super) fn attach(text: &str, tree: &Node, item: &mut Item) -> Vec<String> {
    let mut scalars = Vec::new();
    collect_scalars(text, tree, &mut scalars);
    scalars.sort_unstable();
    let mut after: Vec<(usize, String)> = Vec::new();
    let mut above: Vec<(usize, String)> = Vec::new();
    for (at, comment) in comments(text, &scalars) {
        let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let list = if text[line..at].trim().is_empty() {
            &mut above
        } else {
            &mut after
        };
        list.push((at, comment));
    }
    let mut attaching = Attaching {
        text,
        above: above.into_iter().peekable(),
        after,
    };
    attaching.visit(item);
    attaching.above.map(|(_, comment)| comment).collect()
}

struct Attaching<'a, I: Iterator<Item = (usize, String)>> {
    text: &'a str,
    above: std::iter::Peekable<I>,
    after: Vec<(usize, String)>,
}

impl<I: Iterator<Item = (usize, String)>> Attaching<'_, I> {
    fn visit(&mut self, item: &mut Item) {
        match &mut item.value {
            Value::Scalar { .. } => {}
            Value::List(items) => {
                for item in items {
                    self.at(item.span.start as usize, item);
                }
            }
            Value::Map(entries) => {
                for (_, key, item) in entries {
                    self.at(key.start as usize, item);
                }
            }
        }
    }

    /// Attaches the comments above and after the entry of `item`, which starts at `start`.
    fn at(&mut self, start: usize, item: &mut Item) {
        while let Some((_, comment)) = self.above.next_if(|(at, _)| *at < start) {
            item.comments.push(comment);
        }
        let from = self.text.get(item.span.start as usize..);
        let is_flow = from.is_some_and(|from| from.starts_with(['{', '[']));
        let is_block = !is_flow && !matches!(item.value, Value::Scalar { .. });
        // A comment after the start of a nested block belongs to its first entry, unless that
        // starts on a later line.
        let line_end = |at: usize| end_of_line(self.text, at);
        let first = line_end(start);
        let begins_here = (item.span.start as usize) < first;
        if is_block && begins_here {
            self.visit(item);
            return;
        }
        let last = if is_flow {
            line_end(item.span.end as usize)
        } else {
            first
        };
        let mut remarks = Vec::new();
        self.after.retain(|(at, comment)| {
            let is_here = (start..last).contains(at);
            if is_here {
                remarks.push(comment.clone());
            }
            !is_here
        });
        let mut remarks = remarks.into_iter();
        item.remark = remarks.next();
        item.comments.extend(remarks);
        if is_block {
            self.visit(item);
        }
    }
}

/// Returns the end of the line that contains the byte at `at`.
fn end_of_line(text: &str, at: usize) -> usize {
    let from = text.get(at..).unwrap_or_default();
    from.find('\n').map_or(text.len(), |length| at + length)
}

/// Returns the comments outside `scalars`: the start of each, and its text to the end of the line.
fn comments(text: &str, scalars: &[Range]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut scalars = scalars.iter().peekable();
    let mut at = 0;
    while at < bytes.len() {
        while scalars.next_if(|(_, end)| *end <= at).is_some() {}
        if let Some((start, end)) = scalars.peek()
            && (*start..*end).contains(&at)
        {
            at = *end;
            continue;
        }
        let is_comment = bytes[at] == b'#' && (at == 0 || bytes[at - 1].is_ascii_whitespace());
        if is_comment {
            let end = end_of_line(text, at);
            found.push((at, text[at..end].trim_end().to_owned()));
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

/// Collects the ranges of scalars, including keys. The header line of a block does not count: a
/// comment may be there.
fn collect_scalars(text: &str, node: &Node, ranges: &mut Vec<Range>) {
    match &node.value {
        Parsed::Scalar(_) => {
            let (start, end) = (node.span.start as usize, node.span.end as usize);
            let written = text.get(start..end).unwrap_or_default();
            let start = if written.starts_with(['|', '>']) {
                end_of_line(text, start).min(end)
            } else {
                start
            };
            if start < end {
                ranges.push((start, end));
            }
        }
        Parsed::List(items) => items
            .iter()
            .for_each(|item| collect_scalars(text, item, ranges)),
        Parsed::Map(entries) => {
            for entry in entries {
                let key = entry.key.span;
                ranges.push((key.start as usize, key.end as usize));
                collect_scalars(text, &entry.value, ranges);
            }
        }
    }
}
