//! The token with which nodes request their first certificate (a bootstrap token of Kubernetes).

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};

use super::CryptoRng;
use super::keys::Keys;

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

impl Keys<'_> {
    /// The token of the folder, made if there is none.
    pub fn bootstrap_token(&mut self) -> Result<BootstrapToken> {
        if let Some(text) = self.folder().read(FILE)? {
            return match text.trim_end().parse() {
                Ok(token) => Ok(token),
                Err(TokenError(why)) => bail!(
                    "{} is damaged: {why}; remove it to have a new one made, then build and boot every control plane",
                    self.folder().path(FILE).display()
                ),
            };
        }
        let token = BootstrapToken::generate(self.random());
        self.keep(FILE, &format!("{}\n", token.as_str()))?;
        Ok(token)
    }
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

    #[test]
    fn new_ones_are_tokens_that_show_no_secret() {
        let token = BootstrapToken::generate(&mut super::super::system_random());
        assert_eq!(token.as_str().parse().as_ref(), Ok(&token));
        assert!(!format!("{token:?}").contains(token.secret()));
    }
}
