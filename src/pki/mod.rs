//! The cluster's keys and certificates: made on first use, kept in `keys/` beside the spec, and
//! reused in every later build.
//!
//! The folder is laid out like kubeadm's `/etc/kubernetes/pki`, with a separate folder for each
//! node:
//!
//! ```text
//! keys/
//!   .gitignore                 if imgbuild created the folder
//!   etcd/ca.crt, ca.key        the authority of the cluster's etcd
//!   ca.*, front-proxy-ca.*     those of Kubernetes and of the servers that extend its API
//!   sa.key                     signs the tokens of service accounts
//!   clients/kubernetes/        admin.*, super-admin.*
//!   bootstrap-token.key        the token of nodes that join, if the spec has none
//!   ca.next.*, ca.old.*        an authority's successor or predecessor, while it is being replaced
//!   old/<time>/                what was replaced
//!   nodes/<hostname>/etcd/     that node's server.*, peer.*, healthcheck-client.*,
//!                              apiserver-etcd-client.*, flannel-client.*
//!   nodes/<hostname>/kubernetes/, front-proxy/    its other certificates
//!   encryption.key             the keys that encrypt secrets in etcd, if requested
//!   password-salt.key          the secret from which the salts of password hashes are derived
//! ```
//!
//! One key folder is one cluster: specs that share it share its authority, and a host name means
//! one node. Two clusters whose specs are in one folder need separate key folders, or each build
//! reissues the certificates of the other's nodes.
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
pub use keeping::PendingKeys;
pub use keys::{Keys, Notice};
pub use kubeconfig::{Kubeconfig, bootstrap_kubeconfig, cluster_info};
pub use kubernetes::{ControlPlaneNames, NodeNames};
pub use list::{Listed, list};
pub use p256::elliptic_curve::rand_core::CryptoRng;
pub use private_key::{KeyAlgorithm, PrivateKey};
pub use profile::{EXPIRY_WARNING, Names, Profile, Usage};
pub use rotate::{Phase, archive_leaves, rotate_authorities};
pub use token::{BootstrapToken, ClusterToken, TokenError};

/// The operating system's random source.
pub fn system_random() -> impl CryptoRng {
    // SysRng fails only where the kernel has no getrandom(2), which Linux has had since 3.17.
    p256::elliptic_curve::rand_core::UnwrapErr(p256::elliptic_curve::common::getrandom::SysRng)
}
