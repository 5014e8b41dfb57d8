//! `base:`, kernel and initrd of a system that imgbuild does not build.

use crate::diagnostic::Located;
use crate::spec::decode::record;
use crate::spec::values::{BootLocation, Digest};

record! {
    /// Kernel and initrd of the system, as its makers publish them for booting from a network.
    pub struct BootFiles {
        /// The kernel: Flatcar's `flatcar_production_pxe.vmlinuz`.
        pub kernel: BootFile,
        /// The initrd with the whole system: Flatcar's `flatcar_production_pxe_image.cpio.gz`.
        pub initrd: BootFile,
        /// The path of the OpenPGP key (armored or not) that made the signatures.
        pub key: Option<Located<BootLocation>>,
    }
    "a base"
}

record! {
    /// A file to boot.
    pub struct BootFile {
        /// Its path from the folder of this file, or absolute; or a URL, from which it is fetched once, into the cache.
        pub source: Located<BootLocation>,
        /// Its hash: `sha512-…` or `sha256-…`, each with hexadecimal digits. A URL has to have one.
        pub hash: Option<Located<Digest>>,
        /// Path or URL of its detached OpenPGP signature, which `gpgv` checks against `key:`.
        pub signature: Option<Located<BootLocation>>,
    }
    "a file to boot"
}
