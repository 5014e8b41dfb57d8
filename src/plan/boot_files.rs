//! `base:`, with its paths resolved and its checks complete.

use super::Decider;
use super::containers::local;
use crate::diagnostic::{Diagnostic, Located, Sources, codes};
use crate::node::boot_files::{BootFile, BootFiles, BootSource, BroughtSystem};
use crate::spec;

impl Decider<'_> {
    /// Returns the boot files of a node; `None` if a part is missing.
    pub(super) fn boot_files(
        &mut self,
        node: &spec::Spec,
        written: &spec::BootFiles,
        sources: &Sources,
    ) -> Option<BootFiles> {
        let mut file = |written: &Option<spec::BootFile>| {
            let file = written.as_ref()?;
            Some(self.boot_file(file, has_key(node), sources))
        };
        let files = [
            &written.kernel,
            &written.initrd,
            &written.rootfs,
            &written.iso,
        ]
        .map(&mut file);
        let system = match files {
            [_, _, _, Some(iso)] => BroughtSystem::LiveIso(iso),
            [Some(kernel), Some(initrd), root, None] => {
                if root.is_none() {
                    self.found.extend(rootless(node, written));
                }
                BroughtSystem::Network {
                    kernel,
                    initrd,
                    root,
                }
            }
            // The decoder has reported what is missing.
            _ => return None,
        };
        let key = written.key.as_ref();
        Some(BootFiles {
            system,
            key: key.map(|key| local(key.value.as_str(), key.span, sources)),
            span: written.span,
        })
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
                    "no boot file is specified here",
                )
                .label("a file from the network needs a hash")
                .help(
                    "add `hash: sha512-…`; with `signature:` and `key:`, its signature is \
                       checked too",
                ),
            );
        }
        if let Some(signature) = written.signature.as_ref().filter(|_| !has_key) {
            self.found.push(
                Diagnostic::error(
                    codes::UNCHECKED_BOOT_FILE,
                    signature.span,
                    "no key to check the signature with",
                )
                .help("add `key:` to `base:`: the path of the OpenPGP public key that you trust"),
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

/// Returns whether the base of `node` specifies a key.
fn has_key(node: &spec::Spec) -> bool {
    node.base.as_ref().is_some_and(|base| base.key.is_some())
}

/// The error for a live system without a source of its root file system.
fn rootless(node: &spec::Spec, written: &spec::BootFiles) -> Option<Diagnostic> {
    let target = node.target().value;
    let argument = target.facts().root_url?;
    let is_told = node.kernel_arguments.iter().any(|written| {
        let value = written.as_str().strip_prefix(argument);
        value.is_some_and(|value| value.starts_with('='))
    });
    (!is_told).then(|| {
        Diagnostic::error(
            codes::NO_ROOT_FILE_SYSTEM,
            written.span,
            format!(
                "{} requires a root file system to boot",
                target.facts().title
            ),
        )
        .label("kernel and initrd alone are not enough")
        .help(format!(
            "add `rootfs:`, or specify where the machine fetches it from: `kernel_arguments: \
             [{argument}=http://…]`"
        ))
    })
}

fn found(written: &Located<spec::BootLocation>, sources: &Sources) -> BootSource {
    let text = written.value.as_str();
    if written.value.is_url() {
        BootSource::Url(text.to_owned())
    } else {
        BootSource::Path(local(text, written.span, sources))
    }
}
