//! The fields of all kinds of Kubernetes: names, types and versions, from the table in
//! `objects.txt`.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::range::{Range, paragraphs};

/// The whole table.
#[derive(Debug)]
pub(super) struct Schema {
    /// Types of whole objects, by `apiVersion` and `kind`.
    kinds: HashMap<(&'static str, &'static str), usize>,
    types: Vec<Type>,
    /// The type of `metadata`, which objects of all kinds have.
    metadata: usize,
}

/// A type with fields.
#[derive(Debug)]
pub(super) struct Type {
    /// As Kubernetes calls it: `PodSpec`.
    pub name: &'static str,
    /// It is an object of its own, with `apiVersion` and `kind`, wherever it stands.
    pub whole: bool,
    pub fields: Vec<Field>,
}

/// A field of a [`Type`].
#[derive(Debug)]
pub(super) struct Field {
    pub name: &'static str,
    pub required: bool,
    pub shape: Shape,
    pub range: Range,
}

/// The shape of a value.
#[derive(Debug)]
pub(super) enum Shape {
    Text,
    /// A time of RFC 3339, as text.
    Time,
    /// Text in base64.
    Bytes,
    Boolean,
    Integer,
    Number,
    Quantity,
    /// A whole number, or text (a port's name, a percentage).
    IntegerOrText,
    Anything,
    Object(usize),
    List(Box<Shape>, Distinct),
    Map(Box<Shape>),
}

/// The fields in which list items must differ: the API server rejects a list with two equal ones.
#[derive(Debug)]
pub(super) enum Distinct {
    Nothing,
    Whole,
    Keys(Vec<&'static str>),
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| Schema::read(include_str!("objects.txt")));

/// Returns the type of the objects of `api` and `kind`; `None`: their fields are not checked.
pub(super) fn object(api: &str, kind: &str) -> Option<&'static Type> {
    SCHEMA
        .kinds
        .get(&(api, kind))
        .map(|&index| &SCHEMA.types[index])
}

/// Returns the type of the `metadata` of all objects.
pub(super) fn metadata() -> &'static Type {
    &SCHEMA.types[SCHEMA.metadata]
}

/// Returns the type that a [`Shape::Object`] stands for.
pub(super) fn of(index: usize) -> &'static Type {
    &SCHEMA.types[index]
}

/// Returns all types.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static Type> {
    SCHEMA.types.iter()
}

impl Schema {
    /// Reads the table, which is a constant: it panics if the table is wrong.
    fn read(table: &'static str) -> Self {
        let paragraphs = paragraphs(table);
        let numbers: HashMap<_, _> = (paragraphs.iter().enumerate())
            .map(|(index, (name, _))| (*name, index))
            .collect();
        let kinds: HashMap<_, _> = table
            .lines()
            .filter(|line| {
                !line.is_empty() && !line.starts_with(['#', ' ']) && !line.contains(": ")
            })
            .map(|line| {
                let mut words = line.split(' ');
                let api = words.next().expect("a kind has an apiVersion");
                let name = words.next().expect("a kind has a type");
                ((api, words.next().unwrap_or(name)), numbers[name])
            })
            .collect();
        let whole: HashSet<usize> = kinds.values().copied().collect();
        let types = (paragraphs.into_iter().enumerate())
            .map(|(index, (name, lines))| {
                // Lines may break at any space.
                let words: Vec<_> = lines.into_iter().flat_map(str::split_whitespace).collect();
                let fields = words.chunks(2).map(|pair| {
                    let [field, shape] = pair else {
                        panic!("{name} has a field without a type")
                    };
                    let (shape, range) = Range::split(shape.trim_end_matches(','));
                    Field {
                        name: field.trim_end_matches('!'),
                        required: field.ends_with('!'),
                        shape: Shape::read(shape, &numbers),
                        range,
                    }
                });
                Type {
                    name: name.split('_').next().unwrap_or(name),
                    whole: whole.contains(&index),
                    fields: fields.collect(),
                }
            })
            .collect();
        Self {
            kinds,
            types,
            metadata: numbers["ObjectMeta"],
        }
    }
}

impl Shape {
    fn read(text: &'static str, numbers: &HashMap<&'static str, usize>) -> Self {
        if let Some(rest) = text.strip_prefix('[') {
            let (element, distinct) = rest.rsplit_once(']').expect("a list is closed");
            let distinct = match distinct.strip_prefix('/') {
                None => Distinct::Nothing,
                Some("") => Distinct::Whole,
                Some(keys) => Distinct::Keys(keys.split('+').collect()),
            };
            return Self::List(Box::new(Self::read(element, numbers)), distinct);
        }
        if let Some(value) = text.strip_prefix('{') {
            let value = value.strip_suffix('}').expect("a map is closed");
            return Self::Map(Box::new(Self::read(value, numbers)));
        }
        match text {
            "string" => Self::Text,
            "time" => Self::Time,
            "bytes" => Self::Bytes,
            "bool" => Self::Boolean,
            "int" => Self::Integer,
            "number" => Self::Number,
            "quantity" => Self::Quantity,
            "intOrString" => Self::IntegerOrText,
            "any" => Self::Anything,
            name => Self::Object(
                *numbers
                    .get(name)
                    .unwrap_or_else(|| panic!("no type is called {name}")),
            ),
        }
    }
}
