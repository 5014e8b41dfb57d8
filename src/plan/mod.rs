//! Decides: from a spec, the cluster's keys and the lock to nodes in which nothing is left open.

mod kube_version;
mod kubernetes;
mod node;

pub use kube_version::*;
pub use kubernetes::*;
pub use node::*;
