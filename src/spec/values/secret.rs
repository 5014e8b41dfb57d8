//! Password hashes and public keys.

use std::fmt;

use base64ct::{Base64, Encoding as _};
use serde_json::{Value as Json, json};

use crate::diagnostic::codes;
use crate::spec::decode::{Leaf, LeafError, text};
use crate::spec::yaml::Scalar;

/// A crypt(5) password hash; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Returns the hash, for `/etc/shadow`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether it is one of MD5, which not every target should take.
    pub fn is_md5(&self) -> bool {
        self.0.trim_start_matches('!').starts_with("$1$")
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Returns why the last part of `hash` cannot be what its method makes (crypt(5), "Hashed
/// passphrase format"): nobody could log in with it.
fn wrong_digest(hash: &str) -> Option<String> {
    let mut parts = hash.strip_prefix('$')?.split('$');
    let length = match parts.next()? {
        "6" => 86,
        // The salt, 22 characters, and the digest are one part.
        "2a" | "2b" | "2y" => 53,
        "1" => 22,
        _ => 43,
    };
    let digest = parts.next_back()?;
    let is_digit = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/');
    if !digest.bytes().all(is_digit) {
        return Some("its last part may have letters, digits, `.` and `/` only".to_owned());
    }
    (digest.len() != length).then(|| {
        format!(
            "its last part has {} characters; this method's have {length}",
            digest.len()
        )
    })
}

impl Leaf for PasswordHash {
    const WHAT: &'static str = "a password hash";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^([*!]|!*\\$[0-9a-z]+\\$.+)$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = &*scalar.text;
        let wrong = |why: &str| {
            // The text may be a password, so it is not repeated.
            let mut error = LeafError::new(codes::BAD_PASSWORD_HASH, "not a password hash");
            error.label = Some(why.to_owned());
            Err(error.help(
                "create a hash with `openssl passwd -6`, or use `password_file:` to \
                            read the password from a file",
            ))
        };
        if text == "*" || text == "!" {
            return Ok(Self(text.to_owned()));
        }
        let hash = text.trim_start_matches('!');
        let mut parts = hash.split('$');
        if parts.next() != Some("") {
            return wrong("a hash must start with `$` and its method, such as `$6$`");
        }
        if text
            .bytes()
            .any(|b| b == b':' || b == b'\n' || !b.is_ascii_graphic())
        {
            return wrong("a hash must not contain white space, `:` or control characters");
        }
        match parts.next() {
            Some("y" | "gy" | "7" | "2a" | "2b" | "2y" | "6" | "5" | "1") => {}
            _ => {
                return wrong(
                    "supported methods: `$y$`, `$6$`, `$5$`, `$2b$`, `$7$` and `$gy$` (crypt(5))",
                );
            }
        }
        if parts.clone().count() < 2 || parts.any(str::is_empty) {
            return wrong("a hash must have a method, a salt and a hash, each after a `$`");
        }
        if let Some(why) = wrong_digest(hash) {
            return wrong(&why);
        }
        Ok(Self(text.to_owned()))
    }
}

/// A line as in `authorized_keys(5)`: optional options, then type, key and an optional comment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SshPublicKey(String);

/// Key types that OpenSSH 10 accepts (sshd(8), "Authorized keys file format").
const KEY_TYPES: &[&str] = &[
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
];

impl SshPublicKey {
    /// Returns the line, without surrounding white space.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses a line; the error is the reason why it is not a key.
    pub fn parse(line: &str) -> Result<Self, &'static str> {
        let line = line.trim();
        if line.contains("PRIVATE KEY") {
            return Err("this is a private key; only public keys belong here");
        }
        if line.chars().any(char::is_control) {
            return Err("a key must be on one line");
        }
        let mut words = line.split(' ').skip_while(|word| !KEY_TYPES.contains(word));
        let Some(kind) = words.next() else {
            return Err(if line.contains("ssh-dss") {
                "OpenSSH no longer supports DSA keys"
            } else {
                "no key type of sshd(8), such as ssh-ed25519"
            });
        };
        let Some(key) = words.next().filter(|key| !key.is_empty()) else {
            return Err("the base64 key is missing after the type");
        };
        let Ok(blob) = Base64::decode_vec(key) else {
            return Err("the key is not valid base64, it may be truncated");
        };
        // RFC 4253 §6.6: the blob starts with its own type, a string with a four-byte length.
        let inner = blob
            .split_first_chunk::<4>()
            .and_then(|(length, rest)| rest.split_at_checked(u32::from_be_bytes(*length) as usize));
        match inner {
            Some((inner, rest)) if inner == kind.as_bytes() => {
                if strings_fit(rest) {
                    Ok(Self(line.to_owned()))
                } else {
                    Err("the key is truncated")
                }
            }
            Some((inner, _)) if KEY_TYPES.iter().any(|kind| kind.as_bytes() == inner) => {
                Err("the key's type differs from the type at the start of the line")
            }
            _ => Err("the base64 key is damaged"),
        }
    }
}

/// Returns whether `blob` is a whole number of RFC 4251 §5 strings, at least one.
fn strings_fit(mut blob: &[u8]) -> bool {
    let mut any = false;
    while let Some((length, rest)) = blob.split_first_chunk::<4>() {
        let Some((_, rest)) = rest.split_at_checked(u32::from_be_bytes(*length) as usize) else {
            return false;
        };
        blob = rest;
        any = true;
    }
    any && blob.is_empty()
}

impl Leaf for SshPublicKey {
    const WHAT: &'static str = "an SSH public key";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "(ssh-|ecdsa-)" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        Self::parse(text).map_err(|why| {
            if text.contains("PRIVATE KEY") {
                let mut error = LeafError::new(codes::BAD_SSH_KEY, "not an SSH public key");
                error.label = Some(why.to_owned());
                error
            } else {
                LeafError::rule(codes::BAD_SSH_KEY, text, Self::WHAT, why)
            }
        })
    }
}
