//! The arguments of `imgbuild keys` and `imgbuild kubeconfig`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::pki::Phase;

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Create the keys and certificates that the cluster lacks
    Init(KeysOf),
    /// List keys and certificates, and when they expire
    List(KeysOf),
    /// Renew keys and certificates, or replace certificate authorities
    #[command(
        long_about = "Renew keys and certificates, or replace certificate authorities.\n\n\
            Without --ca, the private keys and certificates of nodes and clients are replaced by new ones: all of them, or those that \
            NAME selects: a node, a certificate such as `apiserver`, or a path such as `clients/kubernetes/admin`. Build and boot the \
            nodes to put them into use.\n\n\
            An authority is replaced in three steps. After each step, build and boot every node before you take the next:\n  \
            1. --ca trust  a successor is created, and the nodes trust both; the old one still signs\n  \
            2. --ca issue  the successor reissues all certificates; the nodes still trust both\n  \
            3. --ca drop   the old one is no longer trusted\n\
            NAME is `ca`, `front-proxy-ca`, `etcd/ca`, or `sa`, the key that signs service accounts' tokens; without NAME, every \
            authority takes the step that can. After the last step of `ca`, kubeconfigs printed before are refused: print a new one.\n\n\
            Whatever is replaced is kept in old/ in the key folder."
    )]
    Rotate {
        #[command(flatten)]
        of: KeysOf,
        /// What to renew [default: everything]
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Replace authorities, one step at a time
        #[arg(long, value_enum, value_name = "STEP")]
        ca: Option<Phase>,
    },
    /// Import a cluster's authorities from a copy of kubeadm's /etc/kubernetes/pki
    #[command(
        long_about = "Import a cluster's authorities from a copy of kubeadm's /etc/kubernetes/pki: ca, front-proxy-ca and etcd/ca, \
            certificates with their private keys (ECDSA P-256 or RSA), and sa.key. They are checked first; either all are imported or \
            none. Builds then issue the nodes' certificates from them, so that imgbuild's nodes belong to that cluster. If the folder \
            lacks front-proxy-ca or etcd/ca, it is created."
    )]
    Import {
        #[command(flatten)]
        of: KeysOf,
        /// The folder to import from
        #[arg(value_name = "DIR")]
        from: PathBuf,
    },
    /// Print the `kubeadm join` command of the cluster; it contains the bootstrap token
    Token(KeysOf),
}

/// `imgbuild kubeconfig`
#[derive(Debug, Clone, Args)]
pub struct KubeconfigOf {
    #[command(flatten)]
    pub of: KeysOf,
    /// Write to this file, readable only by you, instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The URL by which you reach the API, as in `https://127.0.0.1:6443` [default: the spec's
    /// `endpoint`, else the first control plane]
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
}

/// The cluster whose keys are meant.
#[derive(Debug, Clone, Args)]
pub struct KeysOf {
    /// The spec of the cluster
    #[arg(value_name = "SPEC")]
    pub spec: PathBuf,
    /// The key folder [default: `keys` beside the spec]
    #[arg(long, value_name = "DIR")]
    pub keys: Option<PathBuf>,
}
