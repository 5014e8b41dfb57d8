//! Decides: from a spec, the cluster's keys and the lock to nodes in which nothing is left open.

mod node;

pub use node::*;
