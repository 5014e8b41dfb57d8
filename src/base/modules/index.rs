//! The index files of kmod (`libkmod-index.c`): a trie, written children first, numbers in big
//! endian.

use std::collections::BTreeMap;

/// `INDEX_MAGIC`
const MAGIC: u32 = 0xB007_F457;

/// `INDEX_VERSION`: major and minor.
const VERSION: u32 = 2 << 16 | 1;

/// Flags in a node's offset: which parts the node has.
const PREFIX: u32 = 0x8000_0000;
const VALUES: u32 = 0x4000_0000;
const CHILDREN: u32 = 0x2000_0000;

/// Keys and the values that they have.
#[derive(Debug, Default)]
pub struct Index {
    /// Values with their rank: lower ones come first.
    entries: BTreeMap<Vec<u8>, Vec<(u32, String)>>,
}

impl Index {
    /// Adds a value, unless the key has it already.
    pub fn insert(&mut self, key: &str, value: &str, rank: u32) {
        let values = self.entries.entry(key.as_bytes().to_vec()).or_default();
        if values.iter().any(|(_, known)| known == value) {
            return;
        }
        let at = values.partition_point(|(other, _)| *other <= rank);
        values.insert(at, (rank, value.to_owned()));
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let entries: Vec<Entry<'_>> = self
            .entries
            .iter()
            .map(|(key, values)| (key.as_slice(), values.as_slice()))
            .collect();
        let mut bytes = Vec::new();
        bytes.extend(MAGIC.to_be_bytes());
        bytes.extend(VERSION.to_be_bytes());
        bytes.extend([0; 4]);
        let root = write_node(&entries, 0, &mut bytes);
        bytes[8..12].copy_from_slice(&root.to_be_bytes());
        bytes
    }
}

type Entry<'a> = (&'a [u8], &'a [(u32, String)]);

/// Writes the node of `entries`, which are sorted and agree in their first `depth` bytes; returns
/// its offset with its flags.
fn write_node(entries: &[Entry<'_>], depth: usize, bytes: &mut Vec<u8>) -> u32 {
    let end = match entries {
        [] => depth,
        [(first, _), ..] => {
            let (last, _) = entries[entries.len() - 1];
            // Sorted: what the first and the last share, all share.
            first[depth..]
                .iter()
                .zip(&last[depth..])
                .take_while(|(a, b)| a == b)
                .count()
                + depth
        }
    };
    let prefix = entries.first().map_or(&[][..], |(key, _)| &key[depth..end]);
    // A key that ends here sorts before longer ones.
    let (values, rest) = match entries {
        [(key, values), rest @ ..] if key.len() == end => (*values, rest),
        _ => (&[][..], entries),
    };
    let mut children = Vec::new();
    for group in rest.chunk_by(|(a, _), (b, _)| a[end] == b[end]) {
        children.push((group[0].0[end], write_node(group, end + 1, bytes)));
    }

    let mut offset = u32::try_from(bytes.len()).expect("an index is small");
    if !prefix.is_empty() {
        bytes.extend(prefix);
        bytes.push(0);
        offset |= PREFIX;
    }
    if let (Some((first, _)), Some((last, _))) = (children.first(), children.last()) {
        bytes.extend([*first, *last]);
        let mut table = vec![0u32; usize::from(last - first) + 1];
        for (byte, child) in &children {
            table[usize::from(byte - first)] = *child;
        }
        bytes.extend(table.iter().flat_map(|child| child.to_be_bytes()));
        offset |= CHILDREN;
    }
    if !values.is_empty() {
        bytes.extend(
            u32::try_from(values.len())
                .expect("few values")
                .to_be_bytes(),
        );
        for (rank, value) in values {
            bytes.extend(rank.to_be_bytes());
            bytes.extend(value.as_bytes());
            bytes.push(0);
        }
        offset |= VALUES;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key() {
        let mut index = Index::default();
        index.insert("ab", "x", 7);
        index.insert("ab", "x", 9);
        let expected = [
            &[0xb0, 0x07, 0xf4, 0x57, 0, 2, 0, 1, 0xc0, 0, 0, 12][..],
            b"ab\0",
            &[0, 0, 0, 1, 0, 0, 0, 7],
            b"x\0",
        ]
        .concat();
        assert_eq!(index.to_bytes(), expected);
    }

    #[test]
    fn branches_are_written_before_their_stem() {
        let mut index = Index::default();
        index.insert("ab", "1", 0);
        index.insert("ad", "2", 0);
        let bytes = index.to_bytes();
        let leaf = |value: u8| vec![0, 0, 0, 1, 0, 0, 0, 0, value, 0];
        let expected = [
            &bytes[..12],
            &leaf(b'1'),
            &leaf(b'2'),
            b"a\0bd",
            &[0x40, 0, 0, 12, 0, 0, 0, 0, 0x40, 0, 0, 22],
        ]
        .concat();
        assert_eq!(bytes, expected);
        assert_eq!(bytes[8..12], [0xa0, 0, 0, 32]);
    }
}
