//! The token with which nodes request their first certificate (a bootstrap token of Kubernetes).

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use x509_cert::der::DateTime;

use super::CryptoRng;
use super::folder::Access;
use super::keys::{Keys, Notice};

/// Its ending is that of secrets: a folder with such a file is refused if other users can enter it.
const FILE: &str = "bootstrap-token.key";

const ID: usize = 6;
const SECRET: usize = 16;

/// `abcdef.0123456789abcdef`: a public identifier and a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct BootstrapToken(String);

/// Shows no secret.
impl fmt::Debug for BootstrapToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BootstrapToken({}.…)", self.id())
    }
}

/// Why a text is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenError(pub &'static str);

impl FromStr for BootstrapToken {
    type Err = TokenError;

    /// Six and sixteen digits and lower-case letters, separated by a dot.
    fn from_str(text: &str) -> Result<Self, TokenError> {
        let Some((id, secret)) = text.split_once('.') else {
            return Err(TokenError("the dot is missing"));
        };
        let plain = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase();
        if !id.bytes().chain(secret.bytes()).all(plain) {
            return Err(TokenError("only digits and lower-case letters are allowed"));
        }
        if id.len() != ID || secret.len() != SECRET {
            return Err(TokenError(
                "expected six characters before the dot and sixteen after it",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl BootstrapToken {
    /// Generates a new token.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        // The largest multiple of 36 that fits in a byte, so that all letters are equally likely.
        const BYTE_LIMIT: u8 = 252;
        let mut text = String::new();
        while text.len() < ID + 1 + SECRET {
            if text.len() == ID {
                text.push('.');
            }
            let mut byte = [0];
            rng.fill_bytes(&mut byte);
            if byte[0] < BYTE_LIMIT {
                text.push(char::from(LETTERS[usize::from(byte[0] % 36)]));
            }
        }
        Self(text)
    }

    /// The whole token, a secret.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The identifier, after which the cluster's Secret is named.
    pub fn id(&self) -> &str {
        &self.0[..ID]
    }

    /// The secret half.
    pub fn secret(&self) -> &str {
        &self.0[ID + 1..]
    }
}

/// A token as clusters keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterToken {
    pub token: BootstrapToken,
    /// When it expires, as RFC 3339 has it; `None`: never.
    pub expires: Option<String>,
}

impl From<BootstrapToken> for ClusterToken {
    /// A token without an end.
    fn from(token: BootstrapToken) -> Self {
        Self {
            token,
            expires: None,
        }
    }
}

impl Keys<'_> {
    /// The token of the folder, which is valid for `lifetime` after it was made. It is made if
    /// there is none, if it has expired, and if it has an end although it has to have none, or the
    /// reverse.
    ///
    /// Its file has the token and, on a second line, when it expires.
    pub fn bootstrap_token(&mut self, lifetime: Option<Duration>) -> Result<ClusterToken> {
        if let Some(known) = self.known_token()? {
            let why = match (&known.expires, lifetime) {
                (None, Some(_)) => "it would not have expired",
                (Some(_), None) => "it would have expired",
                (Some(end), Some(_)) if self.has_passed(end)? => "it has expired",
                (None, None) | (Some(_), Some(_)) => return Ok(known),
            };
            // What is only looked at stays comparable with what was built.
            if self.folder().access() == Access::Look {
                return Ok(known);
            }
            let path = self.folder().path(FILE);
            let why = format!("{why}; build and boot the control planes");
            self.notices.push(Notice::Reissued { path, why });
        }
        let token = ClusterToken {
            token: BootstrapToken::generate(self.random()),
            expires: match lifetime {
                Some(lifetime) => Some(written(self.now + lifetime)?),
                None => None,
            },
        };
        let mut text = format!("{}\n", token.token.as_str());
        if let Some(end) = &token.expires {
            text.push_str(end);
            text.push('\n');
        }
        self.keep(FILE, &text)?;
        Ok(token)
    }

    fn known_token(&self) -> Result<Option<ClusterToken>> {
        let Some(text) = self.folder().read(FILE)? else {
            return Ok(None);
        };
        let mut lines = text.trim_end().lines();
        let token = lines.next().unwrap_or_default();
        match token.parse() {
            Ok(token) => Ok(Some(ClusterToken {
                token,
                expires: lines.next().map(str::to_owned),
            })),
            Err(TokenError(why)) => bail!(
                "{} is damaged: {why}; remove it to have a new one made, then build and boot every control plane",
                self.folder().path(FILE).display()
            ),
        }
    }

    fn has_passed(&self, end: &str) -> Result<bool> {
        let end: DateTime = end.parse().with_context(|| {
            format!(
                "{} is damaged: its second line is not a time",
                self.folder().path(FILE).display()
            )
        })?;
        Ok(end.to_system_time() <= self.now)
    }
}

/// `time` as RFC 3339 has it, in UTC.
fn written(time: SystemTime) -> Result<String> {
    let since = time.duration_since(UNIX_EPOCH)?;
    // Its fraction of a second would not be written.
    let time = DateTime::from_unix_duration(Duration::from_secs(since.as_secs()))?;
    Ok(time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_tokens() {
        for (text, want) in [
            (
                "abcdef.0123456789abcdef",
                Ok(("abcdef", "0123456789abcdef")),
            ),
            ("abcdef0123456789abcdef", Err("the dot is missing")),
            (
                "ABCDEF.0123456789abcdef",
                Err("only digits and lower-case letters are allowed"),
            ),
            (
                "abcde.0123456789abcdef",
                Err("expected six characters before the dot and sixteen after it"),
            ),
            (
                "abcdef.0123456789abcde",
                Err("expected six characters before the dot and sixteen after it"),
            ),
            (
                "abcdef.0123456789abcdéf",
                Err("only digits and lower-case letters are allowed"),
            ),
        ] {
            let got: Result<BootstrapToken, _> = text.parse();
            match want {
                Ok(parts) => {
                    let got = got.expect("a token");
                    assert_eq!((got.id(), got.secret()), parts);
                }
                Err(why) => assert_eq!(got, Err(TokenError(why)), "{text}"),
            }
        }
    }

    /// The token at a time, of keys that are opened for this.
    fn token_at(root: &std::path::Path, seconds: u64, access: Access, hours: u64) -> ClusterToken {
        let mut random = super::super::system_random();
        let folder = super::super::KeyFolder::open(root, access).expect("opens");
        let now = UNIX_EPOCH + Duration::from_secs(1_767_323_045 + seconds);
        let lifetime = (hours > 0).then(|| Duration::from_secs(hours * 3600));
        let mut keys = Keys::new(folder, now, &mut random);
        keys.bootstrap_token(lifetime).expect("a token")
    }

    #[test]
    fn a_token_is_replaced_once_it_has_expired() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("keys");
        let first = token_at(&root, 0, Access::Write, 24);
        assert_eq!(first.expires.as_deref(), Some("2026-01-03T03:04:05Z"));
        for (name, seconds, access) in [
            ("at once", 0, Access::Write),
            ("later", 86_399, Access::Write),
            ("a look after its end", 90_000, Access::Look),
        ] {
            assert_eq!(token_at(&root, seconds, access, 24), first, "{name}");
        }
        let second = token_at(&root, 86_400, Access::Write, 24);
        assert_ne!(second.token, first.token);
        assert_eq!(second.expires.as_deref(), Some("2026-01-04T03:04:05Z"));
        let endless = token_at(&root, 86_400, Access::Write, 0);
        assert_ne!(endless.token, second.token);
        assert_eq!(endless.expires, None);
        assert_eq!(token_at(&root, 900_000, Access::Write, 0), endless);
        let ending = token_at(&root, 900_000, Access::Write, 1);
        assert_ne!(ending.token, endless.token);
    }

    #[test]
    fn new_ones_are_tokens_that_show_no_secret() {
        let token = BootstrapToken::generate(&mut super::super::system_random());
        assert_eq!(token.as_str().parse().as_ref(), Ok(&token));
        assert!(!format!("{token:?}").contains(token.secret()));
    }
}
