//! Where a text has passwords, tokens and private keys, which are not shown: the values of keys
//! that sound like secrets, well spelled or not, and what is known by its form. It is a guess, made
//! before anybody knows what the text means, since mistakes in it are to be shown.

use std::collections::BTreeSet;
use std::ops::Range;

/// What stands for a secret, whatever its length.
pub(super) const MASK: &str = "***";

/// Words of keys whose values are secrets.
const WORDS: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwhash",
    "token",
    "secret",
    "credential",
    "credentials",
    "authorization",
    "privatekey",
    "presharedkey",
];

/// Short ones, and those that other words are too near to: only as they are.
const EXACT: [&str; 9] = [
    "auth", "hash", "keydata", "keyfile", "pass", "psk", "pwd", "secrets", "tokens",
];

/// Words that make a key one of something else: a name of a secret is none.
const OTHERWISE: [&str; 22] = [
    "class",
    "cluster",
    "format",
    "id",
    "kind",
    "mode",
    "mount",
    "name",
    "namespace",
    "policy",
    "provider",
    "public",
    "ref",
    "refs",
    "requests",
    "resources",
    "sha256",
    "ttl",
    "type",
    "url",
    "verification",
    "volume",
];

/// Values that are no secrets, whatever their keys.
const PLAIN: [&str; 9] = [
    "", "!", "*", "false", "generate", "none", "null", "true", "~",
];

/// How long the secret in a pair of brackets may be, in bytes.
const BRACKETS_MAX: usize = 64 << 10;

/// Returns `text` with [`MASK`] in place of `secrets`, which are in order.
pub(super) fn masked(text: &str, secrets: &[Range<usize>]) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut end = 0;
    for secret in secrets {
        shown.push_str(&text[end..secret.start.max(end)]);
        shown.push_str(MASK);
        end = secret.end.max(end);
    }
    shown.push_str(&text[end..]);
    shown
}

/// Returns the ranges of `text` that are secrets, in order.
pub(super) fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = by_form(text);
    let is_secret_object = text.contains("kind: Secret");
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        for (key, value) in pairs(line) {
            let words = words(&line[key.clone()]);
            if sounds_secret(&words) || (is_secret_object && words == ["data"]) {
                found.extend(value_of(text, at, line, &key, value, &words));
            }
        }
        at += line.len();
    }
    in_order(found)
}

/// Returns those that are known by their form alone, wherever they stand.
pub(super) fn by_form(text: &str) -> Vec<Range<usize>> {
    let mut found = private_keys(text);
    for (start, word) in words_at(text) {
        found.extend(in_url(word).map(|range| start + range.start..start + range.end));
        if is_hash(word) || is_bootstrap_token(word) {
            found.push(start..start + word.len());
        }
    }
    for scheme in ["Bearer ", "Basic "] {
        for (at, _) in text.match_indices(scheme) {
            let start = at + scheme.len();
            let end = text[start..].find(|c: char| !is_token_char(c));
            let end = end.map_or(text.len(), |end| start + end);
            if end - start >= 8 {
                found.push(start..end);
            }
        }
    }
    in_order(found)
}

/// Sorted, and without those that are parts of others.
fn in_order(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
    let mut joined: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// What PEM blocks of private keys have between their first and last line (RFC 7468).
fn private_keys(text: &str) -> Vec<Range<usize>> {
    const MARK: &str = "PRIVATE KEY-----";
    let mut found = Vec::new();
    for (at, _) in text.match_indices(MARK) {
        let start = at + MARK.len();
        let begins = text[..at]
            .rfind("-----")
            .is_some_and(|dashes| text[dashes..at].starts_with("-----BEGIN"));
        if begins {
            let end = text[start..].find("-----END");
            let end = end.unwrap_or_else(|| unfinished_key(&text[start..]));
            found.push(start..start + end);
        }
    }
    found
}

/// The end of a private key that has none: after the last line of base64.
fn unfinished_key(text: &str) -> usize {
    let ends = |c: char| matches!(c, '\n' | '"' | '\'');
    let mut end = text.find(ends).unwrap_or(text.len());
    for line in text[end..].split_inclusive('\n').skip(1) {
        let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
        if line.trim().is_empty() || !line.trim().chars().all(is_base64) {
            break;
        }
        // With the line feed before it.
        end += 1 + line.trim_end_matches('\n').len();
    }
    end
}

/// The words of `text` without quotes and brackets, and where each starts.
fn words_at(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let ends = |c: char| c.is_whitespace() || "\"'`<>{}[](),".contains(c);
    let mut start = 0;
    text.split(ends).filter_map(move |word| {
        let at = start;
        // The character that ends a word has one byte, or more if it is a space of Unicode's.
        start += word.len()
            + text[at + word.len()..]
                .chars()
                .next()
                .map_or(0, char::len_utf8);
        (!word.is_empty()).then_some((at, word))
    })
}

/// The password in a URL (RFC 3986 §3.2.1), also in one with a mistake before it.
fn in_url(word: &str) -> Option<Range<usize>> {
    let start = word.find("//")? + 2;
    let authority = word[start..].split(['/', '?', '#']).next()?;
    // A password may have signs that ought to be escaped.
    let end = match authority.rfind('@') {
        Some(at) => start + at,
        None => start + word[start..].rfind('@')?,
    };
    let colon = start + word[start..end].find(':')?;
    Some(colon + 1..end)
}

/// A password hash: crypt(5), or GRUB's.
fn is_hash(word: &str) -> bool {
    let is_rest = |rest: &str| rest.len() >= 8;
    word.starts_with("grub.pbkdf2.")
        || word
            .trim_start_matches('!')
            .strip_prefix('$')
            .and_then(|hash| hash.split_once('$'))
            .is_some_and(|(method, rest)| {
                (1..=8).contains(&method.len())
                    && method
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    && is_rest(rest)
            })
}

/// A bootstrap token of Kubernetes: `[a-z0-9]{6}.[a-z0-9]{16}`.
fn is_bootstrap_token(word: &str) -> bool {
    let is_part = |part: &str| {
        let mut bytes = part.bytes();
        bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    word.split_once('.').is_some_and(|(id, secret)| {
        id.len() == 6 && secret.len() == 16 && is_part(id) && is_part(secret)
    })
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~+/=".contains(c)
}

/// The keys in `line` and where the value of each starts: `key: …`, `"key":…`, `Key=…`.
fn pairs(line: &str) -> impl Iterator<Item = (Range<usize>, usize)> {
    line.match_indices([':', '='])
        .filter_map(move |(at, sign)| {
            let before = line[..at].trim_end_matches([' ', '\t']);
            let name = before.trim_end_matches(['"', '\'']);
            let is_quoted = name.len() < before.len();
            let after = line[at + 1..].chars().next();
            let separates = sign == "=" || is_quoted || after.is_none_or(char::is_whitespace);
            let start = name.rfind(|c: char| !(c.is_alphanumeric() || "_-.".contains(c)));
            let start = start.map_or(0, |at| {
                at + name[at..].chars().next().map_or(1, char::len_utf8)
            });
            (separates && start < name.len()).then_some((start..name.len(), at + 1))
        })
}

/// The words of a key: `passwordHash`, `password-hash` and `password_hash` have two.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in key.chars() {
        let splits = !c.is_alphanumeric() || (c.is_uppercase() && was_lower);
        if splits {
            words.push(String::new());
        }
        was_lower = c.is_lowercase() || c.is_ascii_digit();
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn sounds_secret(words: &[String]) -> bool {
    if words.iter().any(|word| OTHERWISE.contains(&word.as_str())) {
        return false;
    }
    let pairs = words.windows(2).map(<[String]>::concat);
    words.iter().cloned().chain(pairs).any(|word| {
        EXACT.contains(&word.as_str())
            || (!is_another_word(&word) && WORDS.iter().any(|known| is_near(&word, known)))
    })
}

/// Whether `word` is `known` with a few letters swapped, doubled or left out, and at most one that
/// is wrong.
fn is_near(word: &str, known: &str) -> bool {
    let letters = |word: &str| word.chars().collect::<BTreeSet<_>>();
    word.len().abs_diff(known.len()) <= 2
        && known.chars().take(2).any(|first| word.starts_with(first))
        && letters(word).symmetric_difference(&letters(known)).count() <= 1
}

/// Whether `word` is one of its own, although it is near to one of [`WORDS`].
fn is_another_word(word: &str) -> bool {
    [
        "taken",
        "authorizations",
        "authorized",
        "broken",
        "sector",
        "secure",
        "secretbox",
    ]
    .contains(&word)
}

/// The value of a key that sounds secret. `line` starts at `at`, its value at `value`.
fn value_of(
    text: &str,
    at: usize,
    line: &str,
    key: &Range<usize>,
    value: usize,
    words: &[String],
) -> Option<Range<usize>> {
    let is_ini = line[..value].ends_with('=');
    let rest = &line[value..];
    let start = value + rest.len() - rest.trim_start().len();
    let first = line[start..].chars().next();
    match first {
        Some(quote @ ('"' | '\'')) => {
            let inside = at + start + 1;
            let end = quoted_end(&text[inside..], quote);
            let is_plain = PLAIN.contains(&&text[inside..inside + end]);
            (!is_plain && !is_path(words, &text[inside..inside + end]))
                .then_some(inside..inside + end)
        }
        Some(open @ ('{' | '[')) if !is_ini => {
            let inside = at + start + 1;
            Some(inside..inside + bracket_end(&text[inside..], open))
        }
        None | Some('|' | '>' | '&' | '#') if !is_ini => {
            let is_text = matches!(first, Some('|' | '>'));
            // A volume of this kind, in a manifest.
            let is_map = !is_text && words == ["secret"];
            let below = at + line.len()..at + line.len() + below(text, at, line, key);
            (!is_map).then_some(below)
        }
        _ => {
            let plain = plain_end(
                &line[start..],
                line[..key.start].contains(['{', '[']),
                is_ini,
            );
            let text_of = line[start..start + plain].trim_end();
            let starts = at + start;
            if PLAIN.contains(&text_of) || is_path(words, text_of) {
                return None;
            }
            let more = match (is_ini, start + plain >= line.trim_end().len()) {
                (false, true) => below(text, at, line, key),
                _ => 0,
            };
            Some(match more {
                0 => starts..starts + text_of.len(),
                more => starts..at + line.len() + more,
            })
        }
    }
}

/// Whether `value` is the path of a file, for a key that takes one.
fn is_path(words: &[String], value: &str) -> bool {
    let takes_path = |word: &String| {
        matches!(
            word.as_str(),
            "file" | "path" | "local" | "keyfile" | "files" | "auth" | "key"
        )
    };
    value.starts_with(['/', '.', '~']) && words.iter().any(takes_path)
}

/// The end of a quoted text, after its opening mark.
fn quoted_end(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote == '"' => escaped = true,
            c if c == quote => return at,
            _ => {}
        }
    }
    text.len()
}

/// The end of what is in brackets, after the opening one.
fn bracket_end(text: &str, open: char) -> usize {
    let close = if open == '{' { '}' } else { ']' };
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            c if c == open => depth += 1,
            c if c == close && depth == 0 => return at,
            c if c == close => depth -= 1,
            _ if at > BRACKETS_MAX => return at,
            _ => {}
        }
    }
    text.len()
}

/// The end of a plain value: in brackets, it ends with them.
fn plain_end(text: &str, in_brackets: bool, is_ini: bool) -> usize {
    let ends = |c: char| match c {
        '\n' | '\r' => true,
        ',' | '}' | ']' => in_brackets,
        // Of a URL's query, a program's options or an environment.
        '&' | '"' | '\'' | ' ' => is_ini,
        _ => false,
    };
    let end = text.find(ends).unwrap_or(text.len());
    // A comment is none of it.
    text[..end].find(" #").unwrap_or(end)
}

/// How many bytes after `line` belong to the value of its key: lines that are indented deeper.
fn below(text: &str, at: usize, line: &str, key: &Range<usize>) -> usize {
    let indent = line[..key.start].chars().count();
    let mut length = 0;
    for next in text[at + line.len()..].split_inclusive('\n') {
        let shown = next.trim_start_matches([' ', '\t']);
        let is_blank = shown.trim().is_empty();
        if !is_blank && next.len() - shown.len() <= indent {
            break;
        }
        length += next.len();
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_by_their_keys() {
        for (text, want) in [
            ("password: hunter2\n", "password: ***\n"),
            ("pasword: hunter2 # mine\n", "pasword: *** # mine\n"),
            ("- paswrod_hash: hunter2\n", "- paswrod_hash: ***\n"),
            ("passwordHash: 'a b'\nx: y", "passwordHash: '***'\nx: y"),
            ("{name: a, tokne: b, c: d}", "{name: a, tokne: ***, c: d}"),
            (
                r#"{"passwordHash":"a\"b","c":"d"}"#,
                r#"{"passwordHash":"***","c":"d"}"#,
            ),
            ("password: 1234", "password: ***"),
            ("token: |\n  a\n  b\nc: d\n", "token: |\n***c: d\n"),
            ("token: a\n  b\nc: d\n", "token: ***c: d\n"),
            ("token:\n  inline: a\nc: d\n", "token:\n***c: d\n"),
            ("key_file: {inline: 'a}', x: y}", "key_file: {***}', x: y}"),
            ("key_file: /etc/key\n", "key_file: /etc/key\n"),
            ("key_file: hunter2\n", "key_file: ***\n"),
            ("PrivateKey=abc=\nDNS=1\n", "PrivateKey=***\nDNS=1\n"),
            ("PresharedKey = a b", "PresharedKey = *** b"),
            (
                "Environment=API_TOKEN=abc X=1",
                "Environment=API_TOKEN=*** X=1",
            ),
            ("auth: dTpw\nauthor: me\n", "auth: ***\nauthor: me\n"),
            ("kind: Secret\ndata:\n  a: b\n", "kind: Secret\ndata:\n***"),
        ] {
            assert_eq!(masked(text, &secrets(text)), want, "{text}");
        }
    }

    #[test]
    fn other_keys_are_shown() {
        for text in [
            "bootstrap_token: generate\n",
            "bootstrap_token: true\n",
            "ssh_authorized_keys: [a]\n",
            "secretName: a\nsecretKeyRef:\n  name: a\n",
            "volumes:\n- secret:\n    secretName: a\n",
            "resources: [secrets, configmaps]\n",
            "initial_cluster_token: lab\n",
            "password_file: ./a\nhostname: b\n",
            "taken: a\nkey: flatcar.asc\n",
            "image: a.example/b:c@sha256:0123\n",
            "tokens are: here\n",
        ] {
            assert_eq!(masked(text, &secrets(text)), text);
        }
    }

    #[test]
    fn secrets_are_found_by_their_form() {
        let key = "-----BEGIN EC PRIVATE KEY-----\nMC4C\n-----END EC PRIVATE KEY-----\n";
        for (text, want) in [
            (
                key,
                "-----BEGIN EC PRIVATE KEY-----***-----END EC PRIVATE KEY-----\n",
            ),
            (
                "a: '-----BEGIN PRIVATE KEY-----x'\nb: c\n",
                "a: '-----BEGIN PRIVATE KEY-----***'\nb: c\n",
            ),
            (
                "-----BEGIN PRIVATE KEY-----\n  MC4C\n  MC4=\nb: c\n",
                "-----BEGIN PRIVATE KEY-----***\nb: c\n",
            ),
            (
                "http_proxy: http://me:a:b@c@proxy:1/x",
                "http_proxy: http://me:***@proxy:1/x",
            ),
            ("proxy: htp//me:a/b@proxy", "proxy: htp//me:***@proxy"),
            ("`http://me@proxy`", "`http://me@proxy`"),
            ("x: '$6$salt$0123456789'", "x: '***'"),
            ("value: Bearer abcdefgh.1", "value: Bearer ***"),
            ("join abcdef.0123456789abcdef now", "join *** now"),
            (
                "café 10.0.0.1:80 a@b.example",
                "café 10.0.0.1:80 a@b.example",
            ),
        ] {
            assert_eq!(masked(text, &by_form(text)), want, "{text}");
        }
    }
}
