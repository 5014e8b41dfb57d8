//! Values of `kubernetes:`.

use serde_json::{Value as Json, json};

use super::local::no_path;
use super::network::host_and_port;
use crate::diagnostic::codes;
use crate::facts::kubernetes::version::{KubeVersion, RELEASES};
use crate::facts::systems::TABLE;
use crate::spec::decode::{Leaf, LeafError, text};
use crate::spec::yaml::Scalar;

impl Leaf for KubeVersion {
    const WHAT: &'static str = "a Kubernetes version";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^v?1\\.[0-9]+\\.[0-9]+$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = &*scalar.text;
        let version: Self = text.parse().map_err(|_| {
            LeafError::rule(
                codes::BAD_KUBE_VERSION,
                text,
                Self::WHAT,
                "must have three numbers",
            )
            .help("write it like 1.36.2")
        })?;
        let first = RELEASES[0].minor;
        // Later ones are built as the newest known one is, with a warning.
        if version.minor < first {
            return Err(LeafError::new(
                codes::UNKNOWN_KUBE_VERSION,
                format!("Kubernetes {version} is not supported"),
            )
            .help(
                match TABLE.iter().find(|it| it.kubernetes == Some(version.minor)) {
                    Some(facts) => format!(
                        "1.{first} and later are supported; 1.{} with `target: {}`",
                        version.minor, facts.name
                    ),
                    None => format!("1.{first} and later are supported"),
                },
            ));
        }
        Ok(version)
    }
}

/// The endpoint of the API: `192.168.1.10:6443`, `api.lab.example`, `[fd00::10]:6443`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address, without the brackets of IPv6.
    pub host: String,
    /// `None`: not set.
    pub port: Option<u16>,
}

impl Leaf for Endpoint {
    const WHAT: &'static str = "an endpoint";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9.:\\[\\]-]+$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        let wrong = |why: &str| {
            LeafError::rule(codes::BAD_ENDPOINT, text, Self::WHAT, why)
                .help("write it like 192.168.1.10:6443 or api.lab.example:6443")
        };
        if text.contains("://") {
            return Err(wrong("must not have a scheme: it is always https"));
        }
        let (host, port) = host_and_port(text).map_err(wrong)?;
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

/// The source of programs: a folder on the build machine, which is too large to be read with the
/// spec's other files; or a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramsFolder(String);

impl ProgramsFolder {
    /// As written. A folder is absolute, or relative to the folder of the file that contains it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the URL of a site, without a trailing slash; `None`: it is a folder.
    pub fn site(&self) -> Option<&str> {
        self.0.contains("://").then(|| self.0.trim_end_matches('/'))
    }
}

impl Leaf for ProgramsFolder {
    const WHAT: &'static str = "the path of a local folder, or the URL of a site";

    fn schema() -> Json {
        json!({ "type": "string", "minLength": 1 })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        let why = if let Some(why) = no_path(text) {
            why
        } else if let Some((scheme, rest)) = text.split_once("://") {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/[]%+".contains(&b);
            if !matches!(scheme, "http" | "https") {
                "a site URL must start with https:// or http://"
            } else if rest.is_empty() || rest.starts_with('/') {
                "the URL has no host"
            } else if !rest.bytes().all(plain) {
                "a site URL must have only a host and a path"
            } else {
                return Ok(Self(text.to_owned()));
            }
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(LeafError::rule(
            codes::BAD_LOCAL_PATH,
            text,
            Self::WHAT,
            why,
        ))
    }
}
