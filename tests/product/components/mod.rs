//! Settings of Kubernetes' components, from the spec to the files that the components read. The
//! components themselves judge them in `tests/judges/components/`.

mod etcd_pod;
mod pod_networks;
mod proxy_pod;
mod safety;
mod settings;
mod shared_address;
