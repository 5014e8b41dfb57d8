//! Identifiers of the Joliet hierarchy: UCS-2, big-endian, unchanged (Joliet Specification,
//! Microsoft 1995).

use anyhow::{Result, ensure};

/// Escape sequence for UCS-2 level 3.
pub(super) const ESCAPE_SEQUENCE: &[u8; 3] = b"%/E";
/// The longest name, in characters.
const NAME_MAX: usize = 64;

/// `text` in big-endian UCS-2.
pub(super) fn ucs2(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// A file's identifier, with its version.
pub(super) fn file(name: &str) -> Result<Vec<u8>> {
    check(name)?;
    Ok(ucs2(&format!("{name};1")))
}

/// A directory's identifier.
pub(super) fn directory(name: &str) -> Result<Vec<u8>> {
    check(name)?;
    Ok(ucs2(name))
}

fn check(name: &str) -> Result<()> {
    ensure!(
        name.encode_utf16().count() <= NAME_MAX
            && !name
                .chars()
                .any(|c| c.is_control() || "*/:;?\\".contains(c) || c > '\u{ffff}'),
        "`{}` is not a valid name in the Joliet tree of an ISO image",
        name.escape_debug()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        assert_eq!(file("a").expect("valid"), b"\0a\0;\x001");
        assert_eq!(directory("é").expect("valid"), b"\0\xe9");
        for bad in ["a:b", "a;1", "😀", &"a".repeat(65), "a\nb"] {
            assert!(file(bad).is_err(), "{bad}");
        }
    }
}
