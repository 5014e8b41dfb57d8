//! Nodes of Flatcar: their configs as `ignition-validate` and systemd judge them, and their PXE
//! folders, out of stand-ins for its kernel and initrd.

// A test that fails in an `unwrap` says where.
#![allow(clippy::unwrap_used)]

#[path = "../base_root/mod.rs"]
mod base_root;
mod boot_files;
mod configs;
mod flannel;
mod kubernetes;
mod project;
#[path = "../projects/mod.rs"]
mod projects;
mod pxe;
#[path = "../units/mod.rs"]
mod units;
