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
        /// The name, with its type.
        #[example = "hello.service"]
        pub name: Located<UnitName>,
        /// Whether it starts at boot.
        #[otherwise = "as in the base"]
        pub enabled: Option<Located<bool>>,
        /// Whether to keep it from ever starting; `false` undoes that of the system.
        #[otherwise = "as in the base"]
        pub mask: Option<Located<bool>>,
        /// The text of the unit file.
        #[example = "\"[Service]\\nExecStart=/bin/true\\n\""]
        pub contents: Option<Located<String>>,
        /// A file beside the spec with the text of the unit file.
        #[example = "hello.service"]
        pub contents_local: Option<Located<LocalText>>,
        /// Drop-ins of the unit.
        #[example = "[{name: 10-site.conf, contents: \"[Service]\\nNice=5\\n\"}]"]
        pub dropins: Vec<DropIn>,
    }
    "a unit",
    at_most_one(contents, contents_local)
}

record! {
    /// A drop-in, which adds to a unit.
    pub struct DropIn {
        /// The file name, which ends in `.conf`.
        #[example = "10-site.conf"]
        pub name: Located<PlainName>,
        /// The text.
        #[example = "\"[Service]\\nNice=5\\n\""]
        pub contents: Option<Located<String>>,
        /// A file beside the spec with the text.
        #[example = "10-site.conf"]
        pub contents_local: Option<Located<LocalText>>,
    }
    "a drop-in",
    at_most_one(contents, contents_local)
}
