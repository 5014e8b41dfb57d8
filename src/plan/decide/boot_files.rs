//! `base:`, with its paths found and its checks complete.

use super::Decider;
use super::containers::local;
use crate::diagnostic::{Diagnostic, Located, Sources, codes};
use crate::plan::{BootFile, BootFiles, BootSource};
use crate::spec;

impl Decider<'_> {
    /// Kernel and initrd of a node.
    pub(super) fn boot_files(&mut self, written: &spec::BootFiles, sources: &Sources) -> BootFiles {
        let has_key = written.key.is_some();
        let key = written.key.as_ref();
        BootFiles {
            kernel: self.boot_file(&written.kernel, has_key, sources),
            initrd: self.boot_file(&written.initrd, has_key, sources),
            key: key.map(|key| local(key.value.as_str(), key.span, sources)),
            span: written.span,
        }
    }

    fn boot_file(
        &mut self,
        written: &spec::BootFile,
        has_key: bool,
        sources: &Sources,
    ) -> BootFile {
        let source = found(&written.source, sources);
        if matches!(source, BootSource::Url(_)) && written.hash.is_none() {
            self.found.push(
                Diagnostic::error(
                    codes::UNCHECKED_BOOT_FILE,
                    written.source.span,
                    "nothing says which file this is to be",
                )
                .label("what comes from the network has a hash")
                .help(
                    "add `hash: sha512-…`; with `signature:` and `key:` its maker is checked too",
                ),
            );
        }
        if let Some(signature) = written.signature.as_ref().filter(|_| !has_key) {
            self.found.push(
                Diagnostic::error(
                    codes::UNCHECKED_BOOT_FILE,
                    signature.span,
                    "nothing says whose signature this is",
                )
                .help("add `key:` beside `kernel:` and `initrd:`, the path of the OpenPGP key that you trust"),
            );
        }
        let hash = written.hash.as_ref();
        let signature = written.signature.as_ref();
        BootFile {
            source,
            hash: hash.map(|hash| hash.value.as_str().to_ascii_lowercase()),
            signature: signature.map(|signature| found(signature, sources)),
        }
    }
}

fn found(written: &Located<spec::BootLocation>, sources: &Sources) -> BootSource {
    let text = written.value.as_str();
    if written.value.is_url() {
        BootSource::Url(text.to_owned())
    } else {
        BootSource::Path(local(text, written.span, sources))
    }
}
