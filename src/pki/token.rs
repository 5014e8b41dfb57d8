//! The token that nodes show when they ask for their first certificate (a bootstrap token of
//! Kubernetes).

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};

use super::CryptoRng;
use super::keys::Keys;

/// Beside the other secrets: its ending keeps a folder that others can enter from being used.
const FILE: &str = "bootstrap-token.key";

const ID: usize = 6;
const SECRET: usize = 16;

/// `abcdef.0123456789abcdef`: an identifier that is no secret, and a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct BootstrapToken(String);

/// Shows no secret.
impl fmt::Debug for BootstrapToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BootstrapToken({}.…)", self.id())
    }
}

/// Why a text is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenError(pub &'static str);

impl FromStr for BootstrapToken {
    type Err = TokenError;

    /// Six and sixteen digits and small letters, a dot between them.
    fn from_str(text: &str) -> Result<Self, TokenError> {
        let Some((id, secret)) = text.split_once('.') else {
            return Err(TokenError("it has no dot"));
        };
        let plain = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase();
        if !id.bytes().chain(secret.bytes()).all(plain) {
            return Err(TokenError("it has digits and small letters only"));
        }
        if id.len() != ID || secret.len() != SECRET {
            return Err(TokenError(
                "six characters stand before the dot and sixteen behind it",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl BootstrapToken {
    /// A new one.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        // The largest multiple of 36 that a byte can be below: all letters are equally likely.
        const LIMIT: u8 = 252;
        let mut text = String::new();
        while text.len() < ID + 1 + SECRET {
            if text.len() == ID {
                text.push('.');
            }
            let mut byte = [0];
            rng.fill_bytes(&mut byte);
            if byte[0] < LIMIT {
                text.push(char::from(LETTERS[usize::from(byte[0] % 36)]));
            }
        }
        Self(text)
    }

    /// The whole of it, a secret.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the cluster's Secret is named after.
    pub fn id(&self) -> &str {
        &self.0[..ID]
    }

    /// The secret half.
    pub fn secret(&self) -> &str {
        &self.0[ID + 1..]
    }
}

impl Keys<'_> {
    /// The token of the folder, made where there is none yet.
    pub fn bootstrap_token(&mut self) -> Result<BootstrapToken> {
        if let Some(text) = self.folder().read(FILE)? {
            return match text.trim_end().parse() {
                Ok(token) => Ok(token),
                Err(TokenError(why)) => bail!(
                    "{} is damaged: {why}; remove it to have it made anew, then build and boot every control plane",
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
            ("abcdef0123456789abcdef", Err("it has no dot")),
            (
                "ABCDEF.0123456789abcdef",
                Err("it has digits and small letters only"),
            ),
            (
                "abcde.0123456789abcdef",
                Err("six characters stand before the dot and sixteen behind it"),
            ),
            (
                "abcdef.0123456789abcde",
                Err("six characters stand before the dot and sixteen behind it"),
            ),
            (
                "abcdef.0123456789abcdéf",
                Err("it has digits and small letters only"),
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
