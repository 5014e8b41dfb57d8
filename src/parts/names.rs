//! Names that the parts write down, made into the newtypes that [`Fragment`](super::Fragment)
//! holds.

use crate::names::{AbsolutePath, UnitName, UserName};

/// A path that is absolute and normal by how the part builds it.
pub(super) fn path(text: &str) -> AbsolutePath {
    text.parse()
        .expect("a part builds its paths from constants and checked names")
}

/// A unit name that is valid by how the part builds it.
pub(super) fn unit(text: &str) -> UnitName {
    text.parse()
        .expect("a part builds its unit names from constants and escaped paths")
}

/// A user or group that the base has.
pub(super) fn user(text: &str) -> UserName {
    text.parse()
        .expect("a part names users of the base by constants")
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
            assert_eq!(escape_path(&path(given)), want, "{name}");
        }
    }
}
