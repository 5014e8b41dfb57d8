//! The cluster's keys and certificates: made on first use, kept in `keys/` beside the spec, the
//! same in every later build.
//!
//! The folder is laid out as kubeadm lays out `/etc/kubernetes/pki`, what belongs to one node
//! apart:
//!
//! ```text
//! keys/
//!   .gitignore                 where imgbuild made the folder
//!   etcd/ca.crt, ca.key        the authority of the cluster's etcd
//!   ca.*, front-proxy-ca.*     those of Kubernetes and of the servers that extend its API
//!   sa.key                     signs the tokens of service accounts
//!   clients/kubernetes/        admin.*, super-admin.*
//!   bootstrap-token.key        what nodes that join by token show, where the spec has none
//!   ca.next.*, ca.old.*        an authority's successor or predecessor, while it is replaced
//!   old/<time>/                what was replaced
//!   nodes/<hostname>/etcd/     that node's server.*, peer.*, healthcheck-client.*,
//!                              apiserver-etcd-client.*, flannel-client.*
//!   nodes/<hostname>/kubernetes/, front-proxy/    its other certificates
//!   encryption.key             what API servers encrypt secrets in etcd with, where asked for
//!   password-salt.key          what the salts of hashed passwords are derived from
//! ```
//!
//! One folder is one cluster: specs that share it share its authority, and a host name means one
//! node. Two clusters in one folder need key folders of their own, or their nodes' certificates are
//! issued anew in turn.
//!
//! Time and randomness are passed in; nothing here prints.

pub mod bundles;
mod certificate;
mod encryption;
mod etcd;
mod folder;
mod import;
mod issue;
mod keeping;
mod keys;
mod kubeconfig;
mod kubernetes;
mod list;
mod many;
mod moves;
mod private_key;
mod profile;
mod rotate;
mod staging;
mod token;

pub use crate::pki::private_key::CertificateError;
pub use certificate::Certificate;
pub use folder::{Access, KeyFolder};
pub use import::import;
pub use issue::{IssueError, issue, self_signed};
pub use keeping::Keeping;
pub use keys::{Keys, Notice};
pub use kubeconfig::{Kubeconfig, bootstrap_kubeconfig, cluster_info};
pub use kubernetes::{ControlPlaneNames, NodeNames};
pub use list::{Listed, list};
pub use p256::elliptic_curve::rand_core::CryptoRng;
pub use private_key::{KeyAlgorithm, PrivateKey};
pub use profile::{EXPIRY_WARNING, Names, Profile, Usage};
pub use rotate::{Phase, archive_leaves, rotate_authorities};
pub use token::{BootstrapToken, TokenError};

/// The operating system's random source.
pub fn system_random() -> impl CryptoRng {
    // SysRng fails only where the kernel has no getrandom(2), which Linux has had since 3.17.
    p256::elliptic_curve::rand_core::UnwrapErr(p256::elliptic_curve::common::getrandom::SysRng)
}
