//! Diagnostics for people, in the style of rustc.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::hidden::MASK;
use super::visible::{is_control, visible};
use super::{Diagnostic, Severity, SourceId, Sources, Span, floor_boundary};

/// Lines shown before and after a marked one.
const AROUND: usize = 2;

/// Maximum length of a shown line, in bytes; longer ones are only named.
const LINE_MAX: usize = 2000;

/// Maximum number of diagnostics shown at once; no one reads more.
const SHOWN_MAX: usize = 100;

/// How diagnostics are shown.
#[derive(Debug, Clone, Copy)]
pub struct Rendering {
    /// With escape sequences for a terminal's colors.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
}

impl Default for Rendering {
    fn default() -> Self {
        Self {
            color: false,
            width: 120,
        }
    }
}

/// Returns the text of `diagnostics`, each followed by an empty line. If there are too many, only
/// the first are shown, errors before warnings.
pub fn render_all(diagnostics: &[Diagnostic], sources: &Sources, rendering: Rendering) -> String {
    let mut shown: Vec<&Diagnostic> = diagnostics.iter().collect();
    if shown.len() > SHOWN_MAX {
        shown.sort_by_key(|diagnostic| diagnostic.severity);
        shown.truncate(SHOWN_MAX);
    }
    let mut text = String::new();
    for diagnostic in &shown {
        text.push_str(&render(diagnostic, sources, rendering));
        text.push_str("\n\n");
    }
    if shown.len() < diagnostics.len() {
        text.push_str("Only the first ");
        text.push_str(&shown.len().to_string());
        text.push_str(" are shown; `--message-format json` shows all.\n\n");
    }
    text
}

/// Returns the text of one diagnostic, with the lines of its source, without a final line feed.
pub fn render(diagnostic: &Diagnostic, sources: &Sources, rendering: Rendering) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let words = |text: &str| visible(&sources.without_secrets(text, diagnostic.spans()));
    let title = level
        .primary_title(words(&diagnostic.message))
        .id(diagnostic.code.0);
    let mut group = Group::with_title(title);
    let windows = windows(diagnostic, sources);
    for window in &windows {
        group = group.element(window.element(sources, &words));
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(words(help)));
    }
    let renderer = if rendering.color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.term_width(rendering.width).render(&[group])
}

/// Returns `2 errors and 1 warning`; empty if there are none.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .count();
    let counted = |number: usize, noun: &str| match number {
        0 => None,
        1 => Some(format!("1 {noun}")),
        more => Some(format!("{more} {noun}s")),
    };
    let parts = [
        counted(errors, "error"),
        counted(diagnostics.len() - errors, "warning"),
    ];
    parts
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" and ")
}

/// A line of a source as it is shown: without secrets, and without what could affect the terminal.
struct ShownLine {
    text: String,
    /// Where parts of the line were replaced, and by how many bytes.
    replaced: Vec<(Range<usize>, usize)>,
}

impl ShownLine {
    fn new(line: &str, source: SourceId, number: usize, sources: &Sources) -> Self {
        let mut replaced: Vec<(Range<usize>, &str)> = sources
            .hidden_in(source, number)
            .into_iter()
            .map(|range| (range, MASK))
            .collect();
        // The renderer shows those of ASCII itself.
        let controls = line.char_indices();
        let controls = controls.filter(|(_, c)| !c.is_ascii() && is_control(*c));
        let secrets = replaced.len();
        for (at, c) in controls {
            if !replaced[..secrets]
                .iter()
                .any(|(secret, _)| secret.contains(&at))
            {
                replaced.push((at..at + c.len_utf8(), "\u{fffd}"));
            }
        }
        replaced.sort_by_key(|(range, _)| range.start);
        let mut text = String::new();
        let mut end = 0;
        for (range, by) in &replaced {
            text.push_str(&line[end..range.start]);
            text.push_str(by);
            end = range.end;
        }
        text.push_str(&line[end..]);
        let replaced = replaced.into_iter();
        Self {
            text,
            replaced: replaced.map(|(range, by)| (range, by.len())).collect(),
        }
    }

    /// Where the byte at `at` of the line is; the end of what replaced it.
    fn place(&self, at: usize, is_end: bool) -> usize {
        let mut place = at;
        for (range, length) in &self.replaced {
            if range.end <= at {
                place = place + length - range.len();
            } else if range.start < at || (range.start == at && is_end) {
                let before = at - range.start;
                place = place - before + if is_end && before > 0 { *length } else { 0 };
            }
        }
        place
    }
}

/// A mark on one line: bytes of the line.
struct Mark<'d> {
    line: usize,
    bytes: Range<usize>,
    /// The same in the line as it is shown.
    shown: Range<usize>,
    primary: bool,
    label: Option<&'d str>,
}

/// Adjacent lines of one source with their marks.
struct Window<'d> {
    source: SourceId,
    first: usize,
    /// With single line feeds as line ends.
    text: String,
    /// The start of each line in `text`.
    starts: Vec<usize>,
    marks: Vec<Mark<'d>>,
    /// Line and column of the first mark, if the lines are too long to show.
    named: Option<(usize, usize)>,
}

/// Returns the windows that a diagnostic needs, the one with its own location first.
fn windows<'d>(diagnostic: &'d Diagnostic, sources: &Sources) -> Vec<Window<'d>> {
    let Some(span) = diagnostic.span else {
        return Vec::new();
    };
    let mut marks = vec![(
        span.source,
        mark(span, sources, diagnostic.label.as_deref(), true),
    )];
    for (span, words) in &diagnostic.related {
        marks.push((span.source, mark(*span, sources, Some(words), false)));
    }
    let mut groups: Vec<(SourceId, Vec<Mark>)> = Vec::new();
    for (source, mark) in marks {
        let near = groups.iter_mut().find(|(other, marks)| {
            *other == source
                && marks
                    .iter()
                    .any(|other| other.line.abs_diff(mark.line) <= 2 * AROUND + 1)
        });
        match near {
            Some((_, marks)) => marks.push(mark),
            None => groups.push((source, vec![mark])),
        }
    }
    groups
        .into_iter()
        .map(|(source, marks)| Window::new(source, marks, sources))
        .collect()
}

/// Returns the part of `span` on its first line.
fn mark<'d>(span: Span, sources: &Sources, label: Option<&'d str>, primary: bool) -> Mark<'d> {
    let text = sources.text(span.source);
    let start = floor_boundary(text, span.start as usize);
    let (line, line_start) = sources.line_at(span.source, start);
    let length = sources.line(span.source, line).map_or(0, str::len);
    let end = floor_boundary(text, span.end as usize);
    let from = (start - line_start).min(length);
    let bytes = from..(end.max(start) - line_start).clamp(from, length.max(from));
    Mark {
        line,
        shown: bytes.clone(),
        bytes,
        primary,
        label,
    }
}

impl<'d> Window<'d> {
    fn new(source: SourceId, mut marks: Vec<Mark<'d>>, sources: &Sources) -> Self {
        let least = marks.iter().map(|mark| mark.line).min().unwrap_or(1);
        let most = marks.iter().map(|mark| mark.line).max().unwrap_or(1);
        let first = least.saturating_sub(AROUND).max(1);
        let mut text = String::new();
        let mut starts = Vec::new();
        let mut too_long = false;
        for number in first..=most + AROUND {
            // What follows the last line feed counts as a line only if it is marked.
            let line = match sources.line(source, number) {
                Some(line)
                    if !line.is_empty()
                        || number <= most
                        || sources.line(source, number + 1).is_some() =>
                {
                    line
                }
                _ => break,
            };
            too_long |= line.len() > LINE_MAX;
            starts.push(text.len());
            let shown = ShownLine::new(line, source, number, sources);
            for mark in marks.iter_mut().filter(|mark| mark.line == number) {
                let (start, end) = (mark.bytes.start, mark.bytes.end);
                mark.shown = shown.place(start, false)..shown.place(end, start < end);
            }
            text.push_str(&shown.text);
            text.push('\n');
        }
        let named = too_long.then(|| {
            let mark = &marks[0];
            let line = sources.line(source, mark.line).unwrap_or("");
            (mark.line, line[..mark.bytes.start].chars().count() + 1)
        });
        Self {
            source,
            first,
            text,
            starts,
            marks,
            named,
        }
    }

    fn element(&self, sources: &Sources, words: &dyn Fn(&str) -> String) -> Element<'_> {
        let path = visible(&sources.path(self.source).display().to_string());
        if let Some((line, column)) = self.named {
            return Origin::path(path).line(line).char_column(column).into();
        }
        let mut snippet = Snippet::source(self.text.as_str())
            .path(path)
            .line_start(self.first)
            .fold(false);
        for mark in &self.marks {
            let start = self
                .starts
                .get(mark.line - self.first)
                .copied()
                .unwrap_or(0);
            let kind = if mark.primary {
                AnnotationKind::Primary
            } else {
                AnnotationKind::Context
            };
            let mut annotation = kind.span(start + mark.shown.start..start + mark.shown.end);
            if let Some(label) = mark.label {
                annotation = annotation.label(words(label));
            }
            snippet = snippet.annotation(annotation);
        }
        snippet.into()
    }
}

#[cfg(test)]
mod tests {
    use super::super::codes;
    use super::*;

    fn shown(
        text: &str,
        marked: &str,
        change: impl Fn(Diagnostic, &Sources) -> Diagnostic,
    ) -> String {
        let mut sources = Sources::default();
        let source = sources.add("lab/node.yaml", text);
        let start = u32::try_from(text.find(marked).expect("marked text")).expect("short");
        let span = Span {
            source,
            start,
            end: start + u32::try_from(marked.len()).expect("short"),
        };
        let diagnostic =
            Diagnostic::error(codes::UNKNOWN_KEY, span, "unknown key `user` in a node");
        render(
            &change(diagnostic, &sources),
            &sources,
            Rendering::default(),
        )
    }

    #[test]
    fn plain() {
        let text = "version: 1\nhostname: kube1\nuser: []\netcd: {}\nstorage: {}\nsystemd: {}\n";
        insta::assert_snapshot!(shown(text, "user", |d, _| d
            .label("not known")
            .help("did you mean `users`?")));
    }

    #[test]
    fn related_far_and_near() {
        let text = "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\nf: 6\ng: 7\nh: 8\ni: 9\n";
        let span = |at: u32| Span {
            source: SourceId(0),
            start: at,
            end: at + 1,
        };
        insta::assert_snapshot!(shown(text, "a", |d, _| d
            .related(span(5), "near")
            .related(span(40), "far")));
    }

    #[test]
    fn very_many() {
        let point = Span::default();
        let mut many = vec![Diagnostic::warning(codes::UNKNOWN_KEY, point, "doubtful")];
        many.resize(200, Diagnostic::error(codes::UNKNOWN_KEY, point, "wrong"));
        let mut sources = Sources::default();
        sources.add("node.yaml", "a: 1\n");
        let text = render_all(&many, &sources, Rendering::default());
        assert_eq!(text.matches("error[E0100]: wrong").count(), SHOWN_MAX);
        assert_eq!(text.matches("doubtful").count(), 0);
        assert!(
            text.ends_with("Only the first 100 are shown; `--message-format json` shows all.\n\n")
        );
        assert_eq!(summary(&many), "199 errors and 1 warning");
    }

    #[test]
    fn odd_text() {
        let text = "ä: \"ö\"\r\n\tx: \u{1b}[31m\r\n";
        insta::assert_snapshot!(shown(text, "x", |d, _| d));
    }

    #[test]
    fn long_line() {
        let text = format!("a: 1\nb: [{} x]\n", "c, ".repeat(1000));
        insta::assert_snapshot!(shown(&text, "x", |d, _| d.help("shorter")));
    }

    #[test]
    fn several_lines_are_marked_on_the_first() {
        insta::assert_snapshot!(shown("a: [1,\n  2]\nb: c\n", "[1,\n  2]", |d, _| d.label("here")));
    }
}
