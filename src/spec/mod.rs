//! Reads: from YAML text to a typed spec in which every value knows its place, or to a list of
//! diagnostics.
//!
//! ```text
//! bytes ─load▶ text ─yaml▶ tree ─load::include, merge▶ one tree ─assemble, decode▶ Cluster
//! ```

mod assemble;
pub mod decode;
mod kinds;
mod load;
mod merge;
mod schema;
mod types;
mod values;
pub mod yaml;

pub use assemble::{Assembled, assemble};
pub use decode::{OneOrMany, Table};
pub use kinds::{KINDS, NodeKind};
pub use load::{
    ChartFiles, Loaded, LocalFiles, MANIFEST_LIMITS, ManifestFile, NodeCharts, RenderedCharts,
    TreeEntry, TreeEntryKind, load,
};
pub use schema::{Language, language, schema};
pub use types::*;
pub use values::*;
