//! What Kubernetes' reader of YAML accepts beyond YAML 1.2.
//!
//! That reader descends from libyaml: inside quotes and brackets, lines may be indented by any
//! amount; `\'` is an escape sequence in double quotes; and a stream of JSON may have documents
//! without `---` between them. `saphyr-parser` reports each of them as an error, whose location
//! tells what to change: [`Text::mend`] changes that, and the text is read again.

use std::borrow::Cow;

/// How many bytes may be read again because of changes.
const REREAD_MAX: usize = 8 << 20;

/// The widest indentation to add to a line.
const INDENTATION_MAX: usize = 512;

/// A text with changes, each of which knows where it is.
#[derive(Debug)]
pub(super) struct Text<'t> {
    whole: Cow<'t, str>,
    /// In the order of their places.
    changes: Vec<Change>,
    reread: usize,
}

/// `removed` bytes at `original` are `added` bytes at `at` in the changed text.
#[derive(Debug, Clone, Copy)]
struct Change {
    at: usize,
    added: usize,
    original: usize,
    removed: usize,
}

/// A change to be made.
struct Edit {
    at: usize,
    removed: usize,
    added: String,
}

impl<'t> Text<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            whole: Cow::Borrowed(text),
            changes: Vec::new(),
            reread: 0,
        }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.whole
    }

    /// Returns the byte of the original that is at byte `at` of the changed text.
    pub(super) fn original(&self, at: usize) -> usize {
        let before = self.changes.partition_point(|change| change.at < at);
        let Some(change) = before.checked_sub(1).map(|last| self.changes[last]) else {
            return at;
        };
        match (at - change.at).checked_sub(change.added) {
            Some(after) => change.original + change.removed + after,
            // What was added is where it was added.
            None => change.original,
        }
    }

    /// Changes the text so that the error `info` at byte `at` is gone; returns whether it could.
    pub(super) fn mend(&mut self, info: &str, at: usize) -> bool {
        self.reread += self.whole.len();
        if self.reread > REREAD_MAX {
            return false;
        }
        let edits = self.edits(info, at);
        let mended = !edits.is_empty();
        self.apply(edits);
        mended
    }

    fn edits(&self, info: &str, at: usize) -> Vec<Edit> {
        let text = self.as_str();
        match info {
            "invalid indentation in quoted scalar" => {
                let end = quoted_end(text, at);
                self.indented(lines(text, at, end).collect(), at)
            }
            "tab cannot be used as indentation" => self.indented(vec![line_start(text, at)], at),
            "invalid indentation" | "invalid indentation in flow construct" => {
                let first = line_start(text, at);
                let end = flow_end(text, at);
                self.indented(
                    std::iter::once(first).chain(lines(text, at, end)).collect(),
                    at,
                )
            }
            info if info.contains("unknown escape character") => {
                let end = quoted_end(text, at);
                let mut edits = Vec::new();
                let mut rest = at;
                while let Some(found) = text[rest..end].find('\\') {
                    rest += found;
                    if text[rest..].starts_with("\\'") {
                        edits.push(Edit {
                            at: rest,
                            removed: 1,
                            added: String::new(),
                        });
                    }
                    rest = after_escape(text, rest).min(end);
                }
                edits
            }
            info if info.contains("did not find expected <document start>")
                && text.trim_start().starts_with('{')
                && text[at..].starts_with('{') =>
            {
                vec![Edit {
                    at,
                    removed: 0,
                    added: "\n--- ".to_owned(),
                }]
            }
            _ => Vec::new(),
        }
    }

    /// Returns edits that indent `lines` as deep as any line up to `at`, and deeper.
    fn indented(&self, lines: Vec<usize>, at: usize) -> Vec<Edit> {
        let before = &self.whole[..at];
        let depth = |line: &str| line.bytes().take_while(|b| b" -?".contains(b)).count();
        let wanted = 1 + before.lines().map(depth).max().unwrap_or(0);
        if wanted > INDENTATION_MAX {
            return Vec::new();
        }
        let mut edits = Vec::new();
        for line in lines {
            let rest = &self.whole[line..];
            let spaces = rest.bytes().take_while(|b| *b == b' ').count();
            let empty = rest[spaces..].starts_with(['\n', '\r']) || rest.len() == spaces;
            if spaces < wanted && !empty {
                edits.push(Edit {
                    at: line,
                    removed: 0,
                    added: " ".repeat(wanted - spaces),
                });
            }
        }
        edits
    }

    /// Makes `edits`, which are in the order of their places.
    fn apply(&mut self, edits: Vec<Edit>) {
        let mut text = String::with_capacity(self.whole.len());
        let mut changes = Vec::with_capacity(self.changes.len() + edits.len());
        let (mut copied, mut old) = (0, self.changes.iter().peekable());
        for edit in edits {
            while let Some(change) = old.next_if(|change| change.at < edit.at) {
                let at = change.at - copied + text.len();
                changes.push(Change { at, ..*change });
            }
            text += &self.whole[copied..edit.at];
            changes.push(Change {
                at: text.len(),
                added: edit.added.len(),
                original: self.original(edit.at),
                removed: edit.removed,
            });
            text += &edit.added;
            copied = edit.at + edit.removed;
        }
        changes.extend(old.map(|change| Change {
            at: change.at - copied + text.len(),
            ..*change
        }));
        text += &self.whole[copied..];
        self.whole = Cow::Owned(text);
        self.changes = changes;
    }
}

/// Returns the start of the line that `at` is in.
fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |at| at + 1)
}

/// Returns the starts of the lines that start between `start` and `end`.
fn lines(text: &str, start: usize, end: usize) -> impl Iterator<Item = usize> {
    let breaks = text[start..end].match_indices('\n');
    breaks.map(move |(at, _)| start + at + 1)
}

/// Returns where the escape sequence at `at` ends.
fn after_escape(text: &str, at: usize) -> usize {
    let escaped = text[at + 1..].chars().next();
    at + 1 + escaped.map_or(0, char::len_utf8)
}

/// Returns the end of the quoted text that starts at `start`.
fn quoted_end(text: &str, start: usize) -> usize {
    let quote = text[start..].chars().next().unwrap_or('"');
    let mut at = start + quote.len_utf8();
    while let Some(found) = text[at..].find([quote, '\\']) {
        at += found;
        if text[at..].starts_with('\\') {
            at = if quote == '"' {
                after_escape(text, at)
            } else {
                at + 1
            };
        } else if quote == '\'' && text[at..].starts_with("''") {
            at += 2;
        } else {
            return at + 1;
        }
    }
    text.len()
}

/// Returns the end of the outermost list or map in brackets that the token at `start` is in.
fn flow_end(text: &str, start: usize) -> usize {
    let (mut at, mut depth, mut before) = (start, 0_usize, ' ');
    while let Some(c) = text[at..].chars().next() {
        let next = at + c.len_utf8();
        match c {
            '"' | '\'' if before.is_whitespace() || "[{,:".contains(before) => {
                at = quoted_end(text, at);
                before = c;
                continue;
            }
            '#' if before.is_whitespace() => {
                at = text[at..].find('\n').map_or(text.len(), |end| at + end);
                continue;
            }
            '[' | '{' => depth += 1,
            ']' | '}' => match depth.checked_sub(1) {
                Some(less) => depth = less,
                // One that was opened before `start`; another may be around it.
                None if !inside_another(&text[next..]) => return next,
                None => {}
            },
            _ => {}
        }
        before = c;
        at = next;
    }
    text.len()
}

/// Returns whether `rest`, which follows a closing bracket, is still between brackets.
fn inside_another(rest: &str) -> bool {
    let lines = rest.lines().map(str::trim_start);
    let mut written = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    written
        .next()
        .is_some_and(|line| line.starts_with([',', ']', '}']))
}
