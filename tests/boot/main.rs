//! Boots what imgbuild makes and asks the nodes how they are.
//!
//! Every test here takes minutes and a booted machine, so all are `#[ignore]`d: `cargo xtask test`
//! runs `every_time::`, with `--all` `with_all::` too, and `kubernetes::` where `IMGBUILD_KUBE_DIR`
//! names a folder of programs. One of them by hand:
//!
//! ```text
//! cargo test --test boot -- --ignored --nocapture every_time::iso
//! ```
//!
//! What the consoles showed is in `target/test-logs/consoles/`. `IMGBUILD_PROGRAM` names another
//! `imgbuild` than the one that cargo built for the tests.

// A test that fails in an `unwrap` says where.
#![allow(clippy::unwrap_used)]

mod artifact_test;
mod cluster;
mod config_iso;
mod console_log;
mod embedded_images;
mod etcd_care;
mod every_time;
mod guest;
mod harness;
mod kubernetes;
mod lab;
mod later_boots;
mod links;
mod made_images;
mod node;
mod other_media;
mod stand_in;
mod with_all;

#[path = "../shared/live_iso.rs"]
mod live_iso;
#[path = "../shared/patience.rs"]
mod patience;
#[path = "../shared/registry.rs"]
mod registry;
#[path = "../shared/skipped.rs"]
mod skipped;
