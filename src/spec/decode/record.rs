//! Maps with known keys, and sets of words: declared once, and read and described by the same
//! lines.

use serde_json::{Map, Value as Json, json};

use super::defaults::json_of_text;
use super::{Decode, Decoder};
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::spec::yaml::{Entry, Node, Value};
use crate::text::nearest;

/// Keys that belong elsewhere than where users often expect them, with the right place.
const ELSEWHERE: &[(&str, &str)] = &[
    ("ntp", "`ntp` belongs under `network:`"),
    ("hosts", "`hosts` belongs under `network:`"),
    ("firewall", "`firewall` belongs under `network:`"),
    ("interfaces", "`interfaces` belongs under `network:`"),
    (
        "masquerade",
        "`masquerade` belongs under `network.firewall:`",
    ),
    ("files", "`files` belongs under `storage:`"),
    ("units", "`units` belongs under `systemd:`"),
    ("cluster", "`cluster` belongs at the top level"),
    ("nodes", "`nodes` belongs at the top level"),
    ("version", "`version` belongs at the top level"),
    ("node", "did you mean `nodes`?"),
    ("includes", "did you mean `include`?"),
    ("include", "`include` belongs at the top level or in a node"),
    (
        "variant",
        "`variant` is a Butane key; use `target:` to select the target",
    ),
];

/// A map whose keys are being read; created by [`Decoder::record`].
#[derive(Debug)]
pub struct Record<'n, 'd> {
    entries: &'n [Entry],
    decoder: &'d mut Decoder,
    /// Where a missing key is reported: the first key, or the empty map.
    place: Span,
    what: &'static str,
}

impl Decoder {
    /// Starts reading `node` as a map with no other keys than `known`. `what` is its name with an
    /// article.
    pub fn record<'n>(
        &mut self,
        node: &'n Node,
        what: &'static str,
        known: &[&'static str],
    ) -> Option<Record<'n, '_>> {
        let Value::Map(entries) = &node.value else {
            self.wrong_type(node, &format!("a map ({what})"));
            return None;
        };
        for entry in entries.iter().filter(|e| !known.contains(&&*e.key.value)) {
            self.unknown_key(&entry.key, what, known);
        }
        Some(Record {
            entries,
            // The first keys of a merged map are from elsewhere.
            place: entries
                .iter()
                .map(|entry| entry.key.span)
                .find(|key| key.source == node.span.source && key.start == node.span.start)
                .unwrap_or(node.span),
            decoder: self,
            what,
        })
    }

    fn unknown_key(&mut self, key: &Located<std::sync::Arc<str>>, what: &str, known: &[&str]) {
        let name = crate::text::shown(&key.value);
        let mut diagnostic = Diagnostic::error(
            codes::UNKNOWN_KEY,
            key.span,
            format!("unknown key `{name}` in {what}"),
        );
        let elsewhere = ELSEWHERE
            .iter()
            .find(|(elsewhere, _)| *elsewhere == &*key.value);
        diagnostic.help = if let Some((_, words)) = elsewhere {
            Some((*words).to_owned())
        } else if let Some(meant) = nearest(&key.value, known.iter().copied()) {
            Some(format!("did you mean `{meant}`?"))
        } else {
            Some(format!("valid keys: {}", listed(known)))
        };
        self.diagnostics.push(diagnostic);
    }
}

/// Returns "`a`, `b` and `c`".
fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [many @ .., last] => format!("{} and {last}", many.join(", ")),
    }
}

/// Returns "`a`", "`a` or `b`", or "one of `a`, `b` or `c`".
pub(crate) fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [one, other] => format!("{one} or {other}"),
        [many @ .., last] => format!("one of {} or {last}", many.join(", ")),
    }
}

impl Record<'_, '_> {
    fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| &*entry.key.value == key)
    }

    /// Returns the value of `key`, `None` if it is missing but required.
    pub fn key<T: Decode>(&mut self, key: &str) -> Option<T> {
        let Some(entry) = self.entries.iter().find(|entry| &*entry.key.value == key) else {
            let absent = T::absent();
            if absent.is_none() {
                self.decoder.diagnostics.push(
                    Diagnostic::error(
                        codes::MISSING_KEY,
                        self.place,
                        format!("missing key `{key}` in {}", self.what),
                    )
                    .help(format!("add `{key}:`")),
                );
            }
            return absent;
        };
        T::decode_entry(entry, self.decoder).or_else(T::absent)
    }

    /// Reports the second one of `keys`.
    pub fn at_most_one(&mut self, keys: &[&str]) {
        let mut written = keys.iter().filter_map(|key| self.entry(key));
        let Some(first) = written.next().map(|entry| entry.key.clone()) else {
            return;
        };
        let others: Vec<_> = written.map(|entry| entry.key.clone()).collect();
        for other in others {
            self.decoder.diagnostics.push(
                Diagnostic::error(
                    codes::CONFLICTING_KEYS,
                    other.span,
                    format!(
                        "`{}` and `{}` are mutually exclusive",
                        first.value, other.value
                    ),
                )
                .related(first.span, format!("`{}` is here", first.value))
                .help("keep one of them"),
            );
        }
    }

    /// Reports if none of `keys` is set.
    pub fn at_least_one(&mut self, keys: &[&str]) {
        if keys.iter().all(|key| self.entry(key).is_none()) {
            self.decoder.diagnostics.push(
                Diagnostic::error(
                    codes::MISSING_ONE_OF,
                    self.place,
                    format!("{} requires {}", self.what, alternatives(keys)),
                )
                .help(format!("add `{}:`", keys[0])),
            );
        }
    }

    /// Reports if not exactly one of `keys` is set.
    pub fn exactly_one(&mut self, keys: &[&str]) {
        self.at_least_one(keys);
        self.at_most_one(keys);
    }
}

/// One key of a record: what its schema and the reference are made of.
#[derive(Debug, Clone)]
pub struct KeySchema {
    pub name: &'static str,
    pub description: String,
    /// The JSON Schema of the value.
    pub schema: Json,
    pub required: bool,
    /// What stands for the key where it is left out, in YAML, as a spec would have it.
    pub default: Option<&'static str>,
    /// The same in words, where it depends on other keys.
    pub otherwise: Option<&'static str>,
    /// A value, in YAML.
    pub example: Option<&'static str>,
}

impl KeySchema {
    /// A key that may be left out and has no default.
    pub fn optional(name: &'static str, description: impl Into<String>, schema: Json) -> Self {
        Self {
            name,
            description: description.into(),
            schema,
            required: false,
            default: None,
            otherwise: None,
            example: None,
        }
    }

    /// The schema of the value, with what is said of the key.
    pub fn to_json(&self) -> Json {
        let mut schema = self.schema.clone();
        if let Json::Object(schema) = &mut schema {
            let description = match self.otherwise {
                None => self.description.clone(),
                Some(words) => format!("{} Default: {words}.", self.description),
            };
            schema.insert("description".to_owned(), description.into());
            if let Some(text) = self.default {
                schema.insert("default".to_owned(), json_of_text(text));
            }
            if let Some(text) = self.example {
                schema.insert("examples".to_owned(), json!([json_of_text(text)]));
            }
        }
        schema
    }
}

/// What is said of a record.
#[derive(Debug, Clone)]
pub struct RecordSchema {
    /// The name of its definition.
    pub name: &'static str,
    /// Its name for people, with its article.
    pub what: &'static str,
    pub description: String,
    pub keys: Vec<KeySchema>,
    /// Rules of `record!` over keys, by name.
    pub rules: Vec<(&'static str, &'static [&'static str])>,
}

impl RecordSchema {
    /// The JSON Schema of the record.
    pub fn to_json(&self) -> Json {
        let required: Vec<_> = (self.keys.iter())
            .filter(|key| key.required)
            .map(|key| key.name)
            .collect();
        let properties: Map<_, _> = (self.keys.iter())
            .map(|key| (key.name.to_owned(), key.to_json()))
            .collect();
        let mut schema = json!({
            "type": "object",
            "description": self.description,
            "properties": properties,
            "additionalProperties": false,
        });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        let all = self.rules_json();
        if !all.is_empty() {
            schema["allOf"] = Json::Array(all);
        }
        schema
    }

    fn rules_json(&self) -> Vec<Json> {
        let mut all = Vec::new();
        for (rule, keys) in &self.rules {
            if *rule != "at_most_one" {
                let any: Vec<_> = keys
                    .iter()
                    .map(|key| json!({ "required": [key] }))
                    .collect();
                all.push(json!({ "anyOf": any }));
            }
            if *rule != "at_least_one" {
                for (at, key) in keys.iter().enumerate() {
                    for other in &keys[at + 1..] {
                        all.push(json!({ "not": { "required": [key, other] } }));
                    }
                }
            }
        }
        all
    }
}

/// Declares a struct that is read from a map: fields are keys, doc comments are the schema's
/// descriptions, a field whose type has an [`absent`](Decode::absent) value may be left out. After
/// the struct: its name in messages, and rules over keys (`at_most_one`, `at_least_one`,
/// `exactly_one`).
///
/// What a key is when it is left out is declared with it, in one of two ways. `#[default = "7"]` is
/// a value, in YAML: the schema has it as `default`, and a method of the field's name returns what
/// is written or else that value, so that nobody else has to know it. `#[otherwise = "the host
/// name"]` is for what depends on other keys: words for people. `#[example = "14"]` is a value,
/// too.
macro_rules! record {
    (
        $(#[doc = $doc:literal])+
        pub struct $name:ident {
            $(
                $(#[doc = $key_doc:literal])+
                $(#[default = $default:expr])?
                $(#[otherwise = $otherwise:expr])?
                $(#[example = $example:literal])?
                pub $key:ident: $type:ty,
            )+
        }
        $what:literal
        $(, $rule:ident($($ruled:ident),+) )*
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $( $(#[doc = $key_doc])+ pub $key: $type, )+
            /// Where it is written.
            pub span: $crate::diagnostic::Span,
        }

        impl $name {
            /// The name of the map in messages, with an article.
            pub const WHAT: &'static str = $what;
            /// The keys of the map, in the order of the fields.
            pub const KEYS: &'static [&'static str] = &[$(stringify!($key)),+];

            /// The default of `key`, for where no such record is at hand.
            pub fn default_of<T: $crate::spec::decode::Decode>(key: &str) -> T {
                let defaults: &[(&str, &str)] = &[$($((stringify!($key), $default),)?)+];
                $crate::spec::decode::default_of(defaults, key)
            }

            $($(
                #[doc = concat!("`", stringify!($key), "`: what is written, or else the default.")]
                pub fn $key(
                    &self,
                ) -> <$type as $crate::spec::decode::Defaulted>::Value {
                    $crate::spec::decode::Defaulted::or(&self.$key, $default, self.span)
                }
            )?)+
        }

        impl $crate::spec::decode::Decode for $name {
            fn schema(schemas: &mut $crate::spec::decode::Schemas) -> serde_json::Value {
                use $crate::spec::decode::{Decode, KeySchema, RecordSchema, first};
                use $crate::words::description;
                schemas.record(stringify!($name), |schemas| RecordSchema {
                    name: stringify!($name),
                    what: $what,
                    description: description(concat!($($doc, "\n"),+)),
                    keys: vec![$(KeySchema {
                        name: stringify!($key),
                        description: description(concat!($($key_doc, "\n"),+)),
                        schema: <$type as Decode>::schema(schemas),
                        required: <$type as Decode>::absent().is_none(),
                        default: first(&[$($default)?]),
                        otherwise: first(&[$($otherwise)?]),
                        example: first(&[$($example)?]),
                    }),+],
                    rules: vec![$((stringify!($rule), &[$(stringify!($ruled)),+])),*],
                })
            }

            fn decode(
                node: &$crate::spec::yaml::Node,
                decoder: &mut $crate::spec::decode::Decoder,
            ) -> Option<Self> {
                let mut record = decoder.record(node, $what, Self::KEYS)?;
                $( let $key = record.key::<$type>(stringify!($key)); )+
                $( record.$rule(&[$(stringify!($ruled)),+]); )*
                Some(Self { $($key: $key?,)+ span: node.span })
            }
        }
    };
}

/// Lets a set of words, declared with [`words!`](crate::words), be read from a spec. `$what` is its
/// name with an article.
macro_rules! word_leaf {
    ($name:ident, $what:literal) => {
        impl $crate::spec::decode::Leaf for $name {
            const WHAT: &'static str = $what;

            fn schema() -> serde_json::Value {
                let descriptions: Vec<_> = Self::ALL.iter().map(|word| word.meaning()).collect();
                serde_json::json!({ "enum": Self::WORDS, "enumDescriptions": descriptions })
            }

            fn read(
                scalar: &$crate::spec::yaml::Scalar,
            ) -> Result<Self, $crate::spec::decode::LeafError> {
                let word = &*scalar.text;
                Self::from_word(word)
                    .ok_or_else(|| $crate::spec::decode::unknown_word(word, $what, Self::WORDS))
            }
        }
    };
}

pub(crate) use {record, word_leaf};

/// Returns the error for a word that is not one of `words`.
pub fn unknown_word(word: &str, what: &str, words: &[&str]) -> super::LeafError {
    let mut error = super::LeafError::new(
        codes::UNKNOWN_WORD,
        format!("`{}` is not {what}", crate::text::shown(word)),
    );
    error.label = Some(format!("expected {}", alternatives(words)));
    match nearest(word, words.iter().copied()) {
        Some(meant) => error.help(format!("did you mean `{meant}`?")),
        None => error,
    }
}
