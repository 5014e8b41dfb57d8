//! Settings of Kubernetes' components, from the spec to the files that the components read.

mod generated;
mod kubeadm;
mod live;
mod node;
mod pods;
mod programs;
mod services;
#[path = "../units/mod.rs"]
mod units;
