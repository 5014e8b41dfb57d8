//! Password hashes and public keys.

use std::fmt;

use base64ct::{Base64, Encoding as _};
use serde_json::{Value as Json, json};

use crate::diagnostic::codes;
use crate::spec::decode::{Leaf, LeafError, text};
use crate::spec::yaml::Scalar;

/// A password's hash as crypt(5) makes it; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The hash, for `/etc/shadow`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

impl Leaf for PasswordHash {
    const WHAT: &'static str = "a password hash";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^([*!]|!*\\$[0-9a-z]+\\$.+)$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = &*scalar.text;
        let wrong = |why: &str| {
            // The text may be a password: it is not repeated.
            let mut error = LeafError::new(codes::BAD_PASSWORD_HASH, "this is not a password hash");
            error.label = Some(why.to_owned());
            Err(error.help(
                "`openssl passwd -6` makes a hash; `password_file:` names a file with the password",
            ))
        };
        if text == "*" || text == "!" {
            return Ok(Self(text.to_owned()));
        }
        let hash = text.trim_start_matches('!');
        let mut parts = hash.split('$');
        if parts.next() != Some("") {
            return wrong("a hash starts with `$` and its method, such as `$6$`");
        }
        if text
            .bytes()
            .any(|b| b == b':' || b == b'\n' || !b.is_ascii_graphic())
        {
            return wrong("a hash has no white space, `:` or control character");
        }
        match parts.next() {
            Some("y" | "gy" | "7" | "2a" | "2b" | "2y" | "6" | "5") => {}
            Some("1") => return wrong("MD5 (`$1$`) hashes are broken within hours"),
            _ => {
                return wrong(
                    "the methods are `$y$`, `$6$`, `$5$`, `$2b$`, `$7$` and `$gy$` (crypt(5))",
                );
            }
        }
        if parts.clone().count() < 2 || parts.any(str::is_empty) {
            return wrong("a hash has method, salt and hash, each after a `$`");
        }
        Ok(Self(text.to_owned()))
    }
}

/// A line as in `authorized_keys(5)`: perhaps options, then type, key and perhaps a comment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SshPublicKey(String);

/// Key types that OpenSSH 10 takes (sshd(8), "Authorized keys file format").
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
    /// The line, without white space around it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a line; the error is the reason why it is no key.
    pub fn parse(line: &str) -> Result<Self, &'static str> {
        let line = line.trim();
        if line.contains("PRIVATE KEY") {
            return Err("this is a private key; only the public one goes to the node");
        }
        if line.chars().any(char::is_control) {
            return Err("a key is one line");
        }
        let mut words = line.split(' ').skip_while(|word| !KEY_TYPES.contains(word));
        let Some(kind) = words.next() else {
            return Err(if line.contains("ssh-dss") {
                "OpenSSH takes no DSA keys any more"
            } else {
                "it has none of the key types of sshd(8), such as ssh-ed25519"
            });
        };
        let Some(key) = words.next().filter(|key| !key.is_empty()) else {
            return Err("after the type comes the key in base64");
        };
        let Ok(blob) = Base64::decode_vec(key) else {
            return Err("the key is not base64, perhaps cut off");
        };
        // RFC 4253 §6.6: the blob starts with its own type as a string with a length of four bytes.
        let inner = blob
            .split_first_chunk::<4>()
            .and_then(|(length, rest)| rest.split_at_checked(u32::from_be_bytes(*length) as usize));
        match inner {
            Some((inner, rest)) if inner == kind.as_bytes() => {
                if strings_fit(rest) {
                    Ok(Self(line.to_owned()))
                } else {
                    Err("the key is cut off")
                }
            }
            Some((inner, _)) if KEY_TYPES.iter().any(|kind| kind.as_bytes() == inner) => {
                Err("the key is of another type than the line says")
            }
            _ => Err("the key in base64 is damaged"),
        }
    }
}

/// Whether `blob` is a whole number of RFC 4251 §5 strings, at least one.
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
                let mut error = LeafError::new(codes::BAD_SSH_KEY, "this is not an SSH public key");
                error.label = Some(why.to_owned());
                error
            } else {
                LeafError::rule(codes::BAD_SSH_KEY, text, Self::WHAT, why)
            }
        })
    }
}
