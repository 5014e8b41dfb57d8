//! The use cases: what imgbuild does, as functions that take options and give results. This is the
//! face of the library; the command line is another user of it.
//!
//! | to | call |
//! |---|---|
//! | build a spec | [`build()`], [`compile`] for Ignition configs in memory |
//! | check a spec | [`check()`] |
//! | boot it in QEMU | [`run::machines`] |
//! | boot an artifact and check its nodes | [`test()`] |
//! | hold an artifact against its spec | [`verify()`] |
//! | compare two specs or artifacts | [`diff()`] |
//! | see what a spec makes, or what is in an artifact | [`inspect::spec`], [`inspect::artifact`] |
//! | take over another tool's config | [`import()`] |
//! | put a config into a live ISO, or take it out | [`embed::embed`], [`embed::remove`] |
//! | make a payload for a live system's network boot | [`embed::payload`] |
//! | care for a cluster's keys | [`keys`], [`kubeconfig()`] |
//! | learn a newer release of Kubernetes | [`learn()`] |
//! | pin newer packages | [`update()`] |
//! | look after the cache | [`base`] |
//! | complete specs in an editor | [`schema`] |
//! | explain a diagnostic | [`explain`] |
//!
//! Options are structs with public fields. Each function takes them and a [`Session`]: the
//! environment, and a [`Reporter`] that hears of progress and warnings while the work goes on.
//! Nothing here prints, reads the command line or asks whether there is a terminal. An [`Error`]
//! distinguishes mistakes in the input, each with its place, requests that cannot be met, and
//! failures of the machine.

mod artifact_store;
mod artifact_writer;
mod artifacts;
pub mod base;
mod bases;
mod build;
mod check;
mod compiled_node;
mod destination;
mod diff;
pub mod embed;
mod error;
mod fetch;
pub mod findings;
mod import;
pub mod inspect;
pub mod keys;
mod kubeconfig;
mod learn;
mod live_image;
mod notice;
mod pinning;
mod protected;
pub mod run;
mod session;
mod spec_file;
mod trial;
mod update;
mod verify;

use crate::diagnostic::codes::{self, Explanation};

pub use build::{BuildOptions, Built, build, compile};
pub use check::{Report, check};
pub use destination::Destination;
pub use diff::{Changes, DiffOptions, NodeChange, diff};
pub use error::{Error, Result};
pub use fetch::FetchOptions;
pub use import::{ImportOptions, import};
pub use kubeconfig::{ServerUrl, kubeconfig};
pub use learn::{LearnOptions, learn};
pub use live_image::LiveImage;
pub use notice::Notice;
pub use protected::Protected;
pub use session::{Environment, Reporter, Session};
pub use spec_file::{SpecFile, is_spec};
pub use trial::{TestOptions, Tested, test, write_report};
pub use update::update;
pub use verify::{VerifyOptions, verify};

/// The JSON Schema of specs.
pub fn schema() -> serde_json::Value {
    crate::spec::schema()
}

/// The JSON Schema of checks files.
pub fn checks_schema() -> serde_json::Value {
    crate::trial::ChecksFile::json_schema()
}

/// What a diagnostic's code means, such as `E0123`; `None`: there is no such code. All of them are
/// in [`codes::TABLE`].
pub fn explain(code: &str) -> Option<&'static Explanation> {
    codes::explain(code)
}

#[cfg(test)]
mod tests;
