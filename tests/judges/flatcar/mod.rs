//! Nodes of Flatcar: their configs as `ignition-validate` and systemd judge them, and their PXE
//! folders, out of stand-ins for its kernel and initrd.

pub mod boot_files;
mod configs;
mod damaged;
mod flannel;
mod kubernetes;
pub mod project;
mod pxe;
