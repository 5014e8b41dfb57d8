//! Diagnostics for programs: one JSON object per line.

use serde_json::{Map, Value as Json, json};

use super::{Diagnostic, Severity, Sources, Span};

/// Returns one line for each of `diagnostics`, in the given order: `code`, `severity` (`error`,
/// `warning`), `message`, then, if it has a location, `file`, `line`, `column`, `end_line` and
/// `end_column` (from 1, in characters, the end after the last one), `label`, `help`, and
/// `related`, a list of locations with a `message` each.
pub fn json_lines(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut lines = String::new();
    for diagnostic in diagnostics {
        let mut object = Map::new();
        object.insert("code".into(), diagnostic.code.0.into());
        let severity = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        object.insert("severity".into(), severity.into());
        let shown = |text: &str| sources.without_secrets(text, diagnostic.spans());
        object.insert("message".into(), shown(&diagnostic.message).into());
        if let Some(span) = diagnostic.span {
            put_place(&mut object, span, sources);
        }
        object.insert(
            "label".into(),
            json!(diagnostic.label.as_deref().map(shown)),
        );
        object.insert("help".into(), json!(diagnostic.help.as_deref().map(shown)));
        let related = diagnostic.related.iter().map(|(span, words)| {
            let mut object = Map::new();
            object.insert("message".into(), shown(words).into());
            put_place(&mut object, *span, sources);
            Json::Object(object)
        });
        object.insert("related".into(), related.collect());
        lines.push_str(&Json::Object(object).to_string());
        lines.push('\n');
    }
    lines
}

fn put_place(object: &mut Map<String, Json>, span: Span, sources: &Sources) {
    let (line, column) = sources.position(span);
    let (end_line, end_column) = sources.end_position(span);
    let file = sources.path(span.source).display().to_string();
    object.insert("file".into(), file.into());
    object.insert("line".into(), line.into());
    object.insert("column".into(), column.into());
    object.insert("end_line".into(), end_line.into());
    object.insert("end_column".into(), end_column.into());
}
