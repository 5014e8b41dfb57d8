//! Settings of Kubernetes' components, from the spec to the files that the components read.

mod crio;
mod generated;
mod live;
mod node;
mod programs;
mod services;
#[path = "../units/mod.rs"]
mod units;
