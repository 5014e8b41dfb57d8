//! The sections of a spec, each declared once: struct, decoder and JSON Schema come from the same
//! lines.

mod boot_files;
mod cluster;
mod container_linux;
mod containers;
mod etcd;
mod etcd_care;
mod flannel;
mod free;
mod ignition;
mod kubernetes;
mod kubernetes_addons;
mod kubernetes_charts;
mod kubernetes_endpoint;
mod kubernetes_settings;
mod network;
mod network_links;
mod node;
mod passwd;
mod storage;
mod systemd;

pub use boot_files::*;
pub use cluster::*;
pub use container_linux::*;
pub use containers::*;
pub use etcd::*;
pub use etcd_care::*;
pub use flannel::*;
pub use free::*;
pub use ignition::*;
pub use kubernetes::*;
pub use kubernetes_addons::*;
pub use kubernetes_charts::*;
pub use kubernetes_endpoint::*;
pub use kubernetes_settings::*;
pub use network::*;
pub use network_links::*;
pub use node::*;
pub use passwd::*;
pub use storage::*;
pub use systemd::*;
