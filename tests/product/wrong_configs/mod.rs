//! What `ignition` refuses, by what stands in the spec's own sections: against what imgbuild
//! generates, against Ignition's rules and against systemd's. Where a program knows the rule, it is
//! asked too.

mod contents;
mod examples;
mod generated;
mod units;
mod values;
