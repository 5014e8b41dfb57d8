//! Builds the tree from the parser's events, under limits.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use super::{Entry, Node, Scalar, Value};
use crate::diagnostic::{Diagnostic, Located, SourceId, Span, codes};

/// How much one text may ask for. Values and text are counted with aliases written out.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Lists and maps inside each other.
    pub depth: usize,
    /// Scalars, lists and maps.
    pub values: usize,
    /// Bytes of all scalars.
    pub text: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 64,
            values: 100_000,
            text: 8 << 20,
        }
    }
}

/// Reads `text`, which is kept as `source`. Gives the tree where there is one, and everything that is wrong: after a mistake
/// of the kind of a duplicate key the tree is there all the same, without the second value.
pub fn parse(text: &str, source: SourceId, limits: Limits) -> (Option<Node>, Vec<Diagnostic>) {
    let places = Places::new(text, source);
    if let Some(diagnostic) = control_character(text, source) {
        return (None, vec![diagnostic]);
    }
    let mut builder = Builder {
        places: &places,
        limits,
        stack: Vec::new(),
        anchors: HashMap::new(),
        used: Size::default(),
        root: None,
        diagnostics: Vec::new(),
    };
    let tree = match builder.run() {
        Ok(()) => builder.root.take(),
        Err(fatal) => {
            builder.diagnostics.push(*fatal);
            None
        }
    };
    let mut diagnostics = builder.diagnostics;
    if tree.as_ref().is_none_or(Node::is_null) && diagnostics.is_empty() {
        let start = Span {
            source,
            start: 0,
            end: 0,
        };
        diagnostics.push(
            Diagnostic::error(codes::EMPTY_FILE, start, "the file holds no value")
                .help("a spec starts with `version: 1` and `hostname:`"),
        );
        return (None, diagnostics);
    }
    (tree, diagnostics)
}

/// The first character that YAML text may not hold (YAML 1.2.2 §5.1, `c-printable`).
fn control_character(text: &str, source: SourceId) -> Option<Diagnostic> {
    let (at, c) = text.char_indices().find(|&(_, c)| {
        !matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
    })?;
    let at = u32::try_from(at).ok()?;
    let span = Span {
        source,
        start: at,
        end: at + 1,
    };
    let name = if c == '\0' {
        "a NUL byte".to_owned()
    } else {
        format!("the control character U+{:04X}", u32::from(c))
    };
    Some(
        Diagnostic::error(
            codes::CONTROL_CHARACTER,
            span,
            format!("{name} in YAML text"),
        )
        .help("remove it, or write it as an escape in double quotes"),
    )
}

/// Turns the parser's counts of characters into bytes of the source.
struct Places<'t> {
    /// Without the byte order mark.
    text: &'t str,
    /// Length of the byte order mark.
    skipped: usize,
    /// Byte offset of each character; `None` where the text is ASCII.
    offsets: Option<Vec<u32>>,
    source: SourceId,
}

impl<'t> Places<'t> {
    fn new(text: &'t str, source: SourceId) -> Self {
        let body = text.strip_prefix('\u{feff}').unwrap_or(text);
        let offsets = (!body.is_ascii()).then(|| {
            body.char_indices()
                .map(|(at, _)| u32::try_from(at).unwrap_or(u32::MAX))
                .collect()
        });
        Self {
            text: body,
            skipped: text.len() - body.len(),
            offsets,
            source,
        }
    }

    /// Byte offset in the body of the character number `index`.
    fn byte(&self, index: usize) -> usize {
        match &self.offsets {
            None => index.min(self.text.len()),
            Some(offsets) => offsets
                .get(index)
                .map_or(self.text.len(), |&at| at as usize),
        }
    }

    /// From byte `start` to byte `end` of the body, without white space at its end.
    fn span(&self, start: usize, end: usize) -> Span {
        let end = end.max(start);
        let trimmed = self
            .text
            .get(start..end)
            .map_or(end, |part| start + part.trim_end().len());
        let place = |at: usize| u32::try_from(at + self.skipped).unwrap_or(u32::MAX);
        Span {
            source: self.source,
            start: place(start),
            end: place(trimmed),
        }
    }

    fn of(&self, span: saphyr_parser::Span) -> Span {
        self.span(self.byte(span.start.index()), self.byte(span.end.index()))
    }
}

/// What a finished value costs where an alias repeats it.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    values: usize,
    text: usize,
    /// Lists and maps inside each other; 0 for a scalar.
    height: usize,
}

/// A list or map that is not at its end yet.
struct Frame {
    start: Span,
    flow: bool,
    anchor: usize,
    /// What was used before it began.
    before: Size,
    height: usize,
    kind: FrameKind,
}

enum FrameKind {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        seen: HashSet<Arc<str>>,
        key: PendingKey,
    },
}

/// Where a map stands between key and value.
enum PendingKey {
    /// The next value is a key.
    Next,
    /// The next value belongs to this key.
    Of(Located<Arc<str>>),
    /// The next value belongs to a key that was reported and is dropped.
    Dropped,
}

struct Builder<'p> {
    places: &'p Places<'p>,
    limits: Limits,
    stack: Vec<Frame>,
    /// Finished values that were marked with `&name`, by the parser's number.
    anchors: HashMap<usize, (Node, Size)>,
    used: Size,
    root: Option<Node>,
    diagnostics: Vec<Diagnostic>,
}

/// Boxed: it is returned by every step and seldom there.
type Fatal = Box<Diagnostic>;

impl Builder<'_> {
    fn run(&mut self) -> Result<(), Fatal> {
        let mut parser = Parser::new_from_str(self.places.text);
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| self.syntax_error(&error))?;
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(Box::new(
                            Diagnostic::error(
                                codes::SEVERAL_DOCUMENTS,
                                self.places.of(span),
                                "a second YAML document starts here",
                            )
                            .help("several nodes go under `nodes:`"),
                        ));
                    }
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let place = self.places.of(span);
                    let tagged = self.tag(tag.as_deref(), place);
                    let scalar = Scalar {
                        text: text.into(),
                        plain: style == ScalarStyle::Plain && !tagged,
                    };
                    let size = Size {
                        values: 1,
                        text: scalar.text.len(),
                        height: 0,
                    };
                    self.spend(size, place)?;
                    let node = Node {
                        span: place,
                        value: Value::Scalar(scalar),
                    };
                    self.finish(node, size, anchor);
                }
                Event::SequenceStart(anchor, tag) => {
                    let place = self.places.of(span);
                    self.tag(tag.as_deref(), place);
                    self.begin(span, anchor, FrameKind::List(Vec::new()))?;
                }
                Event::MappingStart(anchor, tag) => {
                    let place = self.places.of(span);
                    self.tag(tag.as_deref(), place);
                    let kind = FrameKind::Map {
                        entries: Vec::new(),
                        seen: HashSet::new(),
                        key: PendingKey::Next,
                    };
                    self.begin(span, anchor, kind)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(span),
                Event::Alias(anchor) => {
                    let place = self.places.of(span);
                    let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                        return Err(Box::new(Diagnostic::error(
                            codes::UNKNOWN_ALIAS,
                            place,
                            "an alias stands inside the value that it repeats",
                        )));
                    };
                    self.spend(size, place)?;
                    self.deep(self.stack.len() + size.height, place)?;
                    self.finish(node, size, 0);
                }
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
        }
        Ok(())
    }

    fn syntax_error(&self, error: &ScanError) -> Fatal {
        let index = error.marker().index();
        let at = self.places.byte(index);
        let span = self.places.span(at, self.places.byte(index + 1));
        if error.info().contains("unknown anchor") {
            return Box::new(
                Diagnostic::error(
                    codes::UNKNOWN_ALIAS,
                    span,
                    "an alias refers to nothing that was marked before",
                )
                .help("mark a value with `&name` first, or quote the `*`"),
            );
        }
        // The scanner reads ahead of the events in search of a key, and has a limit of its own.
        if error.info().contains("recursion limit") {
            return self.too_deep(span);
        }
        let rest = &self.places.text[at..];
        if rest.trim().is_empty()
            && let Some(frame) = self.stack.last().filter(|frame| frame.flow)
        {
            let bracket =
                &self.places.text[frame.start.start as usize - self.places.skipped..][..1];
            let mut open = frame.start;
            open.end = open.start + 1;
            return Box::new(
                Diagnostic::error(
                    codes::YAML_SYNTAX,
                    open,
                    format!("this `{bracket}` is never closed"),
                )
                .label("opened here"),
            );
        }
        let line_start = self.places.text[..at].rfind('\n').map_or(0, |at| at + 1);
        let line = self.places.text[line_start..].lines().next().unwrap_or("");
        let indentation = &line[..line.len() - line.trim_start().len()];
        let tab = indentation.contains('\t') || line.starts_with("- \t");
        let (span, message, help) = match error.info() {
            _ if tab => (
                span,
                "a tab where YAML wants spaces".to_owned(),
                Some("YAML is indented with spaces, never with tabs"),
            ),
            // Noticed only where the next line begins.
            "simple key expect ':'" | "simple key expected" | "simple key expected ':'" => (
                self.line_before(at),
                "a key without a value".to_owned(),
                Some(
                    "a key is followed by a colon and a space, a list's element by a dash and a space",
                ),
            ),
            info if info.contains("did not find expected key") => (
                span,
                "this fits neither the lines above nor those below".to_owned(),
                Some("lines that belong together are indented by the same number of spaces"),
            ),
            info if info.contains("in quoted scalar") || info.contains("quoted scalar, found") => (
                span,
                format!("the quoted text does not end as it should: {info}"),
                Some("close the quote; text of several lines is easier after `|`"),
            ),
            info => (span, format!("YAML syntax: {info}"), None),
        };
        let mut diagnostic = Diagnostic::error(codes::YAML_SYNTAX, span, message);
        diagnostic.help = help.map(str::to_owned);
        Box::new(diagnostic)
    }

    /// The text of the last line before `at` that has any.
    fn line_before(&self, at: usize) -> Span {
        let before = self.places.text[..at].trim_end();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let indentation = before[start..].len() - before[start..].trim_start().len();
        self.places.span(start + indentation, before.len())
    }

    /// Whether the value is tagged as text; any other tag is reported.
    fn tag(&mut self, tag: Option<&Tag>, place: Span) -> bool {
        let Some(tag) = tag else {
            return false;
        };
        let text = tag.is_yaml_core_schema() && tag.suffix == "str";
        if !text {
            let name = if tag.is_yaml_core_schema() {
                format!("!!{}", tag.suffix)
            } else {
                format!("{}{}", tag.handle, tag.suffix)
            };
            self.diagnostics.push(
                Diagnostic::error(
                    codes::UNKNOWN_TAG,
                    place,
                    format!("unknown YAML tag `{name}`"),
                )
                .help("leave the tag out; types follow from the keys"),
            );
        }
        text
    }

    /// Counts a value, and stops where the text asks for too much.
    fn spend(&mut self, size: Size, place: Span) -> Result<(), Fatal> {
        self.used.values += size.values;
        self.used.text += size.text;
        if self.used.values > self.limits.values || self.used.text > self.limits.text {
            let what = if self.used.values > self.limits.values {
                "too many values"
            } else {
                "too much text"
            };
            return Err(Box::new(
                Diagnostic::error(
                    codes::TOO_MANY_VALUES,
                    place,
                    format!("{what}, with aliases and includes written out"),
                )
                .help("use fewer aliases, or make several specs of it"),
            ));
        }
        Ok(())
    }

    fn deep(&self, depth: usize, place: Span) -> Result<(), Fatal> {
        if depth > self.limits.depth {
            return Err(self.too_deep(place));
        }
        Ok(())
    }

    fn too_deep(&self, place: Span) -> Fatal {
        let message = format!("nested more than {} deep", self.limits.depth);
        Box::new(Diagnostic::error(codes::TOO_DEEP, place, message))
    }

    fn begin(
        &mut self,
        span: saphyr_parser::Span,
        anchor: usize,
        kind: FrameKind,
    ) -> Result<(), Fatal> {
        let start = self.places.of(span);
        let before = self.used;
        self.spend(
            Size {
                values: 1,
                ..Size::default()
            },
            start,
        )?;
        self.deep(self.stack.len() + 1, start)?;
        let at = self.places.byte(span.start.index());
        self.stack.push(Frame {
            start,
            flow: self.places.text[at..].starts_with(['[', '{']),
            anchor,
            before,
            height: 1,
            kind,
        });
        Ok(())
    }

    fn end(&mut self, span: saphyr_parser::Span) {
        let Some(frame) = self.stack.pop() else {
            return;
        };
        let (first, last, value) = match frame.kind {
            FrameKind::List(items) => (
                None,
                items.last().map(|item| item.span.end),
                Value::List(items),
            ),
            FrameKind::Map { entries, .. } => (
                entries.first().map(|entry| entry.key.span.start),
                entries
                    .last()
                    .map(|entry| entry.value.span.end.max(entry.key.span.end)),
                Value::Map(entries),
            ),
        };
        let mut place = frame.start;
        if frame.flow {
            place.end = self.places.of(span).end.max(place.start);
        } else {
            place.start = first.unwrap_or(place.start);
            place.end = last.unwrap_or(place.end).max(place.start);
        }
        let size = Size {
            values: self.used.values - frame.before.values,
            text: self.used.text - frame.before.text,
            height: frame.height,
        };
        let node = Node { span: place, value };
        self.finish(node, size, frame.anchor);
    }

    /// Puts a finished value where it belongs.
    fn finish(&mut self, node: Node, size: Size, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        frame.height = frame.height.max(size.height + 1);
        match &mut frame.kind {
            FrameKind::List(items) => items.push(node),
            FrameKind::Map { entries, seen, key } => {
                match std::mem::replace(key, PendingKey::Next) {
                    PendingKey::Next => {
                        *key = read_key(&node, entries, seen, &mut self.diagnostics);
                    }
                    PendingKey::Of(key) => entries.push(Entry { key, value: node }),
                    PendingKey::Dropped => {}
                }
            }
        }
    }
}

/// Reads `node` as a key of a map that has `entries`, and reports why it cannot be one.
fn read_key(
    node: &Node,
    entries: &[Entry],
    seen: &mut HashSet<Arc<str>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> PendingKey {
    let text = match &node.value {
        Value::Scalar(scalar) if !node.is_null() => scalar,
        _ => {
            diagnostics.push(Diagnostic::error(
                codes::KEY_NOT_TEXT,
                node.span,
                format!("a key is text, not {}", node.describe()),
            ));
            return PendingKey::Dropped;
        }
    };
    if text.plain && &*text.text == "<<" {
        diagnostics.push(
            Diagnostic::error(
                codes::MERGE_KEY,
                node.span,
                "merge keys (`<<`) are not supported",
            )
            .help("share settings through `include:`, or through what stands above `nodes:`"),
        );
        return PendingKey::Dropped;
    }
    let key = Located::new(text.text.clone(), node.span);
    if !seen.insert(key.value.clone()) {
        let mut diagnostic = Diagnostic::error(
            codes::DUPLICATE_KEY,
            node.span,
            format!(
                "the key `{}` is written twice",
                crate::spec::decode::shown(&key)
            ),
        );
        if let Some(first) = entries.iter().find(|entry| entry.key.value == key.value) {
            diagnostic = diagnostic.related(first.key.span, "it is here first");
        }
        diagnostics.push(diagnostic);
        return PendingKey::Dropped;
    }
    PendingKey::Of(key)
}

#[cfg(test)]
mod tests;
