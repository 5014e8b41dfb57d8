//! The sections of a spec, each declared once: struct, decoder and JSON Schema come from the same lines.

mod etcd;
mod kubernetes;
mod kubernetes_keys;
mod network;
mod node;
mod passwd;
mod storage;
mod systemd;

pub use etcd::*;
pub use kubernetes::*;
pub use kubernetes_keys::*;
pub use network::*;
pub use node::*;
pub use passwd::*;
pub use storage::*;
pub use systemd::*;
