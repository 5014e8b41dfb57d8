//! Images and registries.

use serde_json::{Value as Json, json};

use crate::diagnostic::codes;
use crate::oci::ImageName;
use crate::spec::decode::{Leaf, LeafError, text};
use crate::spec::yaml::Scalar;

/// An image to embed: a path on the build machine, or a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageEntry {
    /// As written: absolute, or relative to the folder of the file that contains it.
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
                "use a name like registry.example/app:1.2, or the path of an archive like \
                       ./app.tar",
            )
        };
        if text.contains('\0') {
            return Err(wrong("must not contain a NUL"));
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
            return Err(wrong("an image name has no scheme"));
        }
        match text.parse() {
            Ok(name) => Ok(Self::Name(name)),
            Err(_) => Err(wrong(
                "must be a registry host, a repository in lowercase, and a tag or a digest",
            )),
        }
    }
}

/// An image name, and no path.
impl Leaf for ImageName {
    const WHAT: &'static str = "an image name";

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
                "must be a registry host, a repository in lowercase, and a tag or a digest",
            )
            .help("write it like registry.example/app:1.2")
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

/// Hosts of Docker Hub, by which runtimes never look for its settings.
const DOCKER_HUB: [&str; 4] = [
    "hub.docker.com",
    "index.docker.io",
    "registry-1.docker.io",
    "registry.hub.docker.com",
];

/// Returns whether `text` is a host with an optional port. Such a text is safe in paths and in
/// TOML.
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
    const WHAT: &'static str = "a registry host";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9.:\\[\\]-]+$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        let why = if text.contains("://") {
            "must not have a scheme"
        } else if text.contains('/') {
            "must not have a path"
        } else if DOCKER_HUB.contains(&text) {
            "names of images have docker.io there, whatever its server is called"
        } else if is_host(text) {
            return Ok(Self(text.to_owned()));
        } else {
            "must be a name or an address, optionally with a port"
        };
        Err(LeafError::rule(codes::BAD_REGISTRY, text, Self::WHAT, why)
            .help("write it like docker.io or mirror.example:5000"))
    }
}

/// The URL of a mirror: `https://mirror.example:5000/hub`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryUrl {
    /// Scheme and host: `https://mirror.example:5000`.
    pub server: String,
    /// The prefix of repositories, without surrounding slashes; may be empty.
    pub prefix: String,
}

impl Leaf for RegistryUrl {
    const WHAT: &'static str = "a mirror URL";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^https?://" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        let wrong = |why: &str| {
            LeafError::rule(codes::BAD_REGISTRY_URL, text, Self::WHAT, why)
                .help("write it like https://mirror.example:5000")
        };
        let rest = text
            .strip_prefix("https://")
            .or_else(|| text.strip_prefix("http://"));
        let rest = rest.ok_or_else(|| wrong("must start with https:// or http://"))?;
        let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if host.contains('@') {
            // It may be a password, so it is not repeated.
            let mut error = LeafError::new(codes::BAD_REGISTRY_URL, "not a mirror URL");
            error.label = Some("must not contain a user name".to_owned());
            return Err(error.help("set user and password as `username:` and `password_file:`"));
        }
        if !is_host(host) {
            return Err(wrong("the host is neither a name nor an address"));
        }
        let prefix = prefix.trim_matches('/');
        if !prefix
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b))
        {
            return Err(wrong("the path is not the start of a repository name"));
        }
        if prefix == "v2" || prefix.starts_with("v2/") {
            return Err(wrong("remove /v2, which is added for every registry"));
        }
        Ok(Self {
            server: text[..text.len() - rest.len() + host.len()].to_owned(),
            prefix: prefix.to_owned(),
        })
    }
}
