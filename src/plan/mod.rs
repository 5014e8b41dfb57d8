//! Decides: from a spec, the cluster's keys and the lock to nodes in which nothing is left open.
//!
//! Two steps, so that a wrong spec never leaves keys behind: [`decide`] fills every default and
//! reports every mistake; [`Decided::with_keys`] adds what comes from the key folder.

mod addons;
mod boot_files;
mod check;
mod container_linux;
mod containers;
mod decide;
mod flannel;
mod images;
mod kube_version;
mod kubernetes;
mod kubernetes_settings;
mod node;
mod runtime;
mod tables;

pub use addons::*;
pub use boot_files::*;
pub use container_linux::*;
pub use containers::*;
pub use decide::{Decided, decide, tentative};
pub use flannel::*;
pub use images::*;
pub use kube_version::*;
pub use kubernetes::*;
pub use kubernetes_settings::*;
pub use node::*;
pub use runtime::*;
pub use tables::*;
