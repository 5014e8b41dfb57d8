//! `systemd:`, with Butane's names.

use crate::diagnostic::Located;
use crate::names::UnitName;
use crate::spec::decode::record;
use crate::spec::values::{LocalText, PlainName};

record! {
    /// Units and drop-ins.
    pub struct Systemd {
        /// Units to write, enable, disable or mask.
        pub units: Vec<Unit>,
    }
    "systemd"
}

record! {
    /// A systemd unit.
    pub struct Unit {
        /// The name with its type.
        pub name: Located<UnitName>,
        /// Whether it starts at boot; as the base has it where nothing is said.
        pub enabled: Option<Located<bool>>,
        /// Whether it can never start.
        pub mask: Option<Located<bool>>,
        /// The unit file's text.
        pub contents: Option<Located<String>>,
        /// A file beside the spec with the unit file's text.
        pub contents_local: Option<Located<LocalText>>,
        /// Additions to the unit.
        pub dropins: Vec<DropIn>,
    }
    "a unit",
    at_most_one(contents, contents_local)
}

record! {
    /// An addition to a unit.
    pub struct DropIn {
        /// The file name, ending in `.conf`.
        pub name: Located<PlainName>,
        /// The text.
        pub contents: Option<Located<String>>,
        /// A file beside the spec with the text.
        pub contents_local: Option<Located<LocalText>>,
    }
    "a drop-in",
    at_most_one(contents, contents_local)
}
