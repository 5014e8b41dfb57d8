//! What Ignition's JSON of spec 2.x writes otherwise than ct does, whose words a node of Container
//! Linux has.

use super::Findings;
use super::butane::octal;
use super::ignition::{self, text_of};
use super::item::{Item, Value};
use crate::diagnostic::Span;
use crate::facts::systems::IgnitionVersion;

/// Sectors of a MiB, of the 512 bytes that 2.x counts in.
const MIB_SECTORS: u64 = 2048;

/// Takes Ignition's own words out of `config`, which is of spec 2.`minor`.
pub(super) fn to_spec(config: &mut Item, minor: u64, found: &mut Findings) {
    ignition::without_nulls(config);
    without_nothing(config);
    ignition::snake_case(config);
    head(config, minor);
    let units = config
        .get_mut("systemd")
        .and_then(|systemd| systemd.get_mut("units"));
    for unit in units.into_iter().flat_map(Item::items_mut) {
        // The older of two words for one thing, which the newer overrules.
        if unit.get("enabled").is_some() {
            unit.remove("enable");
        }
    }
    let Some(storage) = config.get_mut("storage") else {
        return;
    };
    for list in ["files", "directories"] {
        for item in storage.get_mut(list).into_iter().flat_map(Item::items_mut) {
            if item.get("mode").is_none() {
                // What Ignition 2.x makes of it (internal/exec/stages/files): ct has another
                // default.
                let text = "0".to_owned();
                let mode = Item::of(Value::Scalar { text, plain: true }, item.span);
                if let Value::Map(entries) = &mut item.value {
                    entries.push(("mode".to_owned(), mode.span, mode));
                }
            }
            if let Some(mode) = item.get_mut("mode") {
                octal(mode);
            }
        }
    }
    for file in storage
        .get_mut("files")
        .into_iter()
        .flat_map(Item::items_mut)
    {
        if let Some(file_contents) = file.get_mut("contents") {
            contents(file_contents);
            // Without a source it is an empty file, with or without a word for it.
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

/// Nothing said is nothing there, which ct writes as an empty map; but an empty `create` is a wish
/// to make something.
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
                // Fields that are empty where nothing is said.
                let optional = ["compression", "guid", "typeGuid", "source"];
                !(optional.contains(&key) && value.text() == Some(""))
            };
            entries.retain(|(key, _, value)| says(key, value) && is_word(key, value));
        }
    }
}

/// Its `ignition:`: the version is written where it is not the one that a spec has by itself.
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

/// `sha512-…` as ct writes it: a function and a sum.
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

/// Contents as ct has them: text that is in the config is `inline`, all else `remote`.
fn contents(contents: &mut Item) {
    if let Some((text, span)) = text_of(contents) {
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

/// Sizes and starts in MiB, as ct has them. What is no whole number of them is left out, and said.
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
                    format!("the `{key}` of a partition is a whole number of MiB in a node spec, of {MIB_SECTORS} sectors each"),
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
    // 0 stands for all that is left, and for the first place that fits.
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
        entries.insert(0, (key.to_owned(), span, Item::of(value, span)));
    }
}
