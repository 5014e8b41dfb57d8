//! Text for people and by people: the word that was probably meant, and values in one short line.

use std::fmt::Write as _;

/// Returns the one of `known` that is nearest to `word`, if one is near enough.
pub fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let plain = plain(word);
    if plain.is_empty() || plain.len() > 64 {
        return None;
    }
    // One typo in three letters.
    let limit = (plain.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(&plain, &self::plain(candidate)), candidate))
        .filter(|&(distance, candidate)| distance <= limit && distance < candidate.len())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// Without case and joints, so that `sshAuthorizedKeys` is `ssh_authorized_keys`.
fn plain(word: &str) -> String {
    word.chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbors.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let differs = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + differs);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// Bytes in hexadecimal, lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Returns `text` in one short line without control characters.
pub(crate) fn shown(text: &str) -> String {
    beginning(text, 60)
}

/// Returns at most `most` characters of `text`, in one line without control characters.
pub(crate) fn beginning(text: &str, most: usize) -> String {
    let mut line: String = text
        .chars()
        .take(most)
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default());
            let plain = escaped.is_none().then_some(c);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect();
    if text.chars().nth(most).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions() {
        let known = [
            "users",
            "hostname",
            "ssh_authorized_keys",
            "etcd",
            "uid",
            "gateway",
        ];
        for (word, meant) in [
            ("user", Some("users")),
            ("hostnmae", Some("hostname")),
            ("sshAuthorizedKeys", Some("ssh_authorized_keys")),
            ("gatway", Some("gateway")),
            ("ectd", Some("etcd")),
            ("gid", Some("uid")),
            ("kubernetes", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, known), meant, "{word}");
        }
    }
}
