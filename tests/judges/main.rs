//! What imgbuild makes, before those who have to read it: openssl, systemd, ignition-validate,
//! cpio, xorriso, containerd, kubectl, QEMU and others. Each is a Debian package, which `cargo
//! xtask prepare` installs; a test that lacks one fails and says its name.
//!
//! Tests that take long, or a base of Debian's packages, are `#[ignore]`d and run by `cargo xtask
//! test`.

// A test that fails in an `unwrap` says where.
#![allow(clippy::unwrap_used)]

mod api_server_order;
mod artifacts;
mod base;
mod base_files;
mod base_root;
mod charts;
mod clusters;
mod components;
mod container_linux;
mod coreos_installer;
mod embed;
mod etcd_care;
mod etcd_pod;
mod fedora_coreos;
mod fetch_programs;
mod firewall;
mod flatcar;
mod health;
mod hostile;
mod ignition;
mod images;
mod join;
mod killing;
mod kubernetes;
mod kubernetes_keys;
mod machine;
mod manifests;
mod networkd;
mod pack;
mod pages;
mod parts;
mod passwords;
mod pki;
mod projects;
mod read;
mod shared_address;
mod site;
mod specs;
mod sysext;

mod units;
mod verify;
mod verity;
mod wrong_configs;

#[path = "../shared/container_linux_nodes.rs"]
mod container_linux_nodes;
#[path = "../shared/fragments.rs"]
mod fragments;
#[path = "../shared/generated.rs"]
mod generated;
#[path = "../shared/go_program.rs"]
mod go_program;
#[path = "../shared/helm.rs"]
mod helm;
#[path = "../shared/live_iso.rs"]
mod live_iso;
#[path = "../shared/member.rs"]
mod member;
#[path = "../shared/nodes.rs"]
mod nodes;
#[path = "../shared/patience.rs"]
mod patience;
#[path = "../shared/pod_networks.rs"]
mod pod_networks;
#[path = "../shared/pods.rs"]
mod pods;
#[path = "../shared/randomness.rs"]
mod randomness;
#[path = "../shared/registry.rs"]
mod registry;
#[path = "../shared/skipped.rs"]
mod skipped;
#[path = "../shared/spec_folder.rs"]
mod spec_folder;
