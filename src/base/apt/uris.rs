//! The lines of `apt-get --print-uris`, and how apt writes paths in URIs.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};

use crate::base::mirror::Mirror;
use crate::lock::{Archive, LockedPackage};

/// Reads a line: `'URI' NAME_VERSION_ARCH.deb SIZE SHA256:HASH`.
pub fn parse_uri(line: &str, mirror: &Mirror) -> Result<LockedPackage> {
    let mut words = line.split_ascii_whitespace();
    let mut word = || words.next().context("too few fields");
    let uri = unquoted(word()?.trim_matches('\''));
    let file = unquoted(word()?);
    let size = word()?.parse().context("invalid size")?;
    let sha256 = word()?.strip_prefix("SHA256:").context("no SHA-256")?;
    let stem = file.strip_suffix(".deb").context("not a package")?;
    let [name, version, architecture] = stem.split('_').collect::<Vec<_>>()[..] else {
        bail!("not NAME_VERSION_ARCHITECTURE");
    };
    let below = |base: &str| uri.strip_prefix(base)?.strip_prefix('/');
    let (archive, path) = if let Some(path) = below(&mirror.main) {
        (Archive::Main, path)
    } else if let Some(path) = below(&mirror.security) {
        (Archive::Security, path)
    } else {
        bail!("not a URI of the mirror");
    };
    Ok(LockedPackage {
        name: name.to_owned(),
        version: version.to_owned(),
        architecture: architecture.to_owned(),
        archive,
        path: path.to_owned(),
        size,
        sha256: sha256.to_owned(),
    })
}

/// Decodes apt's percent-encoding.
fn unquoted(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        let code = others
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let (b'%', Some(byte)) = (first, code) {
            bytes.push(byte);
            rest = &others[2..];
        } else {
            bytes.push(*first);
            rest = others;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Percent-encodes a path as apt does.
pub fn quoted(path: &str) -> String {
    path.chars().fold(String::new(), |mut text, c| {
        if c.is_ascii_alphanumeric() || "/._-".contains(c) {
            text.push(c);
        } else {
            let _ = write!(text, "%{:02x}", u32::from(c));
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror() -> Mirror {
        Mirror {
            main: "http://m.example/debian".to_owned(),
            security: "http://m.example/debian-security".to_owned(),
        }
    }

    #[test]
    fn answers_of_apt() {
        let hash = "5a".repeat(32);
        let line = format!(
            "'http://m.example/debian-security/pool/updates/main/s/sl/isolinux_6.04%7egit%2bdfsg1-3.1_all.deb' isolinux_3%3a6.04~git+dfsg1-3.1_all.deb 86544 SHA256:{hash}"
        );
        let package = parse_uri(&line, &mirror()).expect("apt's own format");
        assert_eq!(package.name, "isolinux");
        assert_eq!(package.version, "3:6.04~git+dfsg1-3.1");
        assert_eq!(package.architecture, "all");
        assert_eq!(package.archive, Archive::Security);
        assert_eq!(
            package.path,
            "pool/updates/main/s/sl/isolinux_6.04~git+dfsg1-3.1_all.deb"
        );
        assert_eq!(package.size, 86544);
        assert_eq!(
            quoted(&package.path),
            "pool/updates/main/s/sl/isolinux_6.04%7egit%2bdfsg1-3.1_all.deb"
        );

        for (name, bad) in [
            ("another mirror", line.replace("m.example", "n.example")),
            ("a weak hash", line.replace("SHA256", "MD5Sum")),
            ("no size", line.replace("86544", "-")),
            ("no architecture", line.replace("_all.deb 8", ".deb 8")),
        ] {
            assert!(parse_uri(&bad, &mirror()).is_err(), "{name}");
        }
    }
}
