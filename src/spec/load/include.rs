//! `include:`: the tree of a file merged over those of other files.

use std::path::{Path, PathBuf};

use super::folder::{Project, SPEC_BYTES_MAX, read_bounded, reason, unreadable};
use crate::diagnostic::{Diagnostic, Located, Sources, Span, codes};
use crate::spec::decode::{Decode, Decoder, OneOrMany};
use crate::spec::merge::merge;
use crate::spec::values::LocalFile;
use crate::spec::yaml::{Entry, Limits, Node, Value, parse};

/// Maximum nesting of includes.
const INCLUDE_DEPTH_MAX: usize = 16;

/// Maximum number of included files, each counted as often as it is included.
const INCLUDES_MAX: usize = 1000;

/// Reads a spec and what it includes.
#[derive(Debug)]
pub struct Includes<'a> {
    project: &'a Project,
    sources: &'a mut Sources,
    diagnostics: &'a mut Vec<Diagnostic>,
    /// What the remaining files may contain; all files together have the limits of one file.
    left: Limits,
    /// The files that are being read, the outermost first, each with the value that refers to it.
    open: Vec<(PathBuf, Option<Span>)>,
    /// Files included so far.
    included: usize,
}

impl<'a> Includes<'a> {
    pub fn new(
        project: &'a Project,
        sources: &'a mut Sources,
        diagnostics: &'a mut Vec<Diagnostic>,
    ) -> Self {
        Self {
            project,
            sources,
            diagnostics,
            left: Limits::default(),
            open: Vec::new(),
            included: 0,
        }
    }

    /// Returns the whole tree of the spec at `path`.
    pub fn tree_of(mut self, path: &Path) -> Option<Node> {
        match std::fs::canonicalize(path) {
            Ok(real) => self.file(path, real, None),
            Err(error) => {
                self.diagnostics
                    .push(unreadable(None, path, &reason(&error)));
                None
            }
        }
    }

    fn file(&mut self, path: &Path, real: PathBuf, span: Option<Span>) -> Option<Node> {
        let bytes = match read_bounded(path, SPEC_BYTES_MAX, span) {
            Ok(bytes) => bytes,
            Err(diagnostic) => {
                self.diagnostics.push(*diagnostic);
                return None;
            }
        };
        let text = match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                let byte = error.as_bytes()[at];
                // Kept with replacement characters, so that the location can be shown.
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                let source = self.sources.add(path, text);
                let start = u32::try_from(at).unwrap_or(u32::MAX);
                let place = Span {
                    source,
                    start,
                    end: start,
                };
                self.diagnostics.push(
                    Diagnostic::error(
                        codes::NOT_UTF8,
                        place,
                        format!("the file is not UTF-8: byte 0x{byte:02x} at offset {at}"),
                    )
                    .help("convert it, for example with `iconv -t UTF-8`"),
                );
                return None;
            }
        };
        let source = self.sources.add(path, text.as_str());
        let (tree, diagnostics) = parse(&text, source, self.left);
        self.diagnostics.extend(diagnostics);
        let tree = tree?;
        self.left.values = self.left.values.saturating_sub(tree.count());
        self.left.text = self.left.text.saturating_sub(text.len());
        self.open.push((real, span));
        let tree = self.expand(tree, path);
        self.open.pop();
        Some(tree)
    }

    /// Merges `tree`, read from `path`, over what it includes, and likewise each of its nodes.
    fn expand(&mut self, mut tree: Node, path: &Path) -> Node {
        if let Value::Map(entries) = &mut tree.value {
            for entry in entries {
                if let ("nodes", Value::List(nodes)) = (&*entry.key.value, &mut entry.value.value) {
                    for node in nodes {
                        let whole = std::mem::replace(
                            node,
                            Node {
                                span: node.span,
                                value: Value::List(Vec::new()),
                            },
                        );
                        *node = self.with_included(whole, path);
                    }
                }
            }
        }
        self.with_included(tree, path)
    }

    fn with_included(&mut self, mut tree: Node, path: &Path) -> Node {
        let Some(include) = take(&mut tree, "include") else {
            return tree;
        };
        let mut decoder = Decoder::default();
        let paths = if include.value.is_null() {
            decoder.diagnostics.push(Diagnostic::error(
                codes::NO_VALUE,
                include.key.span,
                "`include` has no value",
            ));
            None
        } else {
            OneOrMany::<Located<LocalFile>>::decode(&include.value, &mut decoder)
        };
        self.diagnostics.extend(decoder.diagnostics);
        let mut base: Option<Node> = None;
        for included in paths.iter().flatten() {
            if let Some(tree) = self.included(included, path) {
                base = Some(match base {
                    None => tree,
                    Some(base) => merge(&base, tree),
                });
            }
        }
        match base {
            None => tree,
            Some(base) => merge(&base, tree),
        }
    }

    /// Returns the tree of a file that the file at `from` includes.
    fn included(&mut self, named: &Located<LocalFile>, from: &Path) -> Option<Node> {
        let path = from
            .parent()
            .unwrap_or(Path::new(""))
            .join(named.value.as_str());
        let real = match self.project.resolve(&path, named.span) {
            Ok(real) => real,
            Err(diagnostic) => {
                self.diagnostics.push(*diagnostic);
                return None;
            }
        };
        if let Some(at) = self.open.iter().position(|(open, _)| *open == real) {
            let mut diagnostic = Diagnostic::error(
                codes::INCLUDE_CYCLE,
                named.span,
                format!("`{}` includes itself", path.display()),
            );
            for (_, place) in &self.open[at + 1..] {
                if let Some(place) = place {
                    diagnostic = diagnostic.related(*place, "included from here");
                }
            }
            self.diagnostics
                .push(diagnostic.help("remove one of the includes"));
            return None;
        }
        if self.open.len() > INCLUDE_DEPTH_MAX {
            self.diagnostics.push(Diagnostic::error(
                codes::INCLUDE_DEPTH,
                named.span,
                format!("includes are nested more than {INCLUDE_DEPTH_MAX} levels deep"),
            ));
            return None;
        }
        self.included += 1;
        if self.included > INCLUDES_MAX {
            // Reported once, no matter how many more there would be.
            if self.included == INCLUDES_MAX + 1 {
                self.diagnostics.push(Diagnostic::error(
                    codes::TOO_MANY_VALUES,
                    named.span,
                    format!("more than {INCLUDES_MAX} includes"),
                ));
            }
            return None;
        }
        let tree = self.file(&path, real, Some(named.span))?;
        if let Value::Map(_) = &tree.value {
            return Some(tree);
        }
        let mut decoder = Decoder::default();
        decoder.wrong_type(&tree, "a map (a part of a spec)");
        self.diagnostics.extend(decoder.diagnostics);
        None
    }
}

/// Removes `key` from a map.
fn take(tree: &mut Node, key: &str) -> Option<Entry> {
    let Value::Map(entries) = &mut tree.value else {
        return None;
    };
    let at = entries.iter().position(|entry| &*entry.key.value == key)?;
    Some(entries.remove(at))
}
