//! Nodes of Fedora CoreOS: their configs as `ignition-validate` judges them, their links as
//! `NetworkManager`'s own library reads them, their time servers as chronyd does; their PXE folders
//! and ISOs, out of stand-ins for what Fedora publishes.

mod boot_files;
mod configs;
mod kubernetes;
mod network;
mod network_manager;
pub mod project;
mod time;
