//! ct's `etcd:` and `flannel:`: settings that become flags of a wrapper.

use serde_json::{Value as Json, json};

use crate::diagnostic::{Code, Diagnostic, Located, Span, codes};
use crate::facts::container_linux::ct::{CtKind, CtService, CtSetting};
use crate::spec::decode::{Decode, Decoder, KeySchema, Leaf, LeafError, RecordSchema, Schemas};
use crate::spec::values::Setting;
use crate::spec::yaml::{Entry, Node, Scalar, Value};
use crate::text::shown;

/// The version of etcd or flannel: `3.2.18`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppVersion {
    pub text: String,
    pub major: u16,
    pub minor: u16,
}

impl Leaf for AppVersion {
    const WHAT: &'static str = "a version";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+\\.[0-9]+\\.[0-9]+" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = &*scalar.text;
        let wrong = || {
            LeafError::rule(
                codes::BAD_CT_VALUE,
                text,
                Self::WHAT,
                "must have three numbers",
            )
            .help("write it like 3.2.18")
        };
        let mut parts = text.splitn(3, '.');
        let mut number = || parts.next()?.parse::<u16>().ok();
        let (Some(major), Some(minor)) = (number(), number()) else {
            return Err(wrong());
        };
        let patch = parts.next().unwrap_or_default();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b".-+".contains(&b);
        if !patch.starts_with(|c: char| c.is_ascii_digit()) || !patch.bytes().all(plain) {
            return Err(wrong());
        }
        Ok(Self {
            text: text.to_owned(),
            major,
            minor,
        })
    }
}

/// A value of a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CtValue {
    Text(String),
    /// A number, true or false.
    Plain(String),
}

/// One such section.
#[derive(Debug, Clone, PartialEq)]
pub struct CtWrapped {
    /// The version of the image; by default the wrapper's own.
    pub version: Option<Located<AppVersion>>,
    /// Flags in ct's order.
    pub flags: Vec<(&'static str, Located<CtValue>)>,
    /// flannel's network, in JSON, which is put into etcd.
    pub network_config: Option<Located<String>>,
    /// Where it is written.
    pub span: Span,
}

/// ct's `etcd:`. Nothing (`etcd: ~`) stands for a member with all defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct CtEtcd(pub CtWrapped);

/// ct's `flannel:`. Nothing (`flannel: ~`) stands for flannel with all defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct CtFlannel(pub CtWrapped);

macro_rules! section {
    ($name:ident, $service:expr, $description:literal) => {
        impl Decode for $name {
            fn schema(schemas: &mut Schemas) -> Json {
                schemas.nullable_record(stringify!($name), |_| {
                    schema(stringify!($name), $service, $description)
                })
            }

            fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
                decode($service, node, decoder).map(Self)
            }

            fn decode_entry(entry: &Entry, decoder: &mut Decoder) -> Option<Self> {
                if entry.value.is_null() {
                    let empty = Node {
                        span: entry.key.span,
                        value: Value::Map(Vec::new()),
                    };
                    return Self::decode(&empty, decoder);
                }
                Self::decode(&entry.value, decoder)
            }
        }
    };
}

section!(
    CtEtcd,
    CtService::Etcd,
    "A member of etcd, run by etcd-wrapper, as ct has it."
);
section!(
    CtFlannel,
    CtService::Flannel,
    "flannel, run by flannel-wrapper, as ct has it."
);

/// The schema of the section, where the flag of a setting is its description.
fn schema(name: &'static str, service: CtService, description: &str) -> RecordSchema {
    let text = |what: &str| json!({ "type": "string", "title": what });
    let version = KeySchema {
        otherwise: Some("that of the system"),
        example: Some(match service {
            CtService::Etcd => "3.2.18",
            CtService::Flannel => "0.7.0",
        }),
        ..KeySchema::optional(
            "version",
            "The version of the image.",
            text(AppVersion::WHAT),
        )
    };
    let mut keys = vec![version];
    if service == CtService::Flannel {
        keys.push(KeySchema {
            example: Some(r#"'{"Network": "10.254.0.0/16"}'"#),
            ..KeySchema::optional(
                "network_config",
                "The pods' network in JSON, which is written to etcd.",
                text(String::WHAT),
            )
        });
    }
    for setting in service.settings() {
        let kind = match setting.kind {
            CtKind::Text => {
                json!({ "type": ["string", "number", "boolean"], "title": Setting::WHAT })
            }
            CtKind::Whole => json!({ "type": "integer", "title": u64::WHAT }),
            CtKind::Bool => json!({ "type": "boolean", "title": bool::WHAT }),
        };
        // A setting whose flag changed has a row for each.
        if keys.iter().all(|key| key.name != setting.key) {
            let words = format!("The flag --{}.", setting.flag);
            keys.push(KeySchema::optional(setting.key, words, kind));
        }
    }
    RecordSchema {
        name,
        what: service.as_str(),
        description: description.to_owned(),
        keys,
        rules: Vec::new(),
    }
}

fn decode(service: CtService, node: &Node, decoder: &mut Decoder) -> Option<CtWrapped> {
    let what = match service {
        CtService::Etcd => "etcd",
        CtService::Flannel => "flannel",
    };
    let mut known = vec!["version"];
    if service == CtService::Flannel {
        known.push("network_config");
    }
    for setting in service.settings() {
        if !known.contains(&setting.key) {
            known.push(setting.key);
        }
    }
    let mut record = decoder.record(node, what, &known)?;
    let version: Option<Located<AppVersion>> = record.key("version")?;
    let network_config: Option<Located<String>> = if service == CtService::Flannel {
        record.key("network_config")?
    } else {
        None
    };
    let Value::Map(entries) = &node.value else {
        return None;
    };
    let numbers = match &version {
        None => service.default_version(),
        Some(version) => schema_version(service, version, decoder)?,
    };
    let mut flags: Vec<(usize, &'static str, Located<CtValue>)> = Vec::new();
    for entry in entries {
        let key = &*entry.key.value;
        let rows = || {
            service
                .settings()
                .enumerate()
                .filter(|(_, row)| row.key == key)
        };
        let Some((_, any)) = rows().next() else {
            continue; // reported, or no flag
        };
        let row = rows().find(|(_, row)| row.first <= numbers && numbers <= row.last);
        match row {
            Some((at, row)) => {
                if let Some(value) = value(row, entry, decoder) {
                    flags.push((at, row.flag, value));
                }
            }
            None => decoder
                .diagnostics
                .push(not_of_version(service, any, numbers, entry)),
        }
    }
    flags.sort_by_key(|(at, _, _)| *at);
    Some(CtWrapped {
        version,
        flags: flags
            .into_iter()
            .map(|(_, flag, value)| (flag, value))
            .collect(),
        network_config,
        span: node.span,
    })
}

/// The version whose settings `version` has.
fn schema_version(
    service: CtService,
    version: &Located<AppVersion>,
    decoder: &mut Decoder,
) -> Option<(u16, u16)> {
    let name = service.as_str();
    let numbers = (version.major, version.minor);
    let oldest = service.oldest();
    let too_new = service.newest(version.major);
    if numbers < oldest || too_new.is_none() {
        let message = format!("ct has no settings for {name} {}", version.text);
        let why = format!("the oldest supported version is {}.{}", oldest.0, oldest.1);
        decoder.diagnostics.push(
            Diagnostic::error(codes::BAD_CT_VALUE, version.span, message)
                .label(why)
                .help("use a version that Container Linux' wrapper runs"),
        );
        return None;
    }
    let newest = too_new?;
    if numbers > newest {
        let code: Code = codes::NEWER_THAN_CT;
        let message = format!("{name} {} is newer than ct supports", version.text);
        decoder.diagnostics.push(
            Diagnostic::warning(code, version.span, message).help(format!(
                "the settings of {}.{} are used for it",
                newest.0, newest.1
            )),
        );
        return Some(newest);
    }
    Some(numbers)
}

fn not_of_version(
    service: CtService,
    setting: CtSetting,
    numbers: (u16, u16),
    entry: &Entry,
) -> Diagnostic {
    let name = service.as_str();
    let (major, minor) = numbers;
    let message = format!(
        "`{}` is not a setting of {name} {major}.{minor}",
        setting.key
    );
    let (first, last) = (setting.first, setting.last);
    let why = if first == last {
        format!("available in {name} {}.{}", first.0, first.1)
    } else {
        format!(
            "available in {name} {}.{} to {}.{}",
            first.0, first.1, last.0, last.1
        )
    };
    Diagnostic::error(codes::BAD_CT_VALUE, entry.key.span, message)
        .label(why)
        .help(format!(
            "set the version: `version: {}.{}.0`",
            first.0, first.1
        ))
}

fn value(setting: CtSetting, entry: &Entry, decoder: &mut Decoder) -> Option<Located<CtValue>> {
    match setting.kind {
        CtKind::Whole => {
            let number: Located<u64> = Located::decode_entry(entry, decoder)?;
            Some(Located::new(
                CtValue::Plain(number.value.to_string()),
                number.span,
            ))
        }
        CtKind::Bool => {
            let value: Located<bool> = Located::decode_entry(entry, decoder)?;
            Some(Located::new(
                CtValue::Plain(value.value.to_string()),
                value.span,
            ))
        }
        CtKind::Text => {
            let text: Located<Setting> = Located::decode_entry(entry, decoder)?;
            // systemd cuts lines at a backslash, and a variable of the unit is a `$`.
            if text.as_str().contains(['\\', '"']) {
                let message = format!(
                    "`{}` cannot be used as a flag in a unit",
                    shown(text.as_str())
                );
                decoder.diagnostics.push(
                    Diagnostic::error(codes::BAD_CT_VALUE, text.span, message)
                        .help("remove quotes and backslashes"),
                );
                return None;
            }
            Some(Located::new(
                CtValue::Text(text.as_str().to_owned()),
                text.span,
            ))
        }
    }
}
