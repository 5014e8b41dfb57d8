//! Names and words with rules: those of `names.rs`, and those used only in a spec.

use std::fmt;

use serde_json::{Value as Json, json};

use crate::diagnostic::{Code, codes};
use crate::names::{AbsolutePath, Arch, Hostname, InterfaceName, MacAddr, UnitName, UserName};
use crate::spec::decode::{Leaf, LeafError, text, unknown_word};
use crate::spec::yaml::{Kind, Scalar};

/// Reads a newtype of `names.rs` through its `FromStr`.
macro_rules! parsed_leaf {
    ($($type:ty: $what:literal, $code:expr, $schema:expr;)+) => {
        $(impl Leaf for $type {
            const WHAT: &'static str = $what;

            fn schema() -> Json {
                $schema
            }

            fn read(scalar: &Scalar) -> Result<Self, LeafError> {
                let text = text(scalar, Self::WHAT)?;
                text.parse().map_err(|why: crate::names::InvalidName| LeafError::rule($code, text, $what, why.0))
            }
        })+
    };
}

parsed_leaf! {
    Hostname: "a host name", codes::BAD_HOSTNAME, json!({ "type": "string", "maxLength": 64, "pattern": "^[a-z0-9.-]+$" });
    UserName: "a user or group name", codes::BAD_USER_NAME, json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_.-]{0,31}$" });
    InterfaceName: "an interface name", codes::BAD_INTERFACE_NAME, json!({ "type": "string", "pattern": "^[^/:\\s]{1,15}$" });
    AbsolutePath: "a path on the node", codes::BAD_PATH, json!({ "type": "string", "pattern": "^/" });
    UnitName: "a unit name", codes::BAD_UNIT_NAME, json!({ "type": "string", "pattern": "^[A-Za-z0-9:_.\\\\@-]+\\.[a-z]+$" });
    MacAddr: "a MAC address", codes::BAD_MAC, json!({ "type": "string", "pattern": "^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$" });
}

impl Leaf for Arch {
    const WHAT: &'static str = "an architecture";

    fn schema() -> Json {
        json!({ "enum": ["amd64", "arm64"] })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        match &*scalar.text {
            "x86_64" => Err(unknown_word("x86_64", Self::WHAT, &["amd64", "arm64"])
                .help("did you mean `amd64`?")),
            "aarch64" => Err(unknown_word("aarch64", Self::WHAT, &["amd64", "arm64"])
                .help("did you mean `arm64`?")),
            word => word
                .parse()
                .map_err(|_| unknown_word(word, Self::WHAT, &["amd64", "arm64"])),
        }
    }
}

/// A text newtype with a check that returns the reason if it fails.
macro_rules! text_leaf {
    ($(#[doc = $doc:literal])+ $name:ident: $what:literal, $code:expr, $schema:expr, $check:expr) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Returns the value as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Leaf for $name {
            const WHAT: &'static str = $what;

            fn schema() -> Json {
                $schema
            }

            fn read(scalar: &Scalar) -> Result<Self, LeafError> {
                let text = text(scalar, Self::WHAT)?;
                let check: fn(&str) -> Result<(), &'static str> = $check;
                check(text).map_err(|why| LeafError::rule($code, text, $what, why))?;
                Ok(Self(text.to_owned()))
            }
        }
    };
}

/// Checks for letters, digits and `marks`, starting with a letter or digit, 1 to `longest` bytes.
fn name_of(text: &str, marks: &[u8], longest: usize) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("must not be empty");
    }
    if text.len() > longest {
        return Err("is too long");
    }
    if !text.starts_with(|c: char| c.is_ascii_alphanumeric() || (c == '_' && marks.contains(&b'_')))
    {
        return Err("must start with a letter or digit");
    }
    if !text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || marks.contains(&b))
    {
        return Err("must consist of letters, digits, `-`, `_` and `.`");
    }
    Ok(())
}

fn one_line(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("must not be empty");
    }
    if text.chars().any(char::is_control) {
        return Err("must not contain a line break or another control character");
    }
    Ok(())
}

text_leaf!(
    /// A line of text without control characters.
    Line: "a line of text", codes::NOT_ONE_LINE, json!({ "type": "string", "minLength": 1 }), one_line
);

text_leaf!(
    /// The name of a cluster in its certificates and tokens: at most 63 letters, digits, `-`, `_`
    /// and `.`.
    ClusterName: "a cluster name", codes::BAD_NAME, json!({ "type": "string", "maxLength": 63 }),
    |text| name_of(text, b"-_.", 63)
);

text_leaf!(
    /// The name of an etcd member: at most 64 letters, digits, `-`, `_` and `.`; `=` and `,` would
    /// break `initial-cluster`.
    MemberName: "an etcd member name", codes::BAD_NAME, json!({ "type": "string", "maxLength": 64 }),
    |text| name_of(text, b"-_.", 64)
);

text_leaf!(
    /// A name that becomes a file name on the node: at most 128 letters, digits, `-`, `_` and `.`.
    PlainName: "a name", codes::BAD_NAME, json!({ "type": "string", "maxLength": 128 }),
    |text| name_of(text, b"-_.@", 128)
);

text_leaf!(
    /// A kernel module, as modprobe(8) takes it.
    ModuleName: "a kernel module name", codes::BAD_NAME, json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]*$" }),
    |text| name_of(text, b"-_", 64)
);

text_leaf!(
    /// The name of a setting without its leading dashes: `heartbeat-interval`, `MIIMonitorSec`.
    SettingName: "a setting name", codes::BAD_NAME, json!({ "type": "string" }),
    |text| name_of(text, b"-_.", 64)
);

text_leaf!(
    /// A key as sysctl(8) takes it, with dots; an interface's own dots are written as `/`.
    SysctlKey: "a sysctl key", codes::BAD_SYSCTL, json!({ "type": "string" }),
    |text| {
        if !text.contains(['.', '/']) {
            return Err("must contain a dot, as in vm.swappiness");
        }
        if text.split(['.', '/']).any(|part| part.is_empty() || part == "..") {
            return Err("must not contain an empty part");
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:@".contains(&b)) {
            return Err("must consist of letters, digits and `-_./:@`");
        }
        Ok(())
    }
);

text_leaf!(
    /// One argument of the kernel's command line.
    KernelArgument: "a kernel argument", codes::BAD_KERNEL_ARGUMENT, json!({ "type": "string", "minLength": 1 }),
    |text| {
        one_line(text)?;
        let mut quoted = false;
        for c in text.chars() {
            match c {
                '"' => quoted = !quoted,
                c if c.is_whitespace() && !quoted => return Err("write each argument as a separate list item"),
                c if !c.is_ascii() => return Err("must be ASCII"),
                _ => {}
            }
        }
        if quoted {
            return Err("a double quote is not closed");
        }
        // linux/include/uapi/asm-generic/setup.h: COMMAND_LINE_SIZE is 2048 on x86 and arm64, for
        // the whole line.
        if text.len() > 1024 {
            return Err("must be at most 1024 bytes long");
        }
        Ok(())
    }
);

text_leaf!(
    /// The label of a GPT partition: at most 36 characters (UEFI 2.10 §5.3.3), no `:` (Ignition).
    PartitionLabel: "a partition label", codes::BAD_NAME, json!({ "type": "string", "maxLength": 36 }),
    |text| {
        one_line(text)?;
        if text.chars().count() > 36 {
            return Err("a GPT label must be at most 36 characters long");
        }
        if text.contains(':') {
            return Err("a label must not contain `:`");
        }
        Ok(())
    }
);

text_leaf!(
    /// An option of a file system or of mkfs: no white space, as in fstab(5).
    Fstab: "an option", codes::BAD_NAME, json!({ "type": "string", "minLength": 1 }),
    one_line
);

text_leaf!(
    /// A UUID or GUID of 32 hexadecimal digits in five groups.
    Uuid: "a UUID", codes::BAD_UUID,
    json!({ "type": "string", "pattern": "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$" }),
    |text| {
        let groups: Vec<usize> = text.split('-').map(str::len).collect();
        if groups != [8, 4, 4, 4, 12] || !text.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()) {
            return Err("must be 32 hexadecimal digits in groups of 8, 4, 4, 4 and 12");
        }
        Ok(())
    }
);

text_leaf!(
    /// A digest as Ignition writes it: `sha256-…` or `sha512-…`.
    Digest: "a digest", codes::BAD_DIGEST,
    json!({ "type": "string", "pattern": "^(sha256-[0-9A-Fa-f]{64}|sha512-[0-9A-Fa-f]{128})$" }),
    |text| {
        let Some((kind, digits)) = text.split_once('-') else {
            return Err("must start with `sha256-` or `sha512-`");
        };
        let length = match kind {
            "sha256" => 64,
            "sha512" => 128,
            _ => return Err("must start with `sha256-` or `sha512-`"),
        };
        if digits.len() != length {
            return Err("SHA-256 has 64 hexadecimal digits, SHA-512 has 128");
        }
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err("must contain only hexadecimal digits after the `-`");
        }
        Ok(())
    }
);

/// A value for another program: text, a number, true or false, kept as written; one line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Setting(String);

impl Setting {
    /// Returns the value as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Leaf for Setting {
    const WHAT: &'static str = "text, a number, true or false";

    fn schema() -> Json {
        json!({ "type": ["string", "number", "boolean"] })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let code: Code = codes::NOT_ONE_LINE;
        if scalar.text.chars().any(|c| c.is_control() && c != '\t') {
            return Err(LeafError::rule(
                code,
                &scalar.text,
                "a line of text",
                "must not contain a line break or another control character",
            ));
        }
        Ok(match scalar.kind() {
            Kind::Boolean => Self(scalar.text.to_ascii_lowercase()),
            _ => Self(scalar.text.to_string()),
        })
    }
}
