//! Snapshots of etcd: `etcd: {backup: …}`, `kubernetes: {etcd_backup: …}`.

use crate::diagnostic::Located;
use crate::spec::decode::record;
use crate::spec::values::{CalendarEvent, SnapshotCount};

record! {
    /// Snapshots of the node's etcd member, kept in `/var/lib/imgbuild/etcd-snapshots` on the node.
    pub struct EtcdBackup {
        /// When: a calendar event of systemd in UTC, such as `daily`, `hourly` or `Mon..Fri 03:30`;
        /// `daily` where nothing is said.
        pub schedule: Option<Located<CalendarEvent>>,
        /// How many are kept, the newest; 7 where nothing is said.
        pub keep: Option<Located<SnapshotCount>>,
    }
    "a backup"
}
