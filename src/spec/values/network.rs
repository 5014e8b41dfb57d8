//! Addresses, ports and URLs.

use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use crate::diagnostic::codes;
use crate::names::Hostname;
use crate::spec::decode::{Leaf, LeafError, text};
use crate::spec::yaml::{Kind, Scalar};

impl Leaf for IpAddr {
    const WHAT: &'static str = "an IP address";

    fn schema() -> Json {
        json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        text.parse().map_err(|_| {
            let error = LeafError::rule(
                codes::BAD_ADDRESS,
                text,
                Self::WHAT,
                "neither IPv4 nor IPv6",
            );
            match text.split_once('/') {
                Some((address, _)) if address.parse::<Self>().is_ok() => {
                    error.help(format!("remove the prefix length: {address}"))
                }
                _ => error,
            }
        })
    }
}

/// An address and its network's prefix length; host bits are kept.
impl Leaf for IpNet {
    const WHAT: &'static str = "an address with a prefix length";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9A-Fa-f:.]+/[0-9]{1,3}$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        if text == "default" {
            return Err(
                LeafError::rule(codes::BAD_NETWORK, text, Self::WHAT, "not a network")
                    .help("write 0.0.0.0/0, or ::/0 for IPv6"),
            );
        }
        text.parse().map_err(|_| {
            if let Ok(address) = text.parse::<IpAddr>() {
                let length = if address.is_ipv4() { 24 } else { 64 };
                return LeafError::rule(
                    codes::BAD_NETWORK,
                    text,
                    Self::WHAT,
                    "the prefix length is missing",
                )
                .help(format!("write it like {text}/{length}"));
            }
            let mut several = text.split(',').map(str::trim);
            if text.contains(',') && several.all(|one| one.parse::<Self>().is_ok()) {
                return LeafError::rule(codes::BAD_NETWORK, text, Self::WHAT, "several networks")
                    .help("write one; where several are possible, they are a list: [A, B]");
            }
            let why = match text.split_once('/') {
                None => "neither IPv4 nor IPv6",
                Some((address, length)) => {
                    match (address.parse::<IpAddr>(), length.parse::<u8>()) {
                        (Err(_), _) => "the part before `/` is neither IPv4 nor IPv6",
                        (Ok(_), Err(_)) => "the part after `/` is not a number of bits",
                        (Ok(IpAddr::V4(_)), Ok(_)) => "an IPv4 prefix length must be 0 to 32",
                        (Ok(IpAddr::V6(_)), Ok(_)) => "an IPv6 prefix length must be 0 to 128",
                    }
                }
            };
            LeafError::rule(codes::BAD_NETWORK, text, Self::WHAT, why)
        })
    }
}

/// A host name or an IP address, such as that of a time server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostOrAddress(String);

impl HostOrAddress {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Leaf for HostOrAddress {
    const WHAT: &'static str = "a host name or an address";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9.:-]+$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        if text.parse::<IpAddr>().is_err()
            && let Err(why) = text.trim_end_matches('.').parse::<Hostname>()
        {
            return Err(LeafError::rule(
                codes::BAD_HOSTNAME,
                text,
                Self::WHAT,
                why.0,
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Splits a host, without the brackets of IPv6, from its port, if it has one; an error is the
/// reason why it is none.
pub(super) fn host_and_port(text: &str) -> Result<(&str, Option<u16>), &'static str> {
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err("an IPv6 address must be in brackets");
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            let port = port.parse().ok().filter(|&port: &u16| port > 0);
            (host, Some(port.ok_or("a port must be 1 to 65535")?))
        }
        _ => (text, None),
    };
    let bracketed = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match bracketed {
        Some(inner) if inner.parse::<Ipv6Addr>().is_ok() => Ok((inner, port)),
        Some(_) => Err("the text in brackets is not an IPv6 address"),
        None if host.parse::<IpAddr>().is_ok() || host.parse::<Hostname>().is_ok() => {
            Ok((host, port))
        }
        None => Err("the host is neither a name nor an address"),
    }
}

/// One port or a range of them, first and last, 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    pub first: u16,
    pub last: u16,
}

impl Leaf for PortRange {
    const WHAT: &'static str = "a port or a port range";

    fn schema() -> Json {
        json!({
            "type": ["integer", "string"],
            "minimum": 1,
            "maximum": 65535,
            "pattern": "^[0-9]{1,5}(-[0-9]{1,5})?$",
        })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = &*scalar.text;
        let wrong = |why: &str| Err(LeafError::rule(codes::BAD_PORT, text, Self::WHAT, why));
        let port = |digits: &str| {
            (!digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
                .then(|| digits.parse::<u16>().ok().filter(|&port| port > 0))
        };
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (port(first), port(last)) {
            (Some(Some(first)), Some(Some(last))) if first <= last => Ok(Self { first, last }),
            (Some(Some(_)), Some(Some(_))) => wrong("the first port is greater than the last"),
            (Some(_), Some(_)) => wrong("a port must be 1 to 65535"),
            _ => wrong("must be a number, or two numbers joined by `-`"),
        }
    }
}

/// An etcd URL: `https://192.168.1.10:2379`, scheme `http` or `https`, host, port, no path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdUrl {
    text: String,
    pub https: bool,
    /// A name or an address, without the brackets of IPv6.
    pub host: String,
    pub port: u16,
}

impl EtcdUrl {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Parses a URL; the error is the reason why it is not valid.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (https, rest) = if let Some(rest) = text.strip_prefix("https://") {
            (true, rest)
        } else if let Some(rest) = text.strip_prefix("http://") {
            (false, rest)
        } else {
            return Err("must start with `https://` or `http://`");
        };
        if rest.contains(['/', '?', '#', '@']) {
            return Err("must contain only a host and a port");
        }
        let Some((host, port)) = rest.rsplit_once(':') else {
            return Err("must end in `:` and the port, such as :2379");
        };
        let Some(port) = port.parse().ok().filter(|&port: &u16| port > 0) else {
            return Err("must end in `:` and the port, such as :2379");
        };
        let host = if let Some(inner) = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
        {
            if inner.parse::<Ipv6Addr>().is_err() {
                return Err("the text in brackets is not an IPv6 address");
            }
            inner
        } else {
            if host.contains(':') {
                return Err("an IPv6 address must be in brackets");
            }
            if host.parse::<Hostname>().is_err() {
                return Err("the host is neither a name nor an address");
            }
            host
        };
        Ok(Self {
            text: text.to_owned(),
            https,
            host: host.to_owned(),
            port,
        })
    }
}

impl Leaf for EtcdUrl {
    const WHAT: &'static str = "an etcd URL";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^https?://[^/]+:[0-9]+$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        Self::parse(text).map_err(|why| LeafError::rule(codes::BAD_URL, text, Self::WHAT, why))
    }
}

/// The URL of an HTTP proxy: `http://proxy.example:3128`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyUrl(String);

impl ProxyUrl {
    /// Without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Leaf for ProxyUrl {
    const WHAT: &'static str = "the URL of a proxy";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^https?://[^/@]+:[0-9]+/?$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        if text.contains('@') {
            // The text has a password, so it is not repeated.
            let mut error = LeafError::new(codes::BAD_URL, "a proxy with a login");
            error.label = Some("everybody on the node could read it".to_owned());
            return Err(error.help("use a proxy that lets the node's address in"));
        }
        let url = text.strip_suffix('/').unwrap_or(text);
        match EtcdUrl::parse(url) {
            Ok(_) => Ok(Self(url.to_owned())),
            Err(why) => Err(LeafError::rule(codes::BAD_URL, text, Self::WHAT, why)),
        }
    }
}

/// What is reached without a proxy: a name, a domain (`.example`), an address or a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyException(String);

impl ProxyException {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Leaf for ProxyException {
    const WHAT: &'static str = "a name, domain, address or network";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9.:/_-]+$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = match scalar.kind() {
            Kind::Text => text(scalar, Self::WHAT)?,
            _ => &scalar.text,
        };
        let name = text.strip_prefix('.').unwrap_or(text);
        let is_host = name.to_ascii_lowercase().parse::<Hostname>().is_ok();
        if is_host || text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        Err(LeafError::rule(
            codes::BAD_URL,
            text,
            Self::WHAT,
            "neither a name, nor an address, nor a network",
        ))
    }
}

/// A URL that Ignition can fetch: `https`, `http`, `tftp`, `s3`, `gs`, or `data:` (RFC 2397).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceUrl(String);

impl SourceUrl {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether fetching it needs the node's network.
    pub fn is_remote(&self) -> bool {
        !self.0.starts_with("data:")
    }
}

impl Leaf for SourceUrl {
    const WHAT: &'static str = "a URL that Ignition can fetch";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^((https?|tftp|s3|gs)://|data:|arn:)" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = match scalar.kind() {
            Kind::Text => text(scalar, Self::WHAT)?,
            _ => &scalar.text,
        };
        let wrong = |why: &str| Err(LeafError::rule(codes::BAD_URL, text, Self::WHAT, why));
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return wrong("must not contain white space");
        }
        if let Some(data) = text.strip_prefix("data:") {
            return if data.contains(',') {
                Ok(Self(text.to_owned()))
            } else {
                wrong("a data URL must have a comma before its data (RFC 2397)")
            };
        }
        if text.starts_with("arn:") {
            return Ok(Self(text.to_owned()));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return wrong("must start with a scheme, such as `https://`");
        };
        if !matches!(scheme, "https" | "http" | "tftp" | "s3" | "gs") {
            return wrong("Ignition supports https, http, tftp, s3, gs, arn and data");
        }
        if rest.split('/').next().is_none_or(str::is_empty) {
            return wrong("the URL has no host");
        }
        Ok(Self(text.to_owned()))
    }
}
