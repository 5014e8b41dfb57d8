//! Builds the tree from the parser's events, within limits.

mod keys;
mod lenient;
mod places;
mod syntax;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use keys::{is_merge_key, merge, read_key};
use places::{Places, control_character};

use super::{Entry, Node, Scalar, Value};
use crate::diagnostic::{Diagnostic, Located, SourceId, Span, codes};

/// The limits on one text. Values and text are counted after expanding aliases.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Nesting of lists and maps.
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

/// Reads `text`, which is stored as `source`. Returns the tree, if there is one, and everything
/// that is wrong: after a mistake such as a duplicate key there still is a tree, without the second
/// value.
pub fn parse(text: &str, source: SourceId, limits: Limits) -> (Option<Node>, Vec<Diagnostic>) {
    let (documents, mut diagnostics) = build(text, source, limits, Dialect::Spec);
    let tree = documents.into_iter().next();
    if tree.as_ref().is_none_or(Node::is_null) && diagnostics.is_empty() {
        let start = Span {
            source,
            start: 0,
            end: 0,
        };
        diagnostics.push(
            Diagnostic::error(codes::EMPTY_FILE, start, "the file is empty")
                .help("a spec starts with `version: 1` and `hostname:`"),
        );
        return (None, diagnostics);
    }
    (tree, diagnostics)
}

/// Reads `text` as a stream of documents, which may be empty: returns those that are not, and
/// everything that is wrong. It is read as Kubernetes reads its files: keys that are `<<` merge
/// maps, as in YAML 1.1, and lines in quotes and brackets may be indented by any amount.
pub fn parse_documents(
    text: &str,
    source: SourceId,
    limits: Limits,
) -> (Vec<Node>, Vec<Diagnostic>) {
    let (mut documents, diagnostics) = build(text, source, limits, Dialect::Stream);
    documents.retain(|document| !document.is_null());
    (documents, diagnostics)
}

/// What a text may contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// One document.
    Spec,
    /// Any number of documents.
    Stream,
}

fn build(
    text: &str,
    source: SourceId,
    limits: Limits,
    dialect: Dialect,
) -> (Vec<Node>, Vec<Diagnostic>) {
    if let Some(diagnostic) = control_character(text, source) {
        return (Vec::new(), vec![diagnostic]);
    }
    let mut places = Places::new(text, source);
    loop {
        let (documents, diagnostics, error) = attempt(&places, limits, dialect);
        let mended =
            (error.as_ref()).is_some_and(|error| dialect == Dialect::Stream && places.mend(error));
        if !mended {
            return (documents, diagnostics);
        }
    }
}

/// Returns the documents, everything that is wrong, and the parser's error among that.
fn attempt(
    places: &Places,
    limits: Limits,
    dialect: Dialect,
) -> (Vec<Node>, Vec<Diagnostic>, Option<ScanError>) {
    let mut builder = Builder {
        places,
        limits,
        dialect,
        stack: Vec::new(),
        anchors: HashMap::new(),
        used: Size::default(),
        roots: Vec::new(),
        diagnostics: Vec::new(),
    };
    let (fatal, error) = match builder.run() {
        Ok(()) => return (builder.roots, builder.diagnostics, None),
        Err(Stop::Limit(fatal)) => (fatal, None),
        Err(Stop::Syntax(error)) => (builder.syntax_error(&error), Some(error)),
    };
    builder.diagnostics.push(*fatal);
    (Vec::new(), builder.diagnostics, error)
}

/// The size of a finished value when an alias repeats it.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    values: usize,
    text: usize,
    /// Nesting of lists and maps; 0 for a scalar.
    height: usize,
}

/// A list or map that has not ended yet.
struct Frame {
    start: Span,
    flow: bool,
    anchor: usize,
    /// What was counted before it started.
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
        /// The maps of merge keys: their key is not stored.
        merged: Vec<Entry>,
    },
}

/// Where a map is between key and value.
enum PendingKey {
    /// The next value is a key.
    Next,
    /// The next value belongs to this key.
    Of(Located<Arc<str>>),
    /// The next value belongs to a key that was reported and is dropped.
    Dropped,
    /// The next value is a map, or a list of maps, to merge in.
    Merge,
}

/// What a tag makes of a scalar.
enum Tagged {
    Nothing,
    Text,
    /// A number, a boolean or null, even in quotes.
    Value,
}

struct Builder<'p> {
    places: &'p Places<'p>,
    limits: Limits,
    dialect: Dialect,
    stack: Vec<Frame>,
    /// Finished values with an anchor, by the parser's number.
    anchors: HashMap<usize, (Node, Size)>,
    used: Size,
    /// Whole documents.
    roots: Vec<Node>,
    diagnostics: Vec<Diagnostic>,
}

/// Boxed: every step returns it, but it is rare.
type Fatal = Box<Diagnostic>;

/// Why reading stopped.
enum Stop {
    /// At an error of the parser.
    Syntax(ScanError),
    /// At a limit, or at what would make the rest of the text meaningless.
    Limit(Fatal),
}

impl From<Fatal> for Stop {
    fn from(fatal: Fatal) -> Self {
        Self::Limit(fatal)
    }
}

impl Builder<'_> {
    fn run(&mut self) -> Result<(), Stop> {
        let mut parser = Parser::new_from_str(self.places.text());
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(Stop::Syntax)?;
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    // Anchors do not reach beyond their document (YAML 1.2 §3.2.2.2).
                    self.anchors.clear();
                    if documents > 1 && self.dialect == Dialect::Spec {
                        return Err(Stop::Limit(Box::new(
                            Diagnostic::error(
                                codes::SEVERAL_DOCUMENTS,
                                self.places.of(span),
                                "a second YAML document starts here",
                            )
                            .help("to define several nodes, list them under `nodes:`"),
                        )));
                    }
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let place = self.places.of(span);
                    let tag = self.tag(tag.as_deref(), place);
                    let scalar = Scalar {
                        text: text.into(),
                        plain: match tag {
                            Tagged::Text => false,
                            Tagged::Value => true,
                            Tagged::Nothing => style == ScalarStyle::Plain,
                        },
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
                        merged: Vec::new(),
                    };
                    self.begin(span, anchor, kind)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(span),
                Event::Alias(anchor) => {
                    let place = self.places.of(span);
                    let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                        let why = if documents > 1 {
                            "an alias must repeat a complete value from earlier in the same \
                             document"
                        } else {
                            "an alias cannot be inside the value that it repeats"
                        };
                        return Err(Stop::Limit(Box::new(Diagnostic::error(
                            codes::UNKNOWN_ALIAS,
                            place,
                            why,
                        ))));
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

    /// Returns what a tag makes of its value; reports tags without a meaning here.
    fn tag(&mut self, tag: Option<&Tag>, place: Span) -> Tagged {
        let Some(tag) = tag else {
            return Tagged::Nothing;
        };
        if tag.is_yaml_core_schema() {
            match tag.suffix.as_str() {
                "str" => return Tagged::Text,
                "int" | "float" | "bool" | "null" if self.dialect == Dialect::Stream => {
                    return Tagged::Value;
                }
                "map" | "seq" if self.dialect == Dialect::Stream => return Tagged::Nothing,
                _ => {}
            }
        }
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
            .help("remove the tag; types follow from the keys"),
        );
        Tagged::Nothing
    }

    /// Counts a value, and stops if the text exceeds a limit.
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
                    format!("{what}, after expanding aliases and includes"),
                )
                .help("use fewer aliases, or split the spec"),
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
        let message = format!("nested more than {} levels deep", self.limits.depth);
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
            flow: self.places.text()[at..].starts_with(['[', '{']),
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
            FrameKind::Map {
                mut entries,
                mut seen,
                merged,
                ..
            } => (
                entries.first().map(|entry| entry.key.span.start),
                entries
                    .last()
                    .map(|entry| entry.value.span.end.max(entry.key.span.end)),
                {
                    entries
                        .extend((merged.into_iter()).filter(|e| seen.insert(e.key.value.clone())));
                    Value::Map(entries)
                },
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

    /// Adds a finished value where it belongs.
    fn finish(&mut self, node: Node, size: Size, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(frame) = self.stack.last_mut() else {
            self.roots.push(node);
            return;
        };
        frame.height = frame.height.max(size.height + 1);
        match &mut frame.kind {
            FrameKind::List(items) => items.push(node),
            FrameKind::Map {
                entries,
                seen,
                key,
                merged,
            } => match std::mem::replace(key, PendingKey::Next) {
                PendingKey::Next => {
                    *key = if is_merge_key(&node) {
                        PendingKey::Merge
                    } else {
                        read_key(&node, entries, seen, &mut self.diagnostics)
                    };
                }
                PendingKey::Of(key) => entries.push(Entry { key, value: node }),
                PendingKey::Dropped => {}
                PendingKey::Merge => merge(node, merged, &mut self.diagnostics),
            },
        }
    }
}

#[cfg(test)]
mod tests;
