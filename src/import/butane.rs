//! Converts what Butane writes differently from a node spec.

use crate::diagnostic::Span;
use crate::facts::systems::{IgnitionVersion, Target};

use super::item::{Item, Value};
use super::{Findings, boot_device, grub};

/// Converts Butane's own keys in `config`.
pub(super) fn to_spec(config: &mut Item, target: Target, found: &mut Findings) {
    config.remove("variant");
    config.remove("version");
    boot_device::to_spec(config, found);
    grub::to_spec(config, found);
    kernel_arguments(config);
    modes(config);
    without_empty_owners(config);
    special_bits(config, target);
}

/// Converts the lists of arguments that should exist and that should not.
pub(super) fn kernel_arguments(config: &mut Item) {
    let Some(arguments) = config.get_mut("kernel_arguments") else {
        return;
    };
    let list = |arguments: &mut Item, name| {
        arguments
            .remove(name)
            .filter(|list| !list.is_empty())
            .map(one_each)
    };
    let removed = list(arguments, "should_not_exist");
    let added = list(arguments, "should_exist").map(|mut list| {
        list.comments
            .splice(..0, arguments.comments.iter().cloned());
        list
    });
    config.set("kernel_arguments", added);
    config.set("remove_kernel_arguments", removed);
}

/// Splits the entries of `list`: an entry can contain several arguments there, but only one here.
fn one_each(mut list: Item) -> Item {
    if let Value::List(items) = &mut list.value {
        *items = std::mem::take(items)
            .into_iter()
            .flat_map(|item| split(&item))
            .collect();
    }
    list
}

fn split(item: &Item) -> Vec<Item> {
    let Some(text) = item
        .text()
        .filter(|text| text.contains(char::is_whitespace))
    else {
        return vec![item.clone()];
    };
    let word = |text: &str, span: Span| {
        let value = Value::Scalar {
            text: text.to_owned(),
            plain: false,
        };
        Item::new(value, span)
    };
    let mut items: Vec<Item> = text
        .split_whitespace()
        .map(|text| word(text, item.span))
        .collect();
    if let Some(first) = items.first_mut() {
        first.comments.clone_from(&item.comments);
        first.remark.clone_from(&item.remark);
    }
    items
}

/// Writes modes in octal with a leading 0, as a node spec requires: Butane accepts decimal numbers
/// too.
pub(super) fn modes(config: &mut Item) {
    let Some(storage) = config.get_mut("storage") else {
        return;
    };
    for list in ["files", "directories"] {
        let Some(list) = storage.get_mut(list) else {
            continue;
        };
        for item in list.items_mut() {
            if let Some(mode) = item.get_mut("mode") {
                octal(mode);
            }
        }
    }
}

/// Removes owners, contents and verifications that say nothing: `user: {}`.
pub(super) fn without_empty_owners(config: &mut Item) {
    let Some(storage) = config.get_mut("storage") else {
        return;
    };
    for list in ["files", "directories", "links"] {
        let items = storage.get_mut(list);
        for item in items.into_iter().flat_map(Item::items_mut) {
            for owner in ["user", "group"] {
                if item.get(owner).is_some_and(|owner| !says_owner(owner)) {
                    item.remove(owner);
                }
            }
            if let Some(contents) = item.get_mut("contents")
                && contents.get("verification").is_some_and(Item::is_empty)
            {
                contents.remove("verification");
            }
        }
    }
}

fn says_owner(owner: &Item) -> bool {
    ["id", "name"]
        .into_iter()
        .filter_map(|key| owner.get(key))
        .any(|value| !value.is_null() && value.text() != Some(""))
}

/// Asks for the version of Ignition's specification that has set-user-ID, set-group-ID and sticky
/// bits, if a mode has one of them and the target has that version.
pub(super) fn special_bits(config: &mut Item, target: Target) {
    let known = target.facts().ignition;
    // Not of a system of which older releases without it are in use.
    if !known.contains(&IgnitionVersion::V3_6) || known.contains(&IgnitionVersion::V3_3) {
        return;
    }
    let Some(storage) = config.get_mut("storage") else {
        return;
    };
    let lists = ["files", "directories"].map(|list| storage.get(list).cloned());
    let special = lists.into_iter().flatten().find_map(|mut list| {
        let items = list.items_mut().iter();
        let mut modes = items.filter_map(|item| item.get("mode"));
        let is_special = |mode: &&Item| {
            let octal = mode
                .text()
                .and_then(|text| u32::from_str_radix(text, 8).ok());
            octal.is_some_and(|mode| mode > 0o777)
        };
        modes.find(is_special).map(|mode| mode.span)
    });
    let Some(span) = special else {
        return;
    };
    if config.get("ignition").is_none_or(Item::is_empty) {
        config.set("ignition", Some(Item::new(Value::Map(Vec::new()), span)));
    }
    if let Some(head) = config.get_mut("ignition") {
        let text = IgnitionVersion::V3_6.as_str().to_owned();
        head.set(
            "version",
            Some(Item::new(Value::Scalar { text, plain: true }, span)),
        );
    }
}

/// Parses a number as YAML 1.1 and 1.2 write it, and returns it in octal with a leading 0.
pub(super) fn octal(mode: &mut Item) {
    let Value::Scalar { text, plain: true } = &mut mode.value else {
        return;
    };
    let digits = text.replace('_', "");
    let number = match (digits.strip_prefix("0o"), digits.strip_prefix("0x")) {
        (Some(octal), _) => u32::from_str_radix(octal, 8),
        (_, Some(hexadecimal)) => u32::from_str_radix(hexadecimal, 16),
        _ if digits.starts_with('0') => u32::from_str_radix(&digits, 8),
        _ => digits.parse(),
    };
    if let Ok(number) = number {
        *text = format!("0{number:03o}");
    }
}
