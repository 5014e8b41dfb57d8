//! Reads kmod's index files, to compare ours with those of `depmod`.

/// Keys and values, sorted.
pub fn read(bytes: &[u8]) -> Vec<(String, String)> {
    assert_eq!(
        &bytes[..8],
        [0xb0, 0x07, 0xf4, 0x57, 0, 2, 0, 1],
        "an index of version 2.1"
    );
    let mut found = Vec::new();
    node(bytes, number(bytes, 8), &mut String::new(), &mut found);
    found.sort();
    // depmod repeats what a module repeats.
    found.dedup();
    found
}

fn node(bytes: &[u8], offset: u32, key: &mut String, found: &mut Vec<(String, String)>) {
    let mut at = (offset & 0x0fff_ffff) as usize;
    let before = key.len();
    if offset & 0x8000_0000 != 0 {
        let prefix = text(bytes, at);
        key.push_str(prefix);
        at += prefix.len() + 1;
    }
    let mut children = Vec::new();
    if offset & 0x2000_0000 != 0 {
        let (first, last) = (bytes[at], bytes[at + 1]);
        at += 2;
        for byte in first..=last {
            let child = number(bytes, at);
            at += 4;
            if child != 0 {
                children.push((byte, child));
            }
        }
    }
    if offset & 0x4000_0000 != 0 {
        let count = number(bytes, at);
        at += 4;
        for _ in 0..count {
            let value = text(bytes, at + 4);
            at += 4 + value.len() + 1;
            found.push((key.clone(), value.to_owned()));
        }
    }
    for (byte, child) in children {
        key.push(char::from(byte));
        node(bytes, child, key, found);
        key.pop();
    }
    key.truncate(before);
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn text(bytes: &[u8], at: usize) -> &str {
    let end = bytes[at..]
        .iter()
        .position(|byte| *byte == 0)
        .expect("a NUL");
    std::str::from_utf8(&bytes[at..at + end]).expect("UTF-8")
}
