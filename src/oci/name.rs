//! Names of images, as in pods and registries (distribution/reference, "Grammar").

use std::fmt;
use std::str::FromStr;

use crate::names::InvalidName;

/// The registry of names that have none.
const DEFAULT_REGISTRY: &str = "docker.io";

/// The folder there of names of one part.
const DEFAULT_FOLDER: &str = "library";

/// The longest repository and tag.
const REPOSITORY_MAX: usize = 255;
const TAG_MAX: usize = 128;

/// An image by its name: `registry.k8s.io/pause:3.10`, `alpine` (which is
/// `docker.io/library/alpine:latest`), with a digest or without.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageName {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

impl ImageName {
    /// `docker.io`
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// `library/alpine`
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// `latest`; `None` if only a digest names the image.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// `sha256:…`, where the name has one.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }
}

impl FromStr for ImageName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let invalid = |why: &str| Err(InvalidName(why.to_owned()));
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        if !digest.is_none_or(is_digest) {
            return invalid("a digest is `sha256:` followed by 64 lower-case hexadecimal digits");
        }
        // A colon before the last slash is that of a registry's port.
        let last = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[last..].split_once(':') {
            Some((name, tag)) => (&rest[..last + name.len()], Some(tag)),
            None => (rest, None),
        };
        if name.is_empty() {
            return invalid("the name of its repository is empty");
        }
        if !tag.is_none_or(is_tag) {
            return invalid(
                "a tag has up to 128 letters, digits, `_`, `.` and `-`, and does not start with `.` or `-`",
            );
        }
        let (registry, repository) = split_registry(name);
        if !is_host(registry) {
            return invalid("the host name of its registry is invalid");
        }
        if repository.len() > REPOSITORY_MAX {
            return invalid("the name of its repository has more than 255 characters");
        }
        if !repository.split('/').all(is_part) {
            return invalid(
                "the parts of a repository's name have lower-case letters and digits, and in between `.`, `_`, `__` or `-`",
            );
        }
        let tag = tag.or(match digest {
            Some(_) => None,
            None => Some("latest"),
        });
        let repository = if registry == DEFAULT_REGISTRY && !repository.contains('/') {
            format!("{DEFAULT_FOLDER}/{repository}")
        } else {
            repository.to_owned()
        };
        Ok(Self {
            registry: registry.to_owned(),
            repository,
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }
}

/// Splits a name at the end of its registry's host, where it has one.
fn split_registry(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some(("index.docker.io", repository)) => (DEFAULT_REGISTRY, repository),
        Some((host, repository)) if host.contains(['.', ':']) || host == "localhost" => {
            (host, repository)
        }
        _ => (DEFAULT_REGISTRY, name),
    }
}

/// A host name, an IPv4 address or an IPv6 address in brackets, with a port or without.
fn is_host(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']').is_some_and(|(address, port)| {
            address.parse::<std::net::Ipv6Addr>().is_ok()
                && (port.is_empty() || port.strip_prefix(':').is_some_and(digits))
        });
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    port.is_none_or(digits) && host.split('.').all(is_label)
}

/// A part of a repository's name.
fn is_part(part: &str) -> bool {
    let is_letter = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let separators = part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_separator =
        |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|b| b == b'-');
    let ends = [part.as_bytes().first(), part.as_bytes().last()];
    ends.into_iter().all(|end| end.is_some_and(is_letter))
        && separators.into_iter().all(is_separator)
}

fn is_tag(tag: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    (1..=TAG_MAX).contains(&tag.len())
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|b| is_word(b) || b == b'.' || b == b'-')
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
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
        let digest = format!("sha256:{}", "0f".repeat(32));
        for (text, want) in [
            ("alpine", Some("docker.io/library/alpine:latest")),
            ("a/b", Some("docker.io/a/b:latest")),
            ("index.docker.io/a", Some("docker.io/library/a:latest")),
            ("test.com:5000", Some("docker.io/library/test.com:5000")),
            (
                "registry.k8s.io/pause:3.10",
                Some("registry.k8s.io/pause:3.10"),
            ),
            ("127.0.0.1:5000/a/b:c", Some("127.0.0.1:5000/a/b:c")),
            ("[2001:db8::1]:5000/a", Some("[2001:db8::1]:5000/a:latest")),
            (
                "localhost/a-b_c__d.e--f:V1",
                Some("localhost/a-b_c__d.e--f:V1"),
            ),
            ("Alpine", None),
            ("a.example/Alpine", None),
            ("", None),
            (":a", None),
            ("a:", None),
            ("a:b:c", None),
            ("a:.b", None),
            ("a/", None),
            ("a//b", None),
            ("/a", None),
            ("-a", None),
            ("a_", None),
            ("a___b", None),
            ("a._b", None),
            ("a b", None),
            ("-a.example/b", None),
            ("a.example:x/b", None),
            ("[a]:5000/b", None),
            ("a@sha256:0123", None),
            ("a@sha512:0123", None),
        ] {
            let got = text.parse::<ImageName>().ok().map(|name| name.to_string());
            assert_eq!(got.as_deref(), want, "{text}");
        }
        for (text, want) in [
            (format!("a.example/b:c@{digest}"), None),
            (format!("a.example/b@{digest}"), None),
            (format!("a.example/{}", "a".repeat(256)), Some(())),
            (format!("a.example/a:{}", "a".repeat(129)), Some(())),
        ] {
            let got = text.parse::<ImageName>().map(|name| name.to_string());
            assert_eq!(got.as_ref().err().map(|_| ()), want, "{text}");
            if let Ok(got) = got {
                assert_eq!(got, text);
            }
        }
    }
}
