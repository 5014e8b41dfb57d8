//! Nodes of Fedora CoreOS: their configs as `ignition-validate` judges them, their links as
//! `NetworkManager`'s own library reads them, their time servers as chronyd does; their PXE folders
//! and ISOs, out of stand-ins for what Fedora publishes.

// A test that fails in an `unwrap` says where.
#![allow(clippy::unwrap_used)]

mod boot_files;
mod configs;
#[path = "../live_iso/mod.rs"]
mod live_iso;
mod network;
mod network_manager;
mod project;
#[path = "../projects/mod.rs"]
mod projects;
mod time;
