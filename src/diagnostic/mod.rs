//! Mistakes in an input, and their locations: a value that every room can create and only `cli`
//! prints.

pub mod codes;
mod hidden;
mod json;
mod render;
mod visible;
pub mod within;

use std::collections::HashSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub use json::json_lines;
pub use render::{Rendering, render, render_all, summary};
pub use visible::{safe, visible};

/// One of the files that were read, by its index in [`Sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SourceId(pub u32);

/// A range of bytes in one source. `start == end` marks a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    pub source: SourceId,
    pub start: u32,
    pub end: u32,
}

/// The texts that were read, kept so that a [`Span`] can be shown as file, line and column.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<Source>,
}

#[derive(Debug, Clone)]
struct Source {
    path: PathBuf,
    text: Arc<str>,
    /// The start of each line, in bytes.
    lines: Arc<[usize]>,
    /// What is not shown of it, once somebody asked for that.
    hidden: OnceLock<Vec<Range<usize>>>,
}

impl Sources {
    /// Stores `text`, which was read from `path`, and returns its identifier for spans.
    pub fn add(&mut self, path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> SourceId {
        let id = SourceId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        let text = text.into();
        let lines = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        self.files.push(Source {
            path: path.into(),
            text,
            lines,
            hidden: OnceLock::new(),
        });
        id
    }

    /// Returns the path that `source` was read from, as the user wrote it.
    pub fn path(&self, source: SourceId) -> &Path {
        self.files
            .get(source.0 as usize)
            .map_or(Path::new("<unknown>"), |file| &file.path)
    }

    /// Returns the paths of all texts.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| file.path.as_path())
    }

    /// Returns the whole text of `source`.
    pub fn text(&self, source: SourceId) -> &str {
        self.files
            .get(source.0 as usize)
            .map_or("", |file| &file.text)
    }

    /// Returns line and column of the start of `span`, both from 1; columns count characters, not
    /// bytes.
    pub fn position(&self, span: Span) -> (usize, usize) {
        self.position_at(span.source, span.start as usize)
    }

    /// Returns line and column right after `span`.
    pub fn end_position(&self, span: Span) -> (usize, usize) {
        self.position_at(span.source, span.end.max(span.start) as usize)
    }

    fn position_at(&self, source: SourceId, byte: usize) -> (usize, usize) {
        let text = self.text(source);
        let at = floor_boundary(text, byte);
        let (line, start) = self.line_at(source, at);
        // A byte order mark has no width.
        let before = text[start..at].trim_start_matches('\u{feff}');
        (line, before.chars().count() + 1)
    }

    /// Returns the number of the line that contains the byte at `at`, from 1, and where the line
    /// starts.
    fn line_at(&self, source: SourceId, at: usize) -> (usize, usize) {
        let Some(file) = self.files.get(source.0 as usize) else {
            return (1, 0);
        };
        let line = file.lines.partition_point(|&start| start <= at).max(1);
        (line, file.lines.get(line - 1).copied().unwrap_or(0))
    }

    /// Returns the text of a line (from 1), without its end; `None` after the last.
    fn line(&self, source: SourceId, line: usize) -> Option<&str> {
        let file = self.files.get(source.0 as usize)?;
        let start = *file.lines.get(line.checked_sub(1)?)?;
        let end = file.lines.get(line).copied().unwrap_or(file.text.len());
        Some(file.text[start..end].trim_end_matches(['\n', '\r']))
    }

    /// Returns the secrets in a line (from 1), as ranges of its bytes.
    fn hidden_in(&self, source: SourceId, line: usize) -> Vec<Range<usize>> {
        let Some(file) = self.files.get(source.0 as usize) else {
            return Vec::new();
        };
        let Some(&start) = line.checked_sub(1).and_then(|line| file.lines.get(line)) else {
            return Vec::new();
        };
        let length = self.line(source, line).map_or(0, str::len);
        let all = file.hidden.get_or_init(|| hidden::secrets(&file.text));
        let first = all.partition_point(|range| range.end <= start);
        let within = all[first..]
            .iter()
            .take_while(|range| range.start < start + length);
        within
            .map(|range| range.start.max(start) - start..(range.end - start).min(length))
            .collect()
    }

    /// Returns `text`, which is said of the lines of `spans`, without the secrets in these.
    fn without_secrets(&self, text: &str, spans: impl Iterator<Item = Span>) -> String {
        let mut masked = hidden::masked(text, &hidden::by_form(text));
        for span in spans {
            let (line, _) = self.position(span);
            let shown = self.line(span.source, line).unwrap_or_default();
            for secret in self.hidden_in(span.source, line) {
                let secret = shown[secret].trim();
                if secret.len() >= LEAST_SECRET {
                    masked = masked.replace(secret, hidden::MASK);
                } else if !secret.is_empty() {
                    let quoted = format!("`{secret}`");
                    masked = masked.replace(&quoted, &format!("`{}`", hidden::MASK));
                }
                // A message has the beginning of a long value.
                if let Some((at, _)) = secret.char_indices().nth(BEGINNING) {
                    masked = masked.replace(&secret[..at], hidden::MASK);
                }
            }
        }
        masked
    }

    /// Returns `node.yaml:12:5`, as compilers write it.
    pub fn place(&self, span: Span) -> String {
        let (line, column) = self.position(span);
        format!("{}:{line}:{column}", self.path(span.source).display())
    }
}

/// The shortest secret, in bytes, that is looked for in a message's words: a shorter one may be a
/// part of any of them, and is hidden where it is quoted.
const LEAST_SECRET: usize = 4;

/// How many characters of a secret are looked for where the whole is not in a message.
const BEGINNING: usize = 16;

/// Returns the last start of a character that is not after `at`.
fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A value together with its location in the spec.
#[derive(Debug, Clone, Copy)]
pub struct Located<T> {
    pub value: T,
    pub span: Span,
}

impl<T> Located<T> {
    /// Creates a value found at `span`.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// Returns another value at the same location.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Located<U> {
        Located {
            value: f(self.value),
            span: self.span,
        }
    }

    /// Returns a reference to the value with its location.
    pub fn as_ref(&self) -> Located<&T> {
        Located {
            value: &self.value,
            span: self.span,
        }
    }
}

impl<T> std::ops::Deref for Located<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Equal if the values are, no matter where they were written.
impl<T: PartialEq> PartialEq for Located<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Located<T> {}

/// Whether a diagnostic stops the build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The build stops.
    Error,
    /// The build continues.
    Warning,
}

/// A stable identifier of a kind of diagnostic: `E0123` or `W0042`, explained by `imgbuild
/// explain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub &'static str);

/// One error or warning about the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    pub severity: Severity,
    /// The location; `None` if it concerns the input as a whole.
    pub span: Option<Span>,
    /// What is wrong, in one line without a final period.
    pub message: String,
    /// A few words under the marked text.
    pub label: Option<String>,
    /// Other relevant locations, each with a few words.
    pub related: Vec<(Span, String)>,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Creates an error at `span`.
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            span: Some(span),
            message: message.into(),
            label: None,
            related: Vec::new(),
            help: None,
        }
    }

    /// Creates a warning at `span`.
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, span, message)
        }
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a few words under the marked text.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Returns where it points to.
    fn spans(&self) -> impl Iterator<Item = Span> {
        let related = self.related.iter().map(|(span, _)| *span);
        self.span.into_iter().chain(related)
    }

    /// Adds another relevant location.
    #[must_use]
    pub fn related(mut self, span: Span, words: impl Into<String>) -> Self {
        self.related.push((span, words.into()));
        self
    }
}

/// `diagnostics` by location: those without one first, then by file in the order of reading, then
/// by line and column; at one location errors before warnings. What several nodes share is said for
/// each of them and kept once.
pub fn in_order(mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by_key(|diagnostic| (diagnostic.span, diagnostic.severity, diagnostic.code));
    let mut seen = HashSet::new();
    diagnostics.retain(|diagnostic| {
        let (message, label) = (diagnostic.message.clone(), diagnostic.label.clone());
        seen.insert((diagnostic.code, diagnostic.span, message, label))
    });
    diagnostics
}
