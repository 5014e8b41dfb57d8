//! Releases of Kubernetes: their numbers, flags, feature gates and configuration fields; and the
//! words of what users choose.

pub mod choices;
pub mod learned;
pub mod tables;
pub mod version;
