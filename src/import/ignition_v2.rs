//! Converts what Ignition's JSON of specification 2.x writes differently from ct, whose keys a node
//! of Container Linux has.

use super::butane::octal;
use super::ignition::{self, TextLeft, text_of};
use super::item::{Item, Value};
use super::{Findings, ct};
use crate::diagnostic::Span;
use crate::facts::systems::IgnitionVersion;

/// Sectors in a MiB, with the 512 bytes that 2.x assumes.
const MIB_SECTORS: u64 = 2048;

/// Converts Ignition's own keys in `config`, which is of specification 2.`minor`.
pub(super) fn to_spec(config: &mut Item, minor: u64, found: &mut Findings) {
    ignition::without_nulls(config);
    without_nothing(config);
    ignition::snake_case(config);
    head(config, minor);
    let units = config
        .get_mut("systemd")
        .and_then(|systemd| systemd.get_mut("units"));
    for unit in units.into_iter().flat_map(Item::items_mut) {
        // The older of two keys for the same thing, which the newer one overrides.
        if unit.get("enabled").is_some() {
            unit.remove("enable");
        }
    }
    let Some(storage) = config.get_mut("storage") else {
        return;
    };
    ct::plain_paths(storage);
    for list in ["files", "directories"] {
        for item in storage.get_mut(list).into_iter().flat_map(Item::items_mut) {
            // What is appended to keeps its mode.
            let appends = item.get("append").and_then(Item::text) == Some("true");
            if item.get("mode").is_none() && !appends {
                // The default of Ignition 2.x (internal/exec/stages/files), which differs from
                // ct's.
                let text = "0".to_owned();
                let mode = Item::new(Value::Scalar { text, plain: true }, item.span);
                if let Value::Map(entries) = &mut item.value {
                    entries.push(("mode".to_owned(), mode.span, mode));
                }
            }
            if let Some(mode) = item.get_mut("mode") {
                octal(mode);
            }
        }
    }
    let mut left = TextLeft::default();
    for file in storage
        .get_mut("files")
        .into_iter()
        .flat_map(Item::items_mut)
    {
        if let Some(file_contents) = file.get_mut("contents") {
            contents(file_contents, &mut left);
            // Without a source it is an empty file, explicitly or not.
            if file_contents.is_empty() {
                file.remove("contents");
            }
        }
    }
    for disk in storage
        .get_mut("disks")
        .into_iter()
        .flat_map(Item::items_mut)
    {
        for partition in disk
            .get_mut("partitions")
            .into_iter()
            .flat_map(Item::items_mut)
        {
            sizes(partition, found);
        }
    }
}

/// Removes empty values, which ct writes as an empty map; but an empty `create` means that
/// something is created.
fn without_nothing(item: &mut Item) {
    match &mut item.value {
        Value::Scalar { .. } => {}
        Value::List(items) => items.iter_mut().for_each(without_nothing),
        Value::Map(entries) => {
            for (.., value) in entries.iter_mut() {
                without_nothing(value);
            }
            let says = |key: &str, value: &Item| key == "create" || !value.is_empty();
            let is_word = |key: &str, value: &Item| {
                // Fields that are empty if they are not set.
                let optional = ["compression", "guid", "typeGuid", "source"];
                !(optional.contains(&key) && value.text() == Some(""))
            };
            entries.retain(|(key, _, value)| says(key, value) && is_word(key, value));
        }
    }
}

/// Converts `ignition:`: the version is kept if it is not the default of a spec.
fn head(config: &mut Item, minor: u64) {
    let Some(head) = config.get_mut("ignition") else {
        return;
    };
    if let Some(version) = head.remove("version")
        && minor >= 3
    {
        let text = IgnitionVersion::V2_3.as_str().to_owned();
        insert(
            head,
            "version",
            Value::Scalar { text, plain: true },
            version.span,
        );
    }
    let configs = head.get_mut("config");
    for list in configs.into_iter().flat_map(|configs| {
        let Value::Map(entries) = &mut configs.value else {
            return Vec::new();
        };
        entries.iter_mut().map(|(.., value)| value).collect()
    }) {
        match list.value {
            Value::List(_) => list.items_mut().iter_mut().for_each(hash),
            _ => hash(list),
        }
    }
    let authorities = head
        .get_mut("security")
        .and_then(|security| security.get_mut("tls"))
        .and_then(|tls| tls.get_mut("certificate_authorities"));
    for authority in authorities.into_iter().flat_map(Item::items_mut) {
        hash(authority);
    }
    if head.is_empty() {
        config.remove("ignition");
    }
}

/// Converts `sha512-…` to ct's form: a function and a sum.
fn hash(item: &mut Item) {
    let Some(hash) = item
        .get_mut("verification")
        .and_then(|verification| verification.get_mut("hash"))
    else {
        return;
    };
    let Some((function, sum)) = hash.text().and_then(|text| text.split_once('-')) else {
        return;
    };
    let word = |text: &str| Value::Scalar {
        text: text.to_owned(),
        plain: false,
    };
    let (function, sum) = (word(function), word(sum));
    hash.value = Value::Map(Vec::new());
    let span = hash.span;
    insert(hash, "sum", sum, span);
    insert(hash, "function", function, span);
}

/// Converts contents to ct's form: text in the config is `inline`, everything else `remote`.
fn contents(contents: &mut Item, left: &mut TextLeft) {
    if let Some((text, span)) = text_of(contents, left) {
        contents.value = Value::Map(Vec::new());
        insert(
            contents,
            "inline",
            Value::Scalar { text, plain: false },
            span,
        );
        return;
    }
    let Value::Map(entries) = &mut contents.value else {
        return;
    };
    if entries.is_empty() {
        return;
    }
    for (key, ..) in entries.iter_mut() {
        if key == "source" {
            "url".clone_into(key);
        }
    }
    let remote = Value::Map(std::mem::take(entries));
    let span = contents.span;
    insert(contents, "remote", remote, span);
    if let Some(remote) = contents.get_mut("remote") {
        hash(remote);
    }
}

/// Converts sizes and starts to MiB, as in ct. Those that are not a whole number of MiB are removed
/// and reported.
fn sizes(partition: &mut Item, found: &mut Findings) {
    for key in ["size", "start"] {
        if let Some(sectors) = partition.remove(key) {
            let number = sectors.text().and_then(|text| text.parse::<u64>().ok());
            match number {
                Some(sectors_count) if sectors_count.is_multiple_of(MIB_SECTORS) => {
                    mebibytes(partition, key, sectors_count / MIB_SECTORS, sectors.span);
                }
                _ => found.left_out(
                    sectors.span,
                    format!(
                        "the `{key}` of a partition must be a whole number of MiB \
                             ({MIB_SECTORS} sectors) in a node spec"
                    ),
                ),
            }
        }
        if let Some(mib) = partition.remove(&format!("{key}_mib"))
            && let Some(number) = mib.text().and_then(|text| text.parse().ok())
        {
            mebibytes(partition, key, number, mib.span);
        }
    }
}

fn mebibytes(partition: &mut Item, key: &str, number: u64, span: Span) {
    // 0 stands for all remaining space, and for the first start that fits.
    let text = match number {
        0 => "0".to_owned(),
        number => format!("{number}MiB"),
    };
    partition.remove(key);
    insert(partition, key, Value::Scalar { text, plain: true }, span);
}

/// Adds an entry to a map, before the others.
fn insert(item: &mut Item, key: &str, value: Value, span: Span) {
    if let Value::Map(entries) = &mut item.value {
        entries.insert(0, (key.to_owned(), span, Item::new(value, span)));
    }
}
