//! Converts Butane's `boot_device:` to the disks, arrays, encrypted devices and file systems that
//! it stands for (Butane, docs/config-fcos-v1_4.md and docs/examples.md): Fedora CoreOS moves its
//! root file system to what a config says.

use super::Findings;
use super::item::{Item, Value};
use crate::diagnostic::Span;

/// Type GUIDs of partitions (UEFI's ESP, GRUB's BIOS boot partition, and Fedora CoreOS' reserved
/// one, which keeps the numbers of the others on all machines).
const BIOS: &str = "21686148-6449-6E6F-744E-656564454649";
const RESERVED: &str = "8DA63339-0007-60C0-C436-083AC8230908";
const ESP: &str = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";

/// Removes `boot_device` from `config`, and puts what it stands for under `storage`. What is
/// already there about the same devices takes precedence, as in Butane.
pub(super) fn to_spec(config: &mut Item, found: &mut Findings) {
    let Some(boot) = config.remove("boot_device").filter(|boot| !boot.is_null()) else {
        return;
    };
    let at = At(boot.span);
    let layout = boot.get("layout").and_then(Item::text).unwrap_or("x86_64");
    if !["x86_64", "aarch64"].contains(&layout) {
        found.refused(
            boot.get("layout").map_or(boot.span, |layout| layout.span),
            format!(
                "imgbuild has no architecture for the boot device layout `{}`",
                layout.escape_debug()
            ),
        );
        return;
    }
    if layout == "aarch64" {
        config.set("arch", Some(at.word("arm64")));
    }
    found.unknown(&boot, "boot_device", &["layout", "luks", "mirror"]);
    let mut storage = Storage::default();
    let mirror = boot.get("mirror").and_then(|mirror| mirror.get("devices"));
    let devices: Vec<Item> = match mirror.map(|devices| &devices.value) {
        Some(Value::List(devices)) => devices.clone(),
        _ => Vec::new(),
    };
    if !devices.is_empty() {
        storage.mirror(&devices, layout, at);
    }
    if let Some(luks) = boot.get("luks").filter(|luks| !luks.is_null()) {
        let known = ["device", "discard", "tang", "threshold", "tpm2"];
        found.unknown(luks, "boot_device.luks", &known);
        storage.encrypt(luks, !devices.is_empty(), at);
    }
    if !devices.is_empty() || !storage.luks.is_empty() {
        storage.root(at);
    }
    storage.put_under(config, at);
}

/// Makes items with the place of what they stand for.
#[derive(Clone, Copy)]
pub(super) struct At(pub(super) Span);

impl At {
    fn scalar(self, text: &str, plain: bool) -> Item {
        let text = text.to_owned();
        Item::new(Value::Scalar { text, plain }, self.0)
    }

    pub(super) fn word(self, text: &str) -> Item {
        self.scalar(text, false)
    }

    fn plain(self, text: &str) -> Item {
        self.scalar(text, true)
    }

    pub(super) fn list(self, items: Vec<Item>) -> Item {
        Item::new(Value::List(items), self.0)
    }

    pub(super) fn map<const N: usize>(self, entries: [(&str, Item); N]) -> Item {
        let entries = entries
            .into_iter()
            .map(|(key, item)| (key.to_owned(), self.0, item));
        Item::new(Value::Map(entries.collect()), self.0)
    }
}

/// What a boot device, or another of Butane's own settings, stands for.
#[derive(Default)]
pub(super) struct Storage {
    pub(super) disks: Vec<Item>,
    pub(super) raid: Vec<Item>,
    pub(super) luks: Vec<Item>,
    pub(super) filesystems: Vec<Item>,
    pub(super) files: Vec<Item>,
}

impl Storage {
    /// The same partitions on each of `devices`, `/boot` and the root mirrored over all of them.
    fn mirror(&mut self, devices: &[Item], layout: &str, at: At) {
        let (first, guid) = if layout == "x86_64" {
            ("bios", BIOS)
        } else {
            ("reserved", RESERVED)
        };
        let mut arrays = [("boot", Vec::new()), ("root", Vec::new())];
        for (number, device) in (1..).zip(devices) {
            let label = |name: &str| at.word(&format!("{name}-{number}"));
            let sized = |name: &str, mebibytes: &str| {
                at.map([("label", label(name)), ("size_mib", at.plain(mebibytes))])
            };
            let typed = |name: &str, mebibytes: &str, guid: &str| {
                let mut partition = sized(name, mebibytes);
                partition.set("type_guid", Some(at.word(guid)));
                partition
            };
            self.disks.push(at.map([
                ("device", at.word(device.text().unwrap_or_default())),
                ("wipe_table", at.plain("true")),
                (
                    "partitions",
                    at.list(vec![
                        typed(first, "1", guid),
                        typed("esp", "127", ESP),
                        sized("boot", "384"),
                        at.map([("label", label("root"))]),
                    ]),
                ),
            ]));
            let esp = format!("/dev/disk/by-partlabel/esp-{number}");
            let esp_label = format!("esp-{number}");
            self.filesystem(&esp, "vfat", &esp_label, at);
            for (name, parts) in &mut arrays {
                parts.push(at.word(&format!("/dev/disk/by-partlabel/{name}-{number}")));
            }
        }
        for (name, parts) in arrays {
            let mut array = at.map([
                ("name", at.word(&format!("md-{name}"))),
                ("level", at.word("raid1")),
                ("devices", at.list(parts)),
            ]);
            if name == "boot" {
                // Firmware and GRUB read the file system without the array, whose metadata is
                // therefore at the end.
                let options = at.list(vec![at.word("--metadata=1.0")]);
                array.set("options", Some(options));
            }
            self.raid.push(array);
        }
        self.filesystem("/dev/md/md-boot", "ext4", "boot", at);
    }

    /// The encrypted root, if anything unlocks it.
    fn encrypt(&mut self, luks: &Item, is_mirrored: bool, at: At) {
        let says_true = |key| luks.get(key).and_then(Item::text).is_some_and(is_true);
        let has_tang = luks.get("tang").is_some_and(|tang| !tang.is_empty());
        if !says_true("tpm2") && !has_tang {
            return;
        }
        let mut clevis = at.map([]);
        for key in ["tang", "threshold", "tpm2"] {
            clevis.set(key, luks.get(key).cloned());
        }
        let device = match luks.get("device") {
            Some(device) => device.clone(),
            None if is_mirrored => at.word("/dev/md/md-root"),
            None => at.word("/dev/disk/by-partlabel/root"),
        };
        let mut encrypted = at.map([
            ("name", at.word("root")),
            ("label", at.word("luks-root")),
            ("device", device),
            ("clevis", clevis),
            ("wipe_volume", at.plain("true")),
        ]);
        encrypted.set("discard", luks.get("discard").cloned());
        self.luks.push(encrypted);
    }

    fn root(&mut self, at: At) {
        let device = if self.luks.is_empty() {
            "/dev/md/md-root"
        } else {
            "/dev/mapper/root"
        };
        self.filesystem(device, "xfs", "root", at);
    }

    fn filesystem(&mut self, device: &str, format: &str, label: &str, at: At) {
        self.filesystems.push(at.map([
            ("device", at.word(device)),
            ("format", at.word(format)),
            ("label", at.word(label)),
            ("wipe_filesystem", at.plain("true")),
        ]));
    }

    /// Adds all of it to `storage` of `config`.
    pub(super) fn put_under(self, config: &mut Item, at: At) {
        let lists = [
            ("disks", self.disks, &["device"][..]),
            ("raid", self.raid, &["name"]),
            ("luks", self.luks, &["name"]),
            ("filesystems", self.filesystems, &["device"]),
            ("files", self.files, &["path"]),
        ];
        if lists.iter().all(|(_, items, _)| items.is_empty()) {
            return;
        }
        if config.get("storage").is_none_or(Item::is_empty) {
            config.set("storage", Some(at.map([])));
        }
        let Some(storage) = config.get_mut("storage") else {
            return;
        };
        for (key, items, names) in lists {
            let written = storage.get(key).cloned();
            let all = merged(at.list(items), written, names);
            storage.set(key, Some(all).filter(|all| !all.is_empty()));
        }
    }
}

fn is_true(text: &str) -> bool {
    matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "yes" | "on" | "y"
    )
}

/// Merges `over` into `under`, as Ignition merges configs: maps key by key, lists of maps by one of
/// `names`, other lists one after the other, each word once; anything else is that of `over`.
fn merged(under: Item, over: Option<Item>, names: &[&str]) -> Item {
    let Some(over) = over.filter(|over| !over.is_null()) else {
        return under;
    };
    let Item {
        value,
        span,
        comments,
        remark,
    } = over;
    let value = match (under.value, value) {
        (Value::Map(mut old), Value::Map(new)) => {
            for (key, at, item) in new {
                match old.iter_mut().find(|(known, ..)| *known == key) {
                    Some((_, _, there)) => {
                        *there = merged(there.clone(), Some(item), &["number", "label"]);
                    }
                    None => old.push((key, at, item)),
                }
            }
            Value::Map(old)
        }
        (Value::List(mut old), Value::List(new)) => {
            for item in new {
                let same = |there: &Item| {
                    let words = (there.text(), item.text());
                    if let (Some(there), Some(new)) = words {
                        return there == new;
                    }
                    names.iter().any(|name| {
                        let names = (there.get(name), item.get(name));
                        matches!(names, (Some(a), Some(b)) if a.text() == b.text())
                    })
                };
                match old.iter().position(same) {
                    Some(at) => old[at] = merged(old[at].clone(), Some(item), names),
                    None => old.push(item),
                }
            }
            Value::List(old)
        }
        (_, value) => value,
    };
    Item {
        value,
        span,
        comments,
        remark,
    }
}
