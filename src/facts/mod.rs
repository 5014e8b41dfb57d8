//! Tables of facts about what imgbuild builds for and with: systems, releases of Kubernetes and
//! etcd, container runtimes, container networks, add-ons, and where things lie on media. Nothing
//! here knows a spec or a node.

pub mod add_ons;
pub mod cni;
pub mod container_linux;
pub mod debian;
pub mod etcd;
pub mod firmware;
pub mod flags;
pub mod kernel;
pub mod kinds;
pub mod kubernetes;
pub mod layout;
pub mod minors;
pub mod network;
pub mod runtimes;
pub mod state;
pub mod systems;
