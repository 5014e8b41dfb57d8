//! What imgbuild makes of what it is given: specs, decisions, keys, configs, and what the commands
//! say. No other program, no network and no base is needed, so this is the quick set of tests;
//! those that ask others are in `tests/judges/`.

// A test that fails in an `unwrap` says where.
#![allow(clippy::unwrap_used)]

mod build_info;
mod charts;
mod cis;
mod commands;
mod components;
mod container_linux;
mod diff;
mod ignition;
mod import;
mod inspect;
mod learned;
mod outputs;
mod parts;
mod pki;
mod plan;
mod shown_text;
mod specs;
mod trial;
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
#[path = "../shared/member.rs"]
mod member;
#[path = "../shared/nodes.rs"]
mod nodes;
#[path = "../shared/pod_networks.rs"]
mod pod_networks;
#[path = "../shared/pods.rs"]
mod pods;
#[path = "../shared/randomness.rs"]
mod randomness;
#[path = "../shared/spec_folder.rs"]
mod spec_folder;
