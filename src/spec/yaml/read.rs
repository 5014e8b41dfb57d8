//! Builds the tree from the parser's events, under limits.

mod places;
mod syntax;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use places::{Places, control_character};

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

/// Reads `text`, which is kept as `source`. Gives the tree where there is one, and everything that
/// is wrong: after a mistake of the kind of a duplicate key the tree is there all the same, without
/// the second value.
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
            Diagnostic::error(codes::EMPTY_FILE, start, "the file holds no value")
                .help("a spec starts with `version: 1` and `hostname:`"),
        );
        return (None, diagnostics);
    }
    (tree, diagnostics)
}

/// Reads `text` as a stream of documents, which may be none: those that are not empty, and
/// everything that is wrong. Keys that are `<<` merge maps in, as in YAML 1.1 and as Kubernetes
/// reads its files.
pub fn parse_documents(
    text: &str,
    source: SourceId,
    limits: Limits,
) -> (Vec<Node>, Vec<Diagnostic>) {
    let (mut documents, diagnostics) = build(text, source, limits, Dialect::Stream);
    documents.retain(|document| !document.is_null());
    (documents, diagnostics)
}

/// What a text may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// One document without merge keys.
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
    let places = Places::new(text, source);
    if let Some(diagnostic) = control_character(text, source) {
        return (Vec::new(), vec![diagnostic]);
    }
    let mut builder = Builder {
        places: &places,
        limits,
        dialect,
        stack: Vec::new(),
        anchors: HashMap::new(),
        used: Size::default(),
        roots: Vec::new(),
        diagnostics: Vec::new(),
    };
    if let Err(fatal) = builder.run() {
        builder.diagnostics.push(*fatal);
        builder.roots.clear();
    }
    (builder.roots, builder.diagnostics)
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
        /// Of maps that are merged in: those whose key is not written.
        merged: Vec<Entry>,
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
    /// The next value is a map, or a list of maps, to merge in.
    Merge,
}

struct Builder<'p> {
    places: &'p Places<'p>,
    limits: Limits,
    dialect: Dialect,
    stack: Vec<Frame>,
    /// Finished values that were marked with `&name`, by the parser's number.
    anchors: HashMap<usize, (Node, Size)>,
    used: Size,
    /// Whole documents.
    roots: Vec<Node>,
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
                    // Names of values do not reach beyond their document (YAML 1.2 §3.2.2.2).
                    self.anchors.clear();
                    if documents > 1 && self.dialect == Dialect::Spec {
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
                        merged: Vec::new(),
                    };
                    self.begin(span, anchor, kind)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(span),
                Event::Alias(anchor) => {
                    let place = self.places.of(span);
                    let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                        let why = if documents > 1 {
                            "an alias repeats a value of its own document that is complete before it"
                        } else {
                            "an alias stands inside the value that it repeats"
                        };
                        return Err(Box::new(Diagnostic::error(
                            codes::UNKNOWN_ALIAS,
                            place,
                            why,
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

    /// Puts a finished value where it belongs.
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
                    *key = if self.dialect == Dialect::Stream && is_merge_key(&node) {
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

/// Whether a map's key asks for another map to be merged in.
fn is_merge_key(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.plain && &*scalar.text == "<<")
}

/// Adds the entries of the map, or the maps of the list, that a merge key has.
fn merge(node: Node, merged: &mut Vec<Entry>, diagnostics: &mut Vec<Diagnostic>) {
    match node.value {
        Value::Map(entries) => merged.extend(entries),
        Value::List(items) if items.iter().all(|i| matches!(i.value, Value::Map(_))) => {
            for item in items {
                merge(item, merged, diagnostics);
            }
        }
        _ => diagnostics.push(Diagnostic::error(
            codes::MERGE_KEY,
            node.span,
            format!("only maps can be merged in, not {}", node.describe()),
        )),
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
    if is_merge_key(node) {
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
            format!("the key `{}` is written twice", crate::text::shown(&key)),
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
