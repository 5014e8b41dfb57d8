//! Snapshots of etcd: `etcd: {backup: …}`, `kubernetes: {etcd_backup: …}`.

use crate::diagnostic::Located;
use crate::spec::decode::record;
use crate::spec::values::{CalendarEvent, SnapshotCount};

record! {
    /// Snapshots of the node's etcd member, kept in `/var/lib/imgbuild/etcd-snapshots` on the node.
    pub struct EtcdBackup {
        /// When to take them: a calendar event of systemd, in UTC.
        #[default = "daily"]
        #[example = "Mon..Fri 03:30"]
        pub schedule: Option<Located<CalendarEvent>>,
        /// How many to keep.
        #[default = "7"]
        #[example = "14"]
        pub keep: Option<Located<SnapshotCount>>,
    }
    "a backup"
}
