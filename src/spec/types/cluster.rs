//! A whole spec file.

use crate::diagnostic::{Located, Span};
use crate::spec::types::{ContainerLinux, Spec};
use crate::spec::values::ClusterName;

/// The nodes of one spec file; a file without `nodes:` is a cluster of one.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cluster {
    /// The name that certificates and tokens carry, where the spec gives one.
    pub name: Option<Located<ClusterName>>,
    /// In the order written, each merged with what is common.
    pub nodes: Vec<Spec>,
    /// Nodes of Container Linux, whose sections are others. A file has nodes of one of the two
    /// kinds.
    pub container_linux: Vec<ContainerLinux>,
    /// The whole of the file.
    pub span: Span,
}
