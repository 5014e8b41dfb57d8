//! Builds the tree from the parser's events, within limits.

mod places;
mod syntax;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

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
/// everything that is wrong. Keys that are `<<` merge maps, as in YAML 1.1 and as Kubernetes reads
/// its files.
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

impl Builder<'_> {
    fn run(&mut self) -> Result<(), Fatal> {
        let mut parser = Parser::new_from_str(self.places.text);
        let mut documents = 0;
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| self.syntax_error(&error))?;
            match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    // Anchors do not reach beyond their document (YAML 1.2 §3.2.2.2).
                    self.anchors.clear();
                    if documents > 1 && self.dialect == Dialect::Spec {
                        return Err(Box::new(
                            Diagnostic::error(
                                codes::SEVERAL_DOCUMENTS,
                                self.places.of(span),
                                "a second YAML document starts here",
                            )
                            .help("to define several nodes, list them under `nodes:`"),
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
                            "an alias must repeat a complete value from earlier in the same \
                             document"
                        } else {
                            "an alias cannot be inside the value that it repeats"
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

    /// Returns whether the value is tagged as text; reports any other tag.
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
                .help("remove the tag; types follow from the keys"),
            );
        }
        text
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

/// Returns whether a map's key merges another map.
fn is_merge_key(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.plain && &*scalar.text == "<<")
}

/// Adds the entries of the map, or of the list of maps, of a merge key.
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
            format!("expected a map to merge, got {}", node.describe()),
        )),
    }
}

/// Reads `node` as a key of a map with `entries`, and reports why it cannot be one.
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
                format!("expected text as the key, got {}", node.describe()),
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
            .help("share settings with `include:`, or at the top level next to `nodes:`"),
        );
        return PendingKey::Dropped;
    }
    let key = Located::new(text.text.clone(), node.span);
    if !seen.insert(key.value.clone()) {
        let mut diagnostic = Diagnostic::error(
            codes::DUPLICATE_KEY,
            node.span,
            format!("key `{}` is defined twice", crate::text::shown(&key)),
        );
        if let Some(first) = entries.iter().find(|entry| entry.key.value == key.value) {
            diagnostic = diagnostic.related(first.key.span, "first occurrence");
        }
        diagnostics.push(diagnostic);
        return PendingKey::Dropped;
    }
    PendingKey::Of(key)
}

#[cfg(test)]
mod tests;
