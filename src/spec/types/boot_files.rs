//! `base:`, the files of a system that imgbuild does not build.

use crate::diagnostic::Located;
use crate::spec::decode::record;
use crate::spec::values::{BootLocation, Digest};

record! {
    /// What the makers of the system publish: the files for booting from a network, or a live ISO.
    pub struct BootFiles {
        /// The kernel: `flatcar_production_pxe.vmlinuz` of Flatcar, `…-live-kernel.x86_64` of
        /// Fedora CoreOS.
        #[example = "{source: flatcar_production_pxe.vmlinuz}"]
        pub kernel: Option<BootFile>,
        /// The initrd: `flatcar_production_pxe_image.cpio.gz` of Flatcar, which holds the whole
        /// system; `…-live-initramfs.x86_64.img` of Fedora CoreOS.
        #[example = "{source: flatcar_production_pxe_image.cpio.gz}"]
        pub initrd: Option<BootFile>,
        /// The root file system of Fedora CoreOS, `…-live-rootfs.x86_64.img`.
        #[example = "{source: fcos-live-rootfs.x86_64.img}"]
        pub rootfs: Option<BootFile>,
        /// The live ISO of Fedora CoreOS, from which an ISO with the node's config is made.
        #[example = "{source: fcos-live-iso.x86_64.iso}"]
        pub iso: Option<BootFile>,
        /// The path of the OpenPGP key, armored or not, that made the signatures.
        #[example = "flatcar.asc"]
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
        /// A path, absolute or relative to the folder of this file; or a URL, from which the file
        /// is fetched once, into the cache.
        #[example = "flatcar_production_pxe.vmlinuz"]
        pub source: Located<BootLocation>,
        /// Its hash: `sha512-…` or `sha256-…`, followed by hexadecimal digits. Required for a URL.
        #[example = "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]
        pub hash: Option<Located<Digest>>,
        /// The path or URL of its detached OpenPGP signature, which `gpgv` checks against `key`.
        #[example = "flatcar_production_pxe.vmlinuz.sig"]
        pub signature: Option<Located<BootLocation>>,
    }
    "a boot file"
}
