//! Names and values that have rules: an invalid one cannot be built.

use std::fmt;
use std::str::FromStr;

/// Why a text is not a valid name: one sentence without the name itself, for a diagnostic's
/// message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidName(pub String);

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidName {}

fn invalid<T>(why: impl Into<String>) -> Result<T, InvalidName> {
    Err(InvalidName(why.into()))
}

macro_rules! text_newtype {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let check: fn(&str) -> Result<(), InvalidName> = $check;
                check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_newtype!(
    /// A host name of one or more RFC 1123 labels, lower case, at most 64 bytes (Linux
    /// `HOST_NAME_MAX`).
    Hostname,
    |text| {
        if text.is_empty() {
            return invalid("a host name cannot be empty");
        }
        if text.len() > 64 {
            return invalid("a host name can have at most 64 characters on Linux");
        }
        for label in text.split('.') {
            if label.is_empty() {
                return invalid("a host name cannot contain an empty label");
            }
            if label.len() > 63 {
                return invalid("a label of a host name can have at most 63 characters (RFC 1123)");
            }
            if label.starts_with('-') || label.ends_with('-') {
                return invalid("a label of a host name cannot start or end with `-` (RFC 1123)");
            }
            if label.bytes().any(|b| b.is_ascii_uppercase()) {
                return invalid("a host name must be in lower case");
            }
            if !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                return invalid("a host name can contain only letters, digits, `-` and `.` (RFC 1123)");
            }
        }
        Ok(())
    }
);

text_newtype!(
    /// A systemd unit name with one of systemd's suffixes (`systemd.unit(5)`).
    UnitName,
    |text| {
        const SUFFIXES: [&str; 11] = [
            "service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice", "scope",
        ];
        // podman-systemd.unit(5): a generator makes services of them.
        const QUADLETS: [&str; 6] = ["build", "container", "image", "kube", "pod", "volume"];
        if text.len() > 255 {
            return invalid("a unit name can have at most 255 characters");
        }
        let Some((stem, suffix)) = text.rsplit_once('.') else {
            return invalid("a unit name must end in its type, such as `.service`");
        };
        if !SUFFIXES.contains(&suffix) {
            if QUADLETS.contains(&suffix) {
                return invalid(format!(
                    "`.{suffix}` is a file of Podman's: write it to /etc/containers/systemd under \
                     `storage.files`"
                ));
            }
            return invalid(format!("`.{suffix}` is not a type of systemd unit"));
        }
        if stem.is_empty() {
            return invalid("a unit name cannot consist of its type alone");
        }
        if !stem.bytes().all(|b| b.is_ascii_alphanumeric() || b":-_.\\@".contains(&b)) {
            return invalid("a unit name can contain only letters, digits and `:-_.\\@`");
        }
        Ok(())
    }
);

text_newtype!(
    /// An absolute, normal path: no `.`, `..`, empty component, NUL or trailing `/`.
    AbsolutePath,
    |text| {
        if !text.starts_with('/') {
            return invalid("a path on the node must be absolute");
        }
        if text.contains('\0') {
            return invalid("a path cannot contain NUL");
        }
        if text.len() > 4095 {
            return invalid("a path can have at most 4095 bytes");
        }
        if text != "/" {
            for component in text[1..].split('/') {
                match component {
                    "" => return invalid("a path cannot contain `//` or end in `/`"),
                    "." | ".." => return invalid("a path cannot contain `.` or `..`"),
                    long if long.len() > 255 => {
                        return invalid("a component of a path can have at most 255 bytes");
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
);

text_newtype!(
    /// A user or group name that some target's `useradd(8)` accepts: `[A-Za-z_][A-Za-z0-9_.-]*`, at
    /// most 32 bytes.
    UserName,
    |text| {
        if text.is_empty() || text.len() > 32 {
            return invalid("a user name must have 1 to 32 characters");
        }
        let mut bytes = text.bytes();
        if !bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_') {
            return invalid("a user name must start with a letter or `_`");
        }
        if !bytes.all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)) {
            return invalid("a user name can contain only letters, digits, `_`, `.` and `-`");
        }
        Ok(())
    }
);

text_newtype!(
    /// A network interface name: at most 15 bytes, no `/`, `:` or white space (Linux
    /// `dev_valid_name`).
    InterfaceName,
    |text| {
        if text.is_empty() || text.len() > 15 {
            return invalid("an interface name must have 1 to 15 characters");
        }
        if text == "." || text == ".." {
            return invalid("an interface cannot be named `.` or `..`");
        }
        if text.bytes().any(|b| b == b'/' || b == b':' || b.is_ascii_whitespace() || b == 0) {
            return invalid("an interface name cannot contain `/`, `:` or white space");
        }
        Ok(())
    }
);

impl InterfaceName {
    /// Whether it is a pattern that matches the names of several cards, such as `en*`
    /// (systemd.network(5), `Name=`).
    pub fn is_pattern(&self) -> bool {
        self.as_str().contains(['*', '?', '['])
    }
}

/// A 48-bit IEEE 802 MAC address; displays as `52:54:00:12:34:56`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// The address as iPXE's `${mac:hexhyp}` writes it: `52-54-00-12-34-56`.
    pub fn hyphenated(self) -> String {
        self.to_string().replace(':', "-")
    }
}

impl FromStr for MacAddr {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let mut address = [0; 6];
        let mut octets = text.split([':', '-']);
        for octet in &mut address {
            let Some(pair) = octets.next() else {
                return invalid("a MAC address must have six octets, as in 52:54:00:12:34:56");
            };
            if pair.len() != 2 || !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
                return invalid("each octet of a MAC address must be two hexadecimal digits");
            }
            *octet = u8::from_str_radix(pair, 16).map_err(|e| InvalidName(e.to_string()))?;
        }
        if octets.next().is_some() {
            return invalid("a MAC address must have six octets, as in 52:54:00:12:34:56");
        }
        if address[0] & 1 == 1 {
            return invalid("the MAC address of a network card cannot be a multicast address");
        }
        Ok(Self(address))
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = self.0.map(|octet| format!("{octet:02x}"));
        f.write_str(&octets.join(":"))
    }
}

/// The first character of a kernel argument that some boot loader does not pass on unchanged: each
/// parses its configuration differently, and all of them leave alone only printable ASCII other
/// than space, quotes, `\`, `$`, `#` and grave accents.
pub fn altered_by_boot_loaders(argument: &str) -> Option<char> {
    argument
        .chars()
        .find(|character| !character.is_ascii_graphic() || "'\"\\$#`".contains(*character))
}

/// A machine architecture, by Debian's and Kubernetes' name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Arch {
    /// `x86_64`
    #[default]
    Amd64,
    /// `aarch64`
    Arm64,
}

impl Arch {
    /// Debian's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Arch {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match text {
            "amd64" => Ok(Self::Amd64),
            "arm64" => Ok(Self::Arm64),
            _ => invalid("an architecture must be `amd64` or `arm64`"),
        }
    }
}

/// `host:port` of a URL (RFC 3986, section 3.2): an IPv6 address stands in brackets.
pub(crate) fn authority(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// `path` as the stem of a mount, swap or device unit's name (`systemd.unit(5)`, "String Escaping
/// for Inclusion in Unit Names").
pub(crate) fn escape_path(path: &AbsolutePath) -> String {
    use std::fmt::Write;

    let inner = path.as_str().trim_start_matches('/');
    if inner.is_empty() {
        return "-".to_owned();
    }
    let mut escaped = String::with_capacity(inner.len());
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'/' => escaped.push('-'),
            b'.' if at == 0 => escaped.push_str("\\x2e"),
            b'.' | b'_' | b':' => escaped.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => escaped.push(char::from(byte)),
            _ => write!(escaped, "\\x{byte:02x}").expect("writing to a string"),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_urls() {
        for (host, want) in [
            ("kube1", "kube1:6443"),
            ("192.168.1.10", "192.168.1.10:6443"),
            ("fd00::10", "[fd00::10]:6443"),
        ] {
            assert_eq!(authority(host, 6443), want);
        }
    }

    #[test]
    fn host_names() {
        for good in ["a", "kube1", "kube-1.lab.example", "1"] {
            assert!(good.parse::<Hostname>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "a..b", "Kube", "a_b", &"a".repeat(65)] {
            assert!(bad.parse::<Hostname>().is_err(), "{bad}");
        }
    }

    #[test]
    fn unit_names() {
        for good in ["a.service", "getty@tty1.service", "var-lib\\x2da.mount"] {
            assert!(good.parse::<UnitName>().is_ok(), "{good}");
        }
        for bad in ["a", ".service", "a.servce", "a b.service", "a/b.service"] {
            assert!(bad.parse::<UnitName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn paths() {
        for good in ["/", "/etc/hostname"] {
            assert!(good.parse::<AbsolutePath>().is_ok(), "{good}");
        }
        for bad in ["etc", "/etc/", "/etc//a", "/etc/../a", "/./a", "/a\0"] {
            assert!(bad.parse::<AbsolutePath>().is_err(), "{bad}");
        }
    }

    #[test]
    fn mac_addresses() {
        let mac: MacAddr = "52:54:00:AB:34:56".parse().expect("valid");
        assert_eq!(mac.to_string(), "52:54:00:ab:34:56");
        assert_eq!(mac.hyphenated(), "52-54-00-ab-34-56");
        for bad in [
            "",
            "52:54:00:12:34",
            "52:54:00:12:34:56:78",
            "01:00:5e:00:00:01",
            "5:4:0:1:3:5",
        ] {
            assert!(bad.parse::<MacAddr>().is_err(), "{bad}");
        }
    }

    /// What `systemd-escape --path` gives.
    #[test]
    fn paths_are_escaped_as_systemd_does() {
        for (name, given, want) in [
            ("root", "/", "-"),
            ("plain", "/var/lib/etcd", "var-lib-etcd"),
            ("dash", "/dev/disk/by-id/a-b", r"dev-disk-by\x2did-a\x2db"),
            ("leading dot", "/.hidden", r"\x2ehidden"),
            ("dot inside", "/var/a.b", "var-a.b"),
            ("not ASCII", "/é", r"\xc3\xa9"),
        ] {
            assert_eq!(escape_path(&given.parse().unwrap()), want, "{name}");
        }
    }
}
