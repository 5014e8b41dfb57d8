//! Values of links: ranges of addresses, ports, routing tables, WireGuard's keys.

use std::net::{Ipv4Addr, Ipv6Addr};

use base64ct::{Base64, Encoding as _};
use serde_json::{Value as Json, json};

use super::network::host_and_port;
use crate::diagnostic::codes;
use crate::spec::decode::{Leaf, LeafError, text};
use crate::spec::yaml::Scalar;

impl Leaf for Ipv4Addr {
    const WHAT: &'static str = "an IPv4 address";

    fn schema() -> Json {
        json!({ "type": "string", "format": "ipv4" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        text.parse().map_err(|_| {
            let why = if text.parse::<Ipv6Addr>().is_ok() {
                "an address of IPv6"
            } else {
                "not four numbers from 0 to 255"
            };
            LeafError::rule(codes::BAD_ADDRESS, text, Self::WHAT, why)
        })
    }
}

/// Consecutive addresses, with the first and the last: `192.168.1.100-192.168.1.199`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange {
    pub first: Ipv4Addr,
    pub last: Ipv4Addr,
}

impl Leaf for AddressRange {
    const WHAT: &'static str = "a range of addresses";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9.]+ *- *[0-9.]+$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        let wrong = |why: &str| {
            LeafError::rule(codes::BAD_ADDRESS_RANGE, text, Self::WHAT, why)
                .help("write it like 192.168.1.100-192.168.1.199")
        };
        let ends = text.split_once('-').map(|(first, last)| {
            let address = |text: &str| text.trim().parse::<Ipv4Addr>().ok();
            (address(first), address(last))
        });
        match ends {
            Some((Some(first), Some(last))) if first <= last => Ok(Self { first, last }),
            Some((Some(_), Some(_))) => Err(wrong("the first address is after the last")),
            _ => Err(wrong("must be two IPv4 addresses joined by `-`")),
        }
    }
}

/// A host and a port: `vpn.example:51820`, `[2001:db8::1]:51820`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAndPort(String);

impl HostAndPort {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Leaf for HostAndPort {
    const WHAT: &'static str = "a host and a port";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[^/]+:[0-9]{1,5}$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        let wrong = |why: &str| {
            LeafError::rule(codes::BAD_ENDPOINT, text, Self::WHAT, why)
                .help("write it like vpn.example:51820 or [2001:db8::1]:51820")
        };
        match host_and_port(text) {
            Ok((_, Some(_))) => Ok(Self(text.to_owned())),
            Ok((_, None)) => Err(wrong("the port is missing")),
            Err(why) => Err(wrong(why)),
        }
    }
}

/// The number of a routing table of the user's own. The kernel's own tables are 253 to 255
/// (`rtnetlink(7)`, `rt_table`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoutingTable(pub u32);

impl Leaf for RoutingTable {
    const WHAT: &'static str = "a routing table";

    fn schema() -> Json {
        json!({
            "type": "integer", "minimum": 1, "maximum": u32::MAX,
            "not": { "enum": [253, 254, 255] },
        })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let number = u32::read(scalar)?;
        if matches!(number, 0 | 253..=255) {
            return Err(LeafError::rule(
                codes::BAD_ROUTING_TABLE,
                &scalar.text,
                Self::WHAT,
                "a table of the kernel's own",
            )
            .help("use a number from 1 to 252, or from 256 on"));
        }
        Ok(Self(number))
    }
}

/// A key of WireGuard: 32 bytes in Base64 (RFC 4648 §4).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WireGuardKey(String);

impl WireGuardKey {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses a key, as `wg` prints it.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Base64::decode_vec(text).ok()?;
        (bytes.len() == 32).then(|| Self(text.to_owned()))
    }
}

impl Leaf for WireGuardKey {
    const WHAT: &'static str = "a key of WireGuard";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9+/]{43}=$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        Self::parse(text).ok_or_else(|| {
            LeafError::rule(
                codes::BAD_WIREGUARD_KEY,
                text,
                Self::WHAT,
                "not 32 bytes in Base64",
            )
            .help("`wg pubkey < private.key` prints the public key of a private one")
        })
    }
}
