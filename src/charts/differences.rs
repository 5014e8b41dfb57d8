//! What of a chart is generated anew each time.

use super::documents::{Document, documents, scalar};
use crate::spec::yaml::{Node, Value};

/// Returns where two renderings of the same chart differ, in a few words. A Secret says best what
/// is generated: others may only have a hash of it.
pub(super) fn first_difference(first: &str, second: &str) -> Option<String> {
    if first == second {
        return None;
    }
    let (first, second) = (documents(first), documents(second));
    let differing: Vec<_> = (first.iter().zip(&second))
        .filter(|(a, b)| a.text != b.text)
        .collect();
    let is_secret = |document: &Document| document.title().starts_with("Secret ");
    let chosen = (differing.iter().find(|(a, _)| is_secret(a))).or(differing.first());
    Some(match chosen {
        None => "the number of objects differs".to_owned(),
        Some((a, b)) => {
            let field = match (a.node(), b.node()) {
                (Some(a), Some(b)) => path_of_difference(&a, &b),
                _ => None,
            };
            let field = field.map_or_else(String::new, |field| format!(" in `{field}`"));
            format!("{} of {} differs{field}", a.title(), a.template)
        }
    })
}

/// The path to the first value that differs.
fn path_of_difference(first: &Node, second: &Node) -> Option<String> {
    match (&first.value, &second.value) {
        (Value::Map(first), Value::Map(second)) => {
            for (a, b) in first.iter().zip(second) {
                if a.key.value != b.key.value {
                    return Some(a.key.value.to_string());
                }
                if let Some(below) = path_of_difference(&a.value, &b.value) {
                    return Some(joined(&a.key.value, &below));
                }
            }
            (first.len() != second.len()).then(String::new)
        }
        (Value::List(first), Value::List(second)) => {
            let mut both = first.iter().zip(second).enumerate();
            both.find_map(|(at, (a, b))| {
                let below = path_of_difference(a, b)?;
                Some(joined(&at.to_string(), &below))
            })
            .or_else(|| (first.len() != second.len()).then(String::new))
        }
        _ => (scalar(first) != scalar(second)).then(String::new),
    }
}

fn joined(key: &str, below: &str) -> String {
    if below.is_empty() {
        key.to_owned()
    } else {
        format!("{key}.{below}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_named_before_what_hashes_it() {
        let rendered = |word: &str, hash: &str| {
            format!(
                "---\n# Source: web/templates/a.yaml\nkind: Deployment\nmetadata: {{name: web, annotations: {{sum: {hash}}}}}\n\
                 ---\n# Source: web/templates/b.yaml\nkind: Secret\nmetadata: {{name: web}}\nstringData:\n  user: a\n  password: {word}\n"
            )
        };
        for (second, want) in [
            (rendered("one", "1"), None),
            (
                rendered("two", "2"),
                Some("Secret `web` of web/templates/b.yaml differs in `stringData.password`"),
            ),
            (
                rendered("one", "2"),
                Some(
                    "Deployment `web` of web/templates/a.yaml differs in `metadata.annotations.sum`",
                ),
            ),
            (
                format!("{}---\nkind: More\n", rendered("one", "1")),
                Some("the number of objects differs"),
            ),
        ] {
            assert_eq!(
                first_difference(&rendered("one", "1"), &second).as_deref(),
                want
            );
        }
    }
}
