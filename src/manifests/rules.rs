//! Rules of single types, from the table in `rules.txt`: fields that must not be empty, words,
//! ranges, and fields that exclude each other.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Judge;
use super::range::paragraphs;
use super::read::{at, items, text};
use super::schema::Type;
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::decode::alternatives;
use crate::spec::yaml::{Node, Value};
use crate::text::shown;

/// A rule of a type.
#[derive(Debug)]
enum Rule {
    /// The value at the end of this path is there, and not empty.
    Needed(Vec<&'static str>),
    OneOf(&'static str, Vec<&'static str>),
    ElementsOf(&'static str, Vec<&'static str>),
    Between(&'static str, i64, i64),
    ExactlyOne(Vec<&'static str>),
    AtLeastOne(Vec<&'static str>),
    AtMostOne(Vec<&'static str>),
}

static RULES: LazyLock<HashMap<&'static str, Vec<Rule>>> = LazyLock::new(|| {
    let paragraphs = paragraphs(include_str!("rules.txt")).into_iter();
    paragraphs
        .map(|(name, lines)| {
            let words = lines.into_iter().flat_map(str::split_whitespace);
            (name, words.map(Rule::read).collect())
        })
        .collect()
});

impl Rule {
    /// Reads a word of the table, which is a constant: it panics if the table is wrong.
    fn read(word: &'static str) -> Self {
        if let Some((which, fields)) = word.strip_suffix(')').and_then(|word| word.split_once('('))
        {
            let fields = fields.split(',').collect();
            return match which {
                "one" => Self::ExactlyOne(fields),
                "any" => Self::AtLeastOne(fields),
                "most" => Self::AtMostOne(fields),
                _ => panic!("`{word}` is not a rule"),
            };
        }
        if let Some((field, words)) = word.split_once('=') {
            let words = words.split('|').collect();
            return match field.strip_suffix("[]") {
                Some(list) => Self::ElementsOf(list, words),
                None => Self::OneOf(field, words),
            };
        }
        if let Some((field, range)) = word.split_once(':') {
            let (least, most) = range.split_once("..").expect("a range has two ends");
            let least = least.parse().expect("a range starts with a number");
            let most = if most.is_empty() {
                i64::MAX
            } else {
                most.parse().expect("a range ends with a number")
            };
            return Self::Between(field, least, most);
        }
        let path = word.strip_suffix('!').expect("a rule has a mark");
        Self::Needed(path.split('.').collect())
    }

    /// Returns the fields that it is about.
    fn fields(&self) -> &[&'static str] {
        match self {
            Self::Needed(path) => &path[..1],
            Self::OneOf(field, _) | Self::ElementsOf(field, _) | Self::Between(field, ..) => {
                std::slice::from_ref(field)
            }
            Self::ExactlyOne(fields) | Self::AtLeastOne(fields) | Self::AtMostOne(fields) => fields,
        }
    }
}

impl Judge<'_> {
    /// Reports what breaks the rules of the type `of`. `place` is the location for missing fields.
    pub(super) fn rules(&mut self, node: &Node, place: Span, of: &Type) {
        for rule in RULES.get(of.name).into_iter().flatten() {
            // Versions of a type may lack some fields.
            let has = |name: &&str| of.fields.iter().any(|field| field.name == *name);
            if rule.fields().iter().all(has) {
                self.rule(node, place, of, rule);
            }
        }
    }

    fn rule(&mut self, node: &Node, place: Span, of: &Type, rule: &Rule) {
        match rule {
            Rule::Needed(path) => self.needed(node, place, of, path),
            Rule::OneOf(field, words) => self.one_of(node, field, words),
            Rule::ElementsOf(field, words) => {
                for item in items(node, &[field]) {
                    if text(item).is_some_and(|word| !words.contains(&word)) {
                        let word = shown(text(item).unwrap_or_default());
                        self.found.push(
                            Diagnostic::error(
                                codes::BAD_FIELD_VALUE,
                                item.span,
                                format!("`{word}` is not valid in `{field}`"),
                            )
                            .label(format!("expected {}", alternatives(words))),
                        );
                    }
                }
            }
            Rule::Between(field, least, most) => self.between(node, field, *least, *most),
            Rule::ExactlyOne(fields) => self.exactly_one(node, fields, of.name),
            Rule::AtMostOne(fields) => self.at_most_one(node, fields),
            Rule::AtLeastOne(fields) => {
                if fields
                    .iter()
                    .all(|field| at(node, &[field]).is_none_or(is_empty))
                {
                    self.found.push(
                        Diagnostic::error(
                            codes::MISSING_FIELD,
                            place,
                            format!("{} requires {}", of.name, alternatives(fields)),
                        )
                        .help(format!("add `{}:`", fields[0])),
                    );
                }
            }
        }
    }

    fn needed(&mut self, node: &Node, place: Span, of: &Type, path: &[&str]) {
        match at(node, path) {
            // The type reports the first field itself if it requires it.
            None if at(node, &path[..1]).is_none()
                && of
                    .fields
                    .iter()
                    .any(|field| field.required && field.name == path[0]) => {}
            None => self.missing(place, of.name, &path.join(".")),
            Some(value) if is_empty(value) => {
                self.value_error(value.span, format!("`{}` is empty", path.join(".")));
            }
            Some(_) => {}
        }
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(_) => text(node) == Some(""),
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::schema;

    #[test]
    fn rules_are_about_types_and_fields_that_exist() {
        for (name, rules) in RULES.iter() {
            for rule in rules {
                let known = schema::all().any(|of| {
                    let has = |field: &&str| of.fields.iter().any(|there| there.name == *field);
                    of.name == *name && rule.fields().iter().all(has)
                });
                assert!(known, "no {name} has {:?}", rule.fields());
            }
        }
    }
}
