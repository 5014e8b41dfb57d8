//! The name of a node.

use super::Decider;
use crate::diagnostic::{Located, Span};
use crate::names::Hostname;
use crate::node::fragment::{Contents, File};

/// The placeholder if neither the spec nor its file name provides a valid host name.
const NAMELESS: &str = "node";

impl Decider<'_> {
    /// Returns the name that the spec sets; else that in the user's `/etc/hostname`, else the
    /// cluster's.
    pub(super) fn name_of(
        &self,
        written: Option<&Located<Hostname>>,
        files: &[File],
        place: Span,
    ) -> Located<Hostname> {
        if let Some(hostname) = written {
            return hostname.clone();
        }
        let of_file = files.iter().find_map(|file| {
            let Some(Contents::Inline(text)) = &file.contents else {
                return None;
            };
            let is_hostname = file.path.as_str() == "/etc/hostname";
            let text = std::str::from_utf8(text).ok().filter(|_| is_hostname)?;
            Some(Located::new(text.trim().parse().ok()?, file.origin.span?))
        });
        let of_cluster = || {
            let name = self.cluster_name.to_ascii_lowercase();
            name.parse()
                .or_else(|_| NAMELESS.parse())
                .expect("the constant is a host name")
        };
        of_file.unwrap_or_else(|| Located::new(of_cluster(), place))
    }
}
