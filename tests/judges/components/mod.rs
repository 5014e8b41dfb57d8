//! Settings of Kubernetes' components, from the spec to the files that the components read.

mod crio;
mod kubeadm;
mod learn;
mod live;
mod pods;
mod programs;
mod services;
