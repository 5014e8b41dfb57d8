//! Releases of Kubernetes: their numbers, flags, feature gates and configuration fields.

pub mod tables;
pub mod version;
