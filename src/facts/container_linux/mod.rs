//! What is true of Container Linux alone: the services that ct wraps, and hyperkube.

pub mod ct;
pub mod hyperkube;
