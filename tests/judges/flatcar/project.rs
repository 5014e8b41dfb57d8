//! What lies beside the spec of a node of Flatcar, and what comes of it.

pub use crate::projects::{Config, Project, files, said, validate};

/// Flatcar's PXE files by their names: stand-ins whose lengths are no multiples of anything.
pub const KERNEL: (&str, &[u8]) = ("flatcar_production_pxe.vmlinuz", b"stand-in for a kernel");
pub const INITRD: (&str, &[u8]) = (
    "flatcar_production_pxe_image.cpio.gz",
    b"stand-in for an initrd, which imgbuild does not look into",
);

pub const STAND_INS: &[(&str, &[u8])] = &[KERNEL, INITRD];

/// The spec's head.
pub const HEAD: &str = "version: 1\ntarget: flatcar\nhostname: kube1\n";

/// `base:` of the stand-ins beside the spec.
pub const BASE: &str = "base:\n  kernel: {source: flatcar_production_pxe.vmlinuz}\n  initrd: {source: ./flatcar_production_pxe_image.cpio.gz}\n";
