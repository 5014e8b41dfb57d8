//! The contents of each kind of certificate: subject, usages, names, validity.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long before it is issued a certificate is valid, for nodes whose clock is slow. As in
/// kubeadm.
pub const BACKDATED: Duration = Duration::from_secs(5 * 60);

/// How long an authority is valid: ten years, as in kubeadm.
pub const AUTHORITY_VALIDITY: Duration = DAY.saturating_mul(3650);

/// How long the certificate of a server or client is valid: three years.
///
/// kubeadm's one year assumes that something on the node renews it. A node of imgbuild is an
/// immutable image: its certificates live as long as the image does. Three years is how long a
/// Debian release gets security updates, so an image whose certificates expire had to be rebuilt
/// anyway; a shorter time would only stop working clusters. Nothing is lost by it: neither etcd nor
/// Kubernetes supports revocation, so a stolen key requires a new authority in any case.
pub const LEAF_VALIDITY: Duration = DAY.saturating_mul(3 * 365);

/// Certificates that expire sooner than this cause a warning.
pub const EXPIRY_WARNING: Duration = DAY.saturating_mul(30);

/// What a certificate may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Usage {
    /// Signs other certificates (`keyCertSign`, `cRLSign`, `cA`; RFC 5280 §4.2.1.3, §4.2.1.9).
    Authority,
    /// `id-kp-serverAuth` (RFC 5280 §4.2.1.12).
    Server,
    /// `id-kp-clientAuth` (RFC 5280 §4.2.1.12).
    Client,
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Authority => "authority",
            Self::Server => "server",
            Self::Client => "client",
        })
    }
}

/// The names that a certificate is valid for (subjectAltName, RFC 5280 §4.2.1.6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    pub dns: BTreeSet<String>,
    pub addresses: BTreeSet<IpAddr>,
}

impl Names {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.dns.is_empty() && self.addresses.is_empty()
    }

    /// Each as text, DNS names first.
    pub fn texts(&self) -> Vec<String> {
        let addresses = self.addresses.iter().map(ToString::to_string);
        self.dns.iter().cloned().chain(addresses).collect()
    }

    /// The names of a server on a node: the node's name and addresses, and those of the machine
    /// itself (kubeadm: node name, `localhost`, advertised addresses, 127.0.0.1, `::1`).
    pub fn of_node(
        dns: impl IntoIterator<Item = String>,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let mut names = Self {
            dns: dns.into_iter().collect(),
            addresses: addresses.into_iter().collect(),
        };
        names.dns.insert("localhost".to_owned());
        names.addresses.insert(Ipv4Addr::LOCALHOST.into());
        names.addresses.insert(Ipv6Addr::LOCALHOST.into());
        names
    }
}

/// The contents of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub common_name: String,
    /// The group of a client in Kubernetes (`O=` of the subject).
    pub organization: Option<String>,
    pub usages: BTreeSet<Usage>,
    pub names: Names,
}

impl Profile {
    /// An authority that signs only leaf certificates.
    pub fn authority(common_name: &str) -> Self {
        Self {
            common_name: common_name.to_owned(),
            organization: None,
            usages: BTreeSet::from([Usage::Authority]),
            names: Names::default(),
        }
    }

    /// A server that is also a client of its peers, as etcd's members are.
    pub fn member(common_name: &str, names: Names) -> Self {
        Self {
            common_name: common_name.to_owned(),
            organization: None,
            usages: BTreeSet::from([Usage::Server, Usage::Client]),
            names,
        }
    }

    /// A client.
    pub fn client(common_name: &str) -> Self {
        Self {
            common_name: common_name.to_owned(),
            organization: None,
            usages: BTreeSet::from([Usage::Client]),
            names: Names::default(),
        }
    }

    /// A client that is a member of `group` in Kubernetes.
    pub fn client_in(common_name: &str, group: &str) -> Self {
        Self {
            organization: Some(group.to_owned()),
            ..Self::client(common_name)
        }
    }

    /// A server that is not a client.
    pub fn server(common_name: &str, names: Names) -> Self {
        Self {
            usages: BTreeSet::from([Usage::Server]),
            names,
            ..Self::client(common_name)
        }
    }

    /// How long such a certificate is valid.
    pub fn validity(&self) -> Duration {
        if self.usages.contains(&Usage::Authority) {
            AUTHORITY_VALIDITY
        } else {
            LEAF_VALIDITY
        }
    }
}
