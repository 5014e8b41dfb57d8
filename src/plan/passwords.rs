//! Passwords from files, hashed as `crypt(5)` does.

use sha_crypt::{Algorithm, CustomizedPasswordHasher, Params, PasswordHash, ShaCrypt};

use super::Decider;
use crate::diagnostic::{Diagnostic, codes};
use crate::spec;

/// Rounds of SHA-512. glibc's default of 5,000 dates from 2007; these take a tenth of a second, at
/// build and at each login.
const ROUNDS: u32 = 100_000;

impl Decider<'_> {
    /// Returns the passwords that `users` have in files, with the users' indexes in the list.
    pub(super) fn passwords(&mut self, users: &[spec::User]) -> Vec<(usize, String)> {
        let mut passwords = Vec::new();
        for (at, user) in users.iter().enumerate() {
            let Some(file) = &user.password_file else {
                continue;
            };
            let Some(text) = self.files.text(file) else {
                continue; // reported by the loader
            };
            let password = text.lines().next().unwrap_or_default();
            let why = if password.is_empty() {
                "its first line is empty"
            } else if password.chars().any(char::is_control) {
                "its first line contains control characters"
            } else if text.lines().skip(1).any(|line| !line.trim().is_empty()) {
                "it has more than one line"
            } else if password.starts_with("$6$")
                || password.starts_with("$y$")
                || password.starts_with("$5$")
            {
                "it contains a hash; use `password_hash:` for that"
            } else {
                passwords.push((at, password.to_owned()));
                continue;
            };
            self.found.push(
                Diagnostic::error(
                    codes::BAD_PASSWORD_FILE,
                    file.span,
                    format!("`{}` is not a password file", file.as_str()),
                )
                .label(why)
                .help("the file must contain the password and nothing else"),
            );
        }
        passwords
    }
}

/// Returns `password` as SHA-512-crypt (`$6$`) with `salt`.
pub(super) fn hash(password: &str, salt: &[u8; 12]) -> String {
    let params = Params::new(ROUNDS).expect("the rounds are within the algorithm's limits");
    let hasher = ShaCrypt::new(Algorithm::Sha512Crypt, params);
    let hash: PasswordHash = hasher
        .hash_password_customized(password.as_bytes(), salt, None, None, params)
        .expect("SHA-512-crypt takes every password and a salt of 12 bytes");
    hash.as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::hash;

    #[test]
    fn the_same_password_and_salt_give_the_same_hash() {
        let salt = *b"0123456789ab";
        let one = hash("secret", &salt);
        assert!(one.starts_with("$6$rounds=100000$"), "{one}");
        assert_eq!(one.split('$').nth(3).map(str::len), Some(16), "{one}");
        assert_eq!(one, hash("secret", &salt));
        assert_ne!(one, hash("secret", b"0123456789ac"));
    }
}
