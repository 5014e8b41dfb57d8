//! Reads: from YAML text to a typed spec in which every value knows its place, or to a list of diagnostics.

pub mod decode;
mod types;
mod values;
pub mod yaml;

pub use decode::{OneOrMany, Table};
pub use types::*;
pub use values::*;
