//! What lies beside the spec of a node of Fedora CoreOS.

pub use crate::projects::{Config, Project, files, said, validate};

/// Stand-ins whose lengths are no multiples of anything.
pub const KERNEL: (&str, &[u8]) = ("live-kernel.x86_64", b"stand-in for a kernel");
pub const INITRD: (&str, &[u8]) = ("live-initramfs.x86_64.img", b"stand-in for an initrd");
pub const ROOT: (&str, &[u8]) = (
    "live-rootfs.x86_64.img",
    b"stand-in for an initrd with the root file system, raw",
);

pub const STAND_INS: &[(&str, &[u8])] = &[KERNEL, INITRD, ROOT];

/// The spec's head.
pub const HEAD: &str = "version: 1\ntarget: fedora-coreos\nhostname: kube1\n";

/// `base:` of the stand-ins beside the spec.
pub const BASE: &str = "base:\n  kernel: {source: live-kernel.x86_64}\n  initrd: {source: live-initramfs.x86_64.img}\n  \
                        rootfs: {source: live-rootfs.x86_64.img}\n";
