//! Ignition's specification 2.2.0 and 2.3.0, which Container Linux reads.
//!
//! No crate has its types, so they are here; and no validator for it is packaged, so its rules are
//! here too.

mod check;
mod read;
pub(crate) mod rules;
mod write;

pub(super) use check::check;
pub use read::{check as check_config, read};
pub(super) use write::config;
pub(crate) use write::{ROOT, directory, files, link, of_v3};
