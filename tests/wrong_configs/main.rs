//! What `ignition` refuses, by what stands in the spec's own sections: against what imgbuild
//! generates, against Ignition's rules and against systemd's. Where a program knows the rule, it is
//! asked too.

mod contents;
mod disks;
mod examples;
mod fragments;
mod generated;
#[path = "../nodes/mod.rs"]
mod nodes;
mod units;
mod values;
