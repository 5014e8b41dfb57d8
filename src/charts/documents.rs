//! What Helm prints, as documents.

use crate::diagnostic::SourceId;
use crate::spec::MANIFEST_LIMITS;
use crate::spec::yaml::{Node, parse_documents};

/// An object, and the template that it comes from.
#[derive(Debug, Clone)]
pub(super) struct Document<'t> {
    /// As Helm writes it, with the name of the chart: `web/templates/service.yaml`.
    pub template: &'t str,
    /// Its lines, with the comment that says where it comes from.
    pub text: &'t str,
}

impl Document<'_> {
    /// The object; `None` if it cannot be read.
    pub fn node(&self) -> Option<Node> {
        object(self.text)
    }

    /// `Secret web-token`, for a message; the template if it has no name.
    pub fn title(&self) -> String {
        let node = self.node();
        let word = |path: [&str; 2]| {
            let mut node = node.as_ref()?;
            for key in path.iter().filter(|key| !key.is_empty()) {
                node = node.get(key)?;
            }
            scalar(node)
        };
        match (word(["kind", ""]), word(["metadata", "name"])) {
            (Some(kind), Some(name)) => format!("{kind} `{name}`"),
            _ => format!("an object of {}", self.template),
        }
    }
}

/// The one object of a text.
pub(super) fn object(text: &str) -> Option<Node> {
    let (documents, _) = parse_documents(text, SourceId::default(), MANIFEST_LIMITS);
    documents.into_iter().next()
}

/// The text of a scalar.
pub(super) fn scalar(node: &Node) -> Option<String> {
    match &node.value {
        crate::spec::yaml::Value::Scalar(scalar) => Some(scalar.text.to_string()),
        _ => None,
    }
}

/// Splits what Helm printed into its documents, without those that only have comments. Helm writes
/// `---` and `# Source: TEMPLATE` before each object, but a file of definitions may have several,
/// of which only the first has the comment.
pub(super) fn documents(text: &str) -> Vec<Document<'_>> {
    let mut all = Vec::new();
    let mut template = "";
    for part in parts(text) {
        if let Some(source) = part.lines().next().and_then(source_of) {
            template = source;
        }
        let is_empty = |line: &str| line.trim().is_empty() || line.starts_with('#');
        if !part.lines().all(is_empty) {
            all.push(Document {
                template,
                text: part,
            });
        }
    }
    all
}

/// The texts between lines of `---`. No value of YAML can contain such a line.
fn parts(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        let next = at + line.len();
        if line.trim_end() == "---" {
            all.push(&text[start..at]);
            start = next;
        }
        at = next;
    }
    all.push(&text[start..]);
    all
}

fn source_of(line: &str) -> Option<&str> {
    let path = line.strip_prefix("# Source: ")?.trim();
    (path.contains('/') && !path.contains("://")).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_know_their_templates() {
        let text = "---\n# Source: web/crds/all.yaml\nkind: A\n---\n# Source: https://example\nkind: B\n\
                    ---\n# Source: web/templates/c.yaml\n# Nothing.\n---\n# Source: web/templates/d.yaml\n\
                    kind: D\nmetadata: {name: d}\ntext: |\n  ---\n  more\n";
        let found = documents(text);
        let found: Vec<_> = found.iter().map(|it| (it.template, it.title())).collect();
        let untitled = || "an object of web/crds/all.yaml".to_owned();
        assert_eq!(
            found,
            [
                ("web/crds/all.yaml", untitled()),
                ("web/crds/all.yaml", untitled()),
                ("web/templates/d.yaml", "D `d`".to_owned()),
            ]
        );
        assert!(documents("").is_empty());
        assert_eq!(documents("no chart\n").len(), 1);
    }
}
