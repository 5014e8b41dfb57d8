//! The arguments of `imgbuild keys` and `imgbuild kubeconfig`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make what the cluster lacks
    Init(KeysOf),
    /// List what is there, and when it expires
    List(KeysOf),
    /// Make keys and certificates anew, or replace authorities
    #[command(
        long_about = "Make keys and certificates anew, or replace authorities.\n\n\
            Without --ca, the private keys and certificates of nodes and clients are made anew, all of them or those that NAME means: \
            a node, a certificate such as `apiserver`, a path such as `clients/kubernetes/admin`. Build and boot the nodes to use \
            them.\n\n\
            An authority is replaced in three steps, and after each of them every node is built and booted before the next:\n  \
            1. --ca trust  a successor is made, and the nodes trust both; the old one goes on signing\n  \
            2. --ca issue  the successor issues all certificates anew; the nodes still trust both\n  \
            3. --ca drop   the old one is trusted no longer\n\
            NAME is `ca`, `front-proxy-ca`, `etcd/ca`, or `sa`, the key that signs service accounts' tokens; without a NAME, all that can \
            take the step do. After the last step of `ca` a kubeconfig from before is refused: print a new one.\n\n\
            Whatever is replaced is kept in old/ in the key folder."
    )]
    Rotate {
        #[command(flatten)]
        of: KeysOf,
        /// What to make anew [default: all]
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Replace authorities, one step at a time
        #[arg(long, value_enum, value_name = "STEP")]
        ca: Option<RotationStep>,
    },
    /// Take over a cluster's authorities from a copy of kubeadm's /etc/kubernetes/pki
    #[command(
        long_about = "Take over a cluster's authorities from a copy of kubeadm's /etc/kubernetes/pki: ca, front-proxy-ca and etcd/ca, \
            certificates with their private keys (ECDSA P-256 or RSA), and sa.key. They are checked first, and all of them are taken or \
            none. Builds then issue the nodes' certificates from them, so that imgbuild's nodes belong to that cluster. What the folder \
            does not have, front-proxy-ca or etcd/ca, is made."
    )]
    Import {
        #[command(flatten)]
        of: KeysOf,
        /// The folder to take them from
        #[arg(value_name = "DIR")]
        from: PathBuf,
    },
    /// Print the `kubeadm join` command of the cluster; it holds the bootstrap token
    Token(KeysOf),
}

/// A step of the replacement of an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RotationStep {
    /// Make a successor; the nodes trust both
    Trust,
    /// Let the successor issue everything
    Issue,
    /// Trust the old one no longer
    Drop,
}

/// `imgbuild kubeconfig`
#[derive(Debug, Clone, Args)]
pub struct KubeconfigOf {
    #[command(flatten)]
    pub of: KeysOf,
    /// Write into this file, readable by you alone, rather than to standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How you reach the API, as in `https://127.0.0.1:6443` [default: the spec's `endpoint`, else
    /// the first control plane]
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
}

/// Which cluster's keys.
#[derive(Debug, Clone, Args)]
pub struct KeysOf {
    /// The spec of the cluster
    #[arg(value_name = "SPEC")]
    pub spec: PathBuf,
    /// The folder of the keys [default: `keys` beside the spec]
    #[arg(long, value_name = "DIR")]
    pub keys: Option<PathBuf>,
}
