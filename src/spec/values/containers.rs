//! Images and registries.

use serde_json::{Value as Json, json};

use crate::diagnostic::codes;
use crate::oci::ImageName;
use crate::spec::decode::{Leaf, LeafError, text};
use crate::spec::yaml::Scalar;

/// An image to embed: a path on the machine that builds, or a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageEntry {
    /// As written: absolute, or from the folder of the file that names it.
    Path(String),
    Name(ImageName),
}

impl Leaf for ImageEntry {
    const WHAT: &'static str = "an image";

    fn schema() -> Json {
        json!({ "type": "string", "minLength": 1 })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        let wrong = |why: &str| {
            LeafError::rule(codes::BAD_IMAGE, text, Self::WHAT, why).help(
                "name it as in registry.example/app:1.2, or write the path of an archive as in ./app.tar",
            )
        };
        if text.contains('\0') {
            return Err(wrong("it has a NUL"));
        }
        let ends_in_tar = std::path::Path::new(text)
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("tar"));
        let is_path = text == "."
            || text == ".."
            || ["/", "./", "../"]
                .iter()
                .any(|start| text.starts_with(start))
            || ends_in_tar;
        if is_path {
            return Ok(Self::Path(text.to_owned()));
        }
        if text.contains("://") {
            return Err(wrong("the name of an image has no scheme"));
        }
        match text.parse() {
            Ok(name) => Ok(Self::Name(name)),
            Err(_) => Err(wrong(
                "it is a registry's host, a repository in lower case, and a tag or a digest",
            )),
        }
    }
}

/// The name of an image alone.
impl Leaf for ImageName {
    const WHAT: &'static str = "the name of an image";

    fn schema() -> Json {
        json!({ "type": "string", "minLength": 1 })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        text.parse().map_err(|_| {
            LeafError::rule(
                codes::BAD_IMAGE,
                text,
                Self::WHAT,
                "it is a registry's host, a repository in lower case, and a tag or a digest",
            )
            .help("name it as in registry.example/app:1.2")
        })
    }
}

/// A registry by its host: `docker.io`, `mirror.example:5000`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegistryHost(String);

impl RegistryHost {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether `text` is a host, with a port or without. Such a text is safe in paths and in TOML.
fn is_host(text: &str) -> bool {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (text, None),
    };
    let good_port = port.is_none_or(|port| port.parse().is_ok_and(|port: u16| port > 0));
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let good_name = match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !name.is_empty()
                && name.len() <= 253
                && name.split('.').all(|label| {
                    !label.is_empty()
                        && !label.starts_with('-')
                        && !label.ends_with('-')
                        && label
                            .bytes()
                            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                })
        }
    };
    good_name && good_port
}

impl Leaf for RegistryHost {
    const WHAT: &'static str = "a registry's host name";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9.:\\[\\]-]+$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        let why = if text.contains("://") {
            "it has no scheme"
        } else if text.contains('/') {
            "it has no path"
        } else if is_host(text) {
            return Ok(Self(text.to_owned()));
        } else {
            "it is a name or an address, and perhaps a port"
        };
        Err(LeafError::rule(codes::BAD_REGISTRY, text, Self::WHAT, why)
            .help("write it as in docker.io or mirror.example:5000"))
    }
}

/// Where a mirror is: `https://mirror.example:5000/hub`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryUrl {
    /// Scheme and host: `https://mirror.example:5000`.
    pub server: String,
    /// What repositories start with there, without slashes around it; may be empty.
    pub prefix: String,
}

impl Leaf for RegistryUrl {
    const WHAT: &'static str = "a mirror's URL";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^https?://" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        let wrong = |why: &str| {
            LeafError::rule(codes::BAD_REGISTRY_URL, text, Self::WHAT, why)
                .help("write it as in https://mirror.example:5000")
        };
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let rest = rest.ok_or_else(|| wrong("it starts with https:// or http://"))?;
        let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if host.contains('@') {
            // It may be a password: it is not repeated.
            let mut error = LeafError::new(codes::BAD_REGISTRY_URL, "this is not a mirror's URL");
            error.label = Some("it has a user in it".to_owned());
            return Err(
                error.help("write user and password under `username:` and `password_file:`")
            );
        }
        if !is_host(host) {
            return Err(wrong("its host is neither a name nor an address"));
        }
        let prefix = prefix.trim_matches('/');
        if !prefix
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b))
        {
            return Err(wrong("its path is not the start of a repository's name"));
        }
        if prefix == "v2" || prefix.starts_with("v2/") {
            return Err(wrong("leave out /v2, which every registry has"));
        }
        Ok(Self {
            server: text[..text.len() - rest.len() + host.len()].to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}
