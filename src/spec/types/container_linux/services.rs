//! ct's `docker:`, `locksmith:`, `update:`, `systemd:`, `networkd:` and `ignition:`.

use serde_json::{Value as Json, json};

use super::storage::{CtSourceUrl, CtVerification};
use crate::diagnostic::{Located, codes};
use crate::facts::systems::IgnitionVersion;
use crate::names::UnitName;
use crate::spec::decode::{Leaf, LeafError, record, text, word_leaf};
use crate::spec::types::DropIn;
use crate::spec::values::{Line, LocalText, PlainName};
use crate::spec::yaml::Scalar;
use crate::words::words;

record! {
    /// docker.
    pub struct CtDocker {
        /// Flags of dockerd.
        #[example = "['--debug=true']"]
        pub flags: Vec<Located<Line>>,
    }
    "docker"
}

words! {
    /// When a node reboots into an update.
    pub enum CtRebootStrategy {
        /// At once.
        Reboot = "reboot",
        /// One node after the other, by a lock in etcd.
        EtcdLock = "etcd-lock",
        /// Never by itself.
        Off = "off",
    }
}

word_leaf!(CtRebootStrategy, "a reboot strategy");

record! {
    /// locksmithd, which reboots a node into its update.
    pub struct CtLocksmith {
        /// When the node reboots.
        #[otherwise = "that of the system"]
        pub reboot_strategy: Option<Located<CtRebootStrategy>>,
        /// When reboots may start: a day and a time, or a time for every day.
        #[otherwise = "at any time"]
        #[example = "Thu 04:00"]
        pub window_start: Option<Located<WindowStart>>,
        /// How long after that they may start.
        #[example = "1h30m"]
        pub window_length: Option<Located<WindowLength>>,
        /// The group of nodes that share a lock.
        #[example = "workers"]
        pub group: Option<Located<Line>>,
        /// The URLs of etcd.
        #[example = "http://192.168.1.10:2379"]
        pub etcd_endpoints: Option<Located<Line>>,
        /// The path on the node of the certificate authority of etcd.
        #[example = "/etc/ssl/certs/etcd-ca.pem"]
        pub etcd_cafile: Option<Located<Line>>,
        /// The path on the node of the client certificate.
        #[example = "/etc/ssl/certs/etcd-client.pem"]
        pub etcd_certfile: Option<Located<Line>>,
        /// The path on the node of its key.
        #[example = "/etc/ssl/private/etcd-client-key.pem"]
        pub etcd_keyfile: Option<Located<Line>>,
    }
    "locksmith"
}

/// The start of a window for reboots (locksmith's README).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowStart(pub String);

impl Leaf for WindowStart {
    const WHAT: &'static str = "the start of a reboot window";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^([A-Za-z]{3} )?[0-9]{1,2}:[0-9]{2}$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        let wrong = |why: &str| {
            LeafError::rule(codes::BAD_CT_VALUE, text, Self::WHAT, why)
                .help("write it like `Thu 04:00` or `04:00`")
        };
        let time = match text.split_once(' ') {
            None => text,
            Some((day, time)) => {
                const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
                if !DAYS.contains(&day.to_ascii_lowercase().as_str()) {
                    return Err(wrong(
                        "a day must be the first three letters of its English name",
                    ));
                }
                time
            }
        };
        let number = |text: &str, below: u8| {
            text.len() <= 2 && text.parse::<u8>().is_ok_and(|number| number < below)
        };
        match time.split_once(':') {
            Some((hour, minute)) if number(hour, 24) && minute.len() == 2 && number(minute, 60) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(wrong("the time must be hours and minutes")),
        }
    }
}

/// A length of time as Go writes it: `1h30m`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowLength(pub String);

impl Leaf for WindowLength {
    const WHAT: &'static str = "a duration";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^([0-9.]+(ns|us|ms|s|m|h))+$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        let mut rest = text;
        let mut good = !rest.is_empty();
        while good && !rest.is_empty() {
            let digits = rest.len()
                - rest
                    .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')
                    .len();
            let unit = ["ns", "us", "ms", "s", "m", "h"]
                .into_iter()
                .find(|unit| rest[digits..].starts_with(unit));
            good = rest[..digits].parse::<f64>().is_ok() && unit.is_some();
            rest = &rest[digits + unit.map_or(0, str::len)..];
        }
        if good {
            return Ok(Self(text.to_owned()));
        }
        Err(LeafError::rule(
            codes::BAD_CT_VALUE,
            text,
            Self::WHAT,
            "must be numbers, each with its unit",
        )
        .help("write it like `1h30m`"))
    }
}

record! {
    /// Where updates come from.
    pub struct CtUpdate {
        /// The channel: stable, beta, alpha, or one of your own server.
        #[otherwise = "that of the system"]
        #[example = "stable"]
        pub group: Option<Located<Line>>,
        /// The URL of your own server.
        #[otherwise = "that of the system"]
        #[example = "https://updates.example/v1/update/"]
        pub server: Option<Located<Line>>,
    }
    "update"
}

record! {
    /// Units and drop-ins, as in ct.
    pub struct CtSystemd {
        /// Units to write, enable, disable or mask.
        pub units: Vec<CtUnit>,
    }
    "systemd"
}

record! {
    /// A systemd unit.
    pub struct CtUnit {
        /// The name, with its type.
        #[example = "hello.service"]
        pub name: Located<UnitName>,
        /// An older form of `enabled: true`.
        #[otherwise = "false"]
        pub enable: Option<Located<bool>>,
        /// Whether it starts at boot.
        #[otherwise = "as in the system"]
        pub enabled: Option<Located<bool>>,
        /// Whether to keep it from ever starting.
        #[default = "false"]
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
    at_most_one(enable, enabled),
    at_most_one(contents, contents_local)
}

record! {
    /// Files of systemd-networkd, as in ct.
    pub struct CtNetworkd {
        /// The files.
        pub units: Vec<CtNetworkdUnit>,
    }
    "networkd"
}

record! {
    /// A file of systemd-networkd.
    pub struct CtNetworkdUnit {
        /// The file name, which ends in .network, .netdev or .link.
        #[example = "10-eth0.network"]
        pub name: Located<PlainName>,
        /// The text.
        #[example = "\"[Match]\\nName=eth0\\n\""]
        pub contents: Option<Located<String>>,
        /// A file beside the spec with the text.
        #[example = "10-eth0.network"]
        pub contents_local: Option<Located<LocalText>>,
        /// Drop-ins of the file.
        #[example = "[{name: 10-site.conf, contents: \"[Network]\\nDHCP=yes\\n\"}]"]
        pub dropins: Vec<DropIn>,
    }
    "a networkd unit",
    at_most_one(contents, contents_local)
}

record! {
    /// The Ignition config itself.
    pub struct CtIgnition {
        /// The version of Ignition's specification.
        #[otherwise = "the oldest that the target takes"]
        #[example = "2.3.0"]
        pub version: Option<Located<IgnitionVersion>>,
        /// Other configs.
        pub config: Option<CtConfigs>,
        /// How long Ignition waits.
        pub timeouts: Option<CtTimeouts>,
        /// Whom Ignition trusts.
        pub security: Option<CtSecurity>,
    }
    "ignition"
}

record! {
    /// Other configs.
    pub struct CtConfigs {
        /// Configs to add to this one.
        #[example = "[{source: 'https://configs.example/more.ign'}]"]
        pub append: Vec<CtReference>,
        /// A config to use instead of this one.
        #[example = "{source: 'https://configs.example/other.ign'}"]
        pub replace: Option<CtReference>,
    }
    "config"
}

record! {
    /// A file that Ignition fetches.
    pub struct CtReference {
        /// The URL.
        #[example = "https://configs.example/more.ign"]
        pub source: Located<CtSourceUrl>,
        /// What the bytes must be.
        pub verification: Option<CtVerification>,
    }
    "a reference"
}

record! {
    /// How long Ignition waits, in seconds.
    pub struct CtTimeouts {
        /// For the headers of a response.
        #[otherwise = "Ignition's own, 10"]
        #[example = "20"]
        pub http_response_headers: Option<Located<u32>>,
        /// For a whole response; 0 for no limit.
        #[otherwise = "0"]
        #[example = "60"]
        pub http_total: Option<Located<u32>>,
    }
    "timeouts"
}

record! {
    /// The authorities that Ignition trusts.
    pub struct CtSecurity {
        /// The authorities that Ignition trusts over HTTPS.
        pub tls: Option<CtTls>,
    }
    "security"
}

record! {
    /// The authorities that Ignition trusts over HTTPS.
    pub struct CtTls {
        /// Certificates in PEM.
        #[example = "[{source: 'https://configs.example/ca.pem'}]"]
        pub certificate_authorities: Vec<CtReference>,
    }
    "tls"
}
