//! Names of images, as in pods and registries.

use std::fmt;
use std::str::FromStr;

use oci_client::Reference;

use crate::names::InvalidName;

/// An image by its name: `registry.k8s.io/pause:3.10`, `alpine` (which is
/// `docker.io/library/alpine:latest`), with a digest or without.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageName(Reference);

impl ImageName {
    /// `docker.io`
    pub fn registry(&self) -> &str {
        self.0.registry()
    }

    /// `library/alpine`
    pub fn repository(&self) -> &str {
        self.0.repository()
    }

    /// `latest`; `None` if only a digest names the image.
    pub fn tag(&self) -> Option<&str> {
        self.0.tag()
    }

    /// `sha256:…`, where the name has one.
    pub fn digest(&self) -> Option<&str> {
        self.0.digest()
    }

    /// For the client library.
    pub(crate) fn reference(&self) -> &Reference {
        &self.0
    }
}

impl FromStr for ImageName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let reference: Reference = text
            .parse()
            .map_err(|why: oci_client::ParseError| InvalidName(why.to_string()))?;
        if let Some(digest) = reference.digest()
            && !is_digest(digest)
        {
            return Err(InvalidName(
                "a digest is `sha256:` followed by 64 lower-case hexadecimal digits".to_owned(),
            ));
        }
        Ok(Self(reference))
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.whole())
    }
}

/// Whether `text` is a SHA-256 digest as OCI writes it. Such a text is safe in paths.
pub fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64
            && hex
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, want) in [
            ("alpine", Some("docker.io/library/alpine:latest")),
            (
                "registry.k8s.io/pause:3.10",
                Some("registry.k8s.io/pause:3.10"),
            ),
            ("127.0.0.1:5000/a/b:c", Some("127.0.0.1:5000/a/b:c")),
            ("Alpine", None),
            ("", None),
            ("a:b:c", None),
            ("a@sha256:0123", None),
        ] {
            let got = text.parse::<ImageName>().ok().map(|name| name.to_string());
            assert_eq!(got.as_deref(), want, "{text}");
        }
        let pinned = format!("a.example/b:c@sha256:{}", "0f".repeat(32));
        assert_eq!(
            pinned.parse::<ImageName>().map(|n| n.to_string()),
            Ok(pinned)
        );
    }
}
