//! Container images against those who make, serve and run them: a registry server on loopback,
//! skopeo, containerd, and programs that keep images as CRI-O does.

mod containerd;
mod containerd_2;
mod crio;
mod crio_programs;
mod crio_registries;
mod defaults;
pub mod made;
mod node;
mod registries;
mod settings;
mod sources;
