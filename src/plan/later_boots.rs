//! Disks of targets whose Ignition runs at every boot: each boot must find what the first one
//! created.
//!
//! The base keeps what bears its mark (`configs/base/root/usr/lib/imgbuild/keep-disks`). What
//! cannot bear one, or cannot be opened again, is an error here.

use std::collections::BTreeSet;

use ignition_config::v3_4;

use super::Decider;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::systems::{IgnitionRuns, Target};
use crate::spec::{self, FilesystemFormat, Storage};

impl Decider<'_> {
    /// Checks the disks of `storage` on a `target`.
    pub(super) fn later_boots(&mut self, target: Target, storage: &Storage) {
        if !finds_its_disks(target) {
            return;
        }
        for disk in &storage.disks {
            self.wiped_table(disk);
        }
        for filesystem in &storage.filesystems {
            if let Some(wipe) = wiping(filesystem.wipe_filesystem)
                && filesystem.format.map(|format| format.value) == Some(FilesystemFormat::None)
            {
                self.found.push(
                    Diagnostic::error(
                        codes::WIPED_AT_EVERY_BOOT,
                        wipe.span,
                        format!("`{}` would be wiped at every boot", filesystem.device.value),
                    )
                    .label("with `format: none`, nothing shows that it was wiped")
                    .help("remove `wipe_filesystem`, or specify a format"),
                );
            }
        }
        for luks in &storage.luks {
            // Clevis has its own error.
            if luks.key_file.is_none() && luks.clevis.is_none() {
                self.found.push(
                    Diagnostic::error(
                        codes::KEY_LOST_AT_NEXT_BOOT,
                        luks.name.span,
                        format!("the second boot could not open `{}`", luks.name.as_str()),
                    )
                    .label("no `key_file`: the first boot would generate a key and lose it")
                    .help("add a key: `key_file: {local: FILE}`"),
                );
            }
        }
    }

    fn wiped_table(&mut self, disk: &spec::Disk) {
        let exists =
            |partition: &spec::Partition| partition.should_exist.is_none_or(|exists| exists.value);
        if let Some(wipe) = wiping(disk.wipe_table)
            && !disk.partitions.iter().any(exists)
        {
            self.found.push(
                Diagnostic::error(
                    codes::WIPED_AT_EVERY_BOOT,
                    wipe.span,
                    format!("`{}` would be wiped at every boot", disk.device.value),
                )
                .label("without partitions, nothing shows that it was wiped")
                .help(
                    "list `partitions`; for a file system on the whole disk, use its `wipe_filesystem`",
                ),
            );
        }
    }
}

/// Whether Ignition finds what it created at an earlier boot.
pub(super) fn finds_its_disks(target: Target) -> bool {
    target.facts().ignition_runs == IgnitionRuns::AtEveryBoot
}

fn wiping(wipe: Option<Located<bool>>) -> Option<Located<bool>> {
    wipe.filter(|wipe| wipe.value)
}

/// Gives partitions without a number the number that they would get on an empty disk: otherwise
/// each boot would add them once more. Ignition creates them after those that have one.
pub(super) fn number(partitions: &mut [v3_4::Partition]) {
    let is_numbered = |partition: &v3_4::Partition| partition.number.unwrap_or(0) != 0;
    // Ignition does not support both on one disk.
    if partitions
        .iter()
        .any(|partition| partition.should_exist == Some(false))
    {
        return;
    }
    partitions.sort_by_key(|partition| !is_numbered(partition));
    let used: BTreeSet<i64> = partitions.iter().filter_map(|it| it.number).collect();
    let mut free = (1..).filter(|number| !used.contains(number));
    for partition in partitions.iter_mut().filter(|it| !is_numbered(it)) {
        partition.number = free.next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_an_empty_disk() {
        let partition = |label: &str, number: Option<i64>| v3_4::Partition {
            label: Some(label.to_owned()),
            number,
            ..v3_4::Partition::default()
        };
        let mut partitions = [
            partition("a", None),
            partition("b", Some(2)),
            partition("c", Some(0)),
            partition("d", Some(1)),
        ];
        number(&mut partitions);
        let got = partitions.map(|it| (it.label.unwrap_or_default(), it.number));
        let want = [("b", 2), ("d", 1), ("a", 3), ("c", 4)];
        assert_eq!(
            got,
            want.map(|(label, number)| (label.to_owned(), Some(number)))
        );
    }
}
