//! `kubernetes.endpoint:`, where the API is reached.

use std::net::IpAddr;

use serde_json::{Value as Json, json};

use crate::diagnostic::{Located, Span};
use crate::spec::decode::{Decode, Decoder, Schemas, record};
use crate::spec::values::{Endpoint, PortNumber, VirtualRouterId};
use crate::spec::yaml::{Node, Value};

/// Where the API is reached.
#[derive(Debug, Clone, PartialEq)]
pub enum KubernetesEndpoint {
    /// A host, which something else leads to the control planes.
    Host(Located<Endpoint>),
    /// An address that the control planes share.
    Shared(KubernetesSharedAddress),
}

impl KubernetesEndpoint {
    /// Returns its place.
    pub fn span(&self) -> Span {
        match self {
            Self::Host(endpoint) => endpoint.span,
            Self::Shared(shared) => shared.vip.span,
        }
    }
}

impl Decode for KubernetesEndpoint {
    fn schema(schemas: &mut Schemas) -> Json {
        let host = Located::<Endpoint>::schema(schemas);
        json!({ "anyOf": [host, KubernetesSharedAddress::schema(schemas)] })
    }

    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if matches!(node.value, Value::Map(_)) {
            KubernetesSharedAddress::decode(node, decoder).map(Self::Shared)
        } else {
            Located::decode(node, decoder).map(Self::Host)
        }
    }
}

record! {
    /// An address that the control planes of the file share: one of them holds it, by VRRP.
    pub struct KubernetesSharedAddress {
        /// The address, in the network of the control planes and used by nothing else.
        #[example = "192.168.1.10"]
        pub vip: Located<IpAddr>,
        /// The port of the API.
        #[default = "6443"]
        #[example = "443"]
        pub port: Option<Located<PortNumber>>,
        /// What tells the address from others that are held by VRRP on the same network.
        #[otherwise = "the last byte of the address"]
        #[example = "51"]
        pub virtual_router_id: Option<Located<VirtualRouterId>>,
    }
    "a shared address"
}
