//! Rock Ridge: POSIX names and modes in the system use fields of directory records (RRIP 1.10 on
//! SUSP 1.10).

/// What a directory record describes, besides its name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Record<'a> {
    /// The record of the root for itself, which announces the extension.
    RootDot,
    /// Any directory's record for itself or for its parent.
    Dot,
    /// A named directory, or a file with these permission bits.
    Named(&'a str, Option<u32>),
}

const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
/// The longest name that always fits next to the other fields in a record of 255 bytes; longer ones
/// would need a continuation area.
pub(super) const NAME_MAX: usize = 100;

/// The system use field of a record.
pub(super) fn system_use(record: Record<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Record::RootDot = record {
        // SUSP §5.3: "SP", length, version, check bytes, bytes to skip.
        bytes.extend([b'S', b'P', 7, 1, 0xbe, 0xef, 0]);
    }
    let mode = match record {
        Record::Named(_, Some(mode)) => REGULAR | mode,
        _ => DIRECTORY | 0o555,
    };
    let links = if mode & DIRECTORY == 0 { 1 } else { 2 };
    // RRIP §4.1.1: mode, links, owner, group.
    bytes.extend([b'P', b'X', 36, 1]);
    for field in [mode, links, 0, 0] {
        bytes.extend(super::both_u32(field));
    }
    if let Record::Named(name, _) = record {
        // RRIP §4.1.4: flags, name. The name has at most NAME_MAX bytes.
        bytes.extend([
            b'N',
            b'M',
            u8::try_from(5 + name.len()).unwrap_or(u8::MAX),
            1,
            0,
        ]);
        bytes.extend(name.as_bytes());
    }
    if let Record::RootDot = record {
        // SUSP §5.5: lengths of identifier, descriptor and source, version of the extension,
        // identifier.
        bytes.extend([b'E', b'R', 18, 1, 10, 0, 0, 1]);
        bytes.extend(b"RRIP_1991A");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_and_mode() {
        let bytes = system_use(Record::Named("payload.cpio", Some(0o400)));
        assert_eq!(&bytes[..4], b"PX\x24\x01");
        assert_eq!(bytes[4..8], 0o100_400_u32.to_le_bytes());
        assert_eq!(bytes[8..12], 0o100_400_u32.to_be_bytes());
        assert_eq!(&bytes[36..], b"NM\x11\x01\0payload.cpio");
    }

    #[test]
    fn the_root_announces_the_extension() {
        let bytes = system_use(Record::RootDot);
        assert_eq!(&bytes[..7], b"SP\x07\x01\xbe\xef\0");
        assert_eq!(&bytes[43..], b"ER\x12\x01\x0a\0\0\x01RRIP_1991A");
    }
}
