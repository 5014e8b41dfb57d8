//! `base:`, the files of a system that imgbuild does not build.

use crate::diagnostic::Located;
use crate::spec::decode::record;
use crate::spec::values::{BootLocation, Digest};

record! {
    /// What the system's makers publish: the files for booting from a network, or a live ISO.
    pub struct BootFiles {
        /// The kernel: Flatcar's `flatcar_production_pxe.vmlinuz`, Fedora CoreOS'
        /// `…-live-kernel.x86_64`.
        pub kernel: Option<BootFile>,
        /// The initrd: Flatcar's `flatcar_production_pxe_image.cpio.gz`, with the whole system;
        /// Fedora CoreOS' `…-live-initramfs.x86_64.img`.
        pub initrd: Option<BootFile>,
        /// The root file system of Fedora CoreOS, `…-live-rootfs.x86_64.img`.
        pub rootfs: Option<BootFile>,
        /// The live ISO of Fedora CoreOS, of which an ISO with the node's config is made.
        pub iso: Option<BootFile>,
        /// The path of the OpenPGP key (armored or not) that made the signatures.
        pub key: Option<Located<BootLocation>>,
    }
    "a base",
    exactly_one(kernel, iso),
    exactly_one(initrd, iso),
    at_most_one(rootfs, iso)
}

record! {
    /// A file to boot.
    pub struct BootFile {
        /// Its path from the folder of this file, or absolute; or a URL, from which it is fetched
        /// once, into the cache.
        pub source: Located<BootLocation>,
        /// Its hash: `sha512-…` or `sha256-…`, each with hexadecimal digits. A URL has to have one.
        pub hash: Option<Located<Digest>>,
        /// Path or URL of its detached OpenPGP signature, which `gpgv` checks against `key:`.
        pub signature: Option<Located<BootLocation>>,
    }
    "a boot file"
}
