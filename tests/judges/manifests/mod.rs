//! Manifests, with Kubernetes' own JSON schemas as the judge: those that imgbuild writes, those
//! that it lets pass, and those that it refuses. Needs python3-jsonschema and python3-yaml, and the
//! schemas, which `cargo xtask prepare` fetches.

mod generated;
mod good;
pub mod oracle;
pub mod tables;
mod wrong;
