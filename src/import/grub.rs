//! Converts Butane's `grub:` to the file that it stands for: passwords for GRUB's menu and its
//! command line on Fedora CoreOS (Butane, docs/config-fcos-v1_4.md; GRUB manual, "Security").

use std::fmt::Write as _;

use super::Findings;
use super::boot_device::{At, Storage};
use super::item::{Item, Value};

/// Removes `grub` from `config`, and puts what it stands for under `storage`.
pub(super) fn to_spec(config: &mut Item, found: &mut Findings) {
    let Some(grub) = config.remove("grub").filter(|grub| !grub.is_null()) else {
        return;
    };
    found.unknown(&grub, "grub", &["users"]);
    let users: &[Item] = match grub.get("users").map(|users| &users.value) {
        Some(Value::List(users)) => users,
        _ => &[],
    };
    if users.is_empty() {
        return;
    }
    let mut names = Vec::new();
    let mut passwords = String::new();
    for user in users {
        found.unknown(user, "grub.users", &["name", "password_hash"]);
        let text = |key| user.get(key).and_then(Item::text).unwrap_or_default();
        let (name, hash) = (text("name"), text("password_hash"));
        if [name, hash].iter().any(|text| text.is_empty()) {
            found.refused(
                user.span,
                "a user of GRUB needs a `name` and a `password_hash`".to_owned(),
            );
        }
        names.push(name);
        // Writing to a String does not fail.
        let _ = writeln!(passwords, "password_pbkdf2 {name} {hash}");
    }
    let settings = format!("set superusers=\"{}\"\n{passwords}", names.join(" "));
    let at = At(grub.span);
    let storage = Storage {
        // The partition is mounted read-only, and Ignition needs it writable.
        filesystems: vec![at.map([
            ("device", at.word("/dev/disk/by-label/boot")),
            ("format", at.word("ext4")),
            ("path", at.word("/boot")),
        ])],
        files: vec![at.map([
            ("path", at.word("/boot/grub2/user.cfg")),
            (
                "append",
                at.list(vec![at.map([("inline", at.word(&settings))])]),
            ),
        ])],
        ..Storage::default()
    };
    storage.put_under(config, at);
}
