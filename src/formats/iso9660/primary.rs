//! Identifiers of the primary hierarchy (ECMA-119 §7.5, §7.6, level 2): upper-case letters, digits
//! and `_`.

use anyhow::{Result, ensure};

/// The longest file name including its extension (§10.2), and the longest directory identifier
/// (§7.6.3).
const FILE_MAX: usize = 30;
const DIRECTORY_MAX: usize = 31;

/// The d-characters nearest to `text` (§7.4.1).
fn d_characters(text: &str) -> Vec<u8> {
    text.chars()
        .map(|c| match c.to_ascii_uppercase() {
            c @ ('A'..='Z' | '0'..='9') => c as u8,
            _ => b'_',
        })
        .collect()
}

/// `root.squashfs` as `ROOT.SQUASHFS;1`, `vmlinuz` as `VMLINUZ.;1`.
pub(super) fn file(name: &str) -> Result<Vec<u8>> {
    // A leading dot is part of the name.
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, extension),
        _ => (name, ""),
    };
    let mut identifier = d_characters(stem);
    let extension = d_characters(extension);
    ensure!(
        identifier.len() + extension.len() <= FILE_MAX,
        "`{name}` is too long for an ISO image"
    );
    identifier.push(b'.');
    identifier.extend(extension);
    identifier.extend(b";1");
    Ok(identifier)
}

/// `.disk` as `_DISK`.
pub(super) fn directory(name: &str) -> Result<Vec<u8>> {
    let identifier = d_characters(name);
    ensure!(
        identifier.len() <= DIRECTORY_MAX,
        "`{name}` is too long for an ISO image"
    );
    Ok(identifier)
}

/// The sort key (§9.3): the name, then the extension.
pub(super) fn sort_key(identifier: &[u8]) -> (Vec<u8>, Vec<u8>) {
    match identifier.iter().position(|&b| b == b'.') {
        Some(dot) => (identifier[..dot].to_vec(), identifier[dot + 1..].to_vec()),
        None => (identifier.to_vec(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        let cases = [
            ("root.squashfs", "ROOT.SQUASHFS;1"),
            ("vmlinuz", "VMLINUZ.;1"),
            ("base-id", "BASE_ID.;1"),
            ("a.b.c", "A_B.C;1"),
            (".info", "_INFO.;1"),
        ];
        for (name, identifier) in cases {
            assert_eq!(file(name).expect("valid"), identifier.as_bytes(), "{name}");
        }
        assert_eq!(directory(".disk").expect("valid"), b"_DISK");
        assert!(file(&"a".repeat(31)).is_err());
        assert!(directory(&"a".repeat(32)).is_err());
    }

    #[test]
    fn shorter_names_come_first() {
        assert!(sort_key(b"A.ZZZ;1") < sort_key(b"AB.A;1"));
        assert!(sort_key(b"A.A;1") < sort_key(b"A.B;1"));
    }
}
