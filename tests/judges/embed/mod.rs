//! `imgbuild embed` on live images of every layout, made here; `tests/coreos_installer.rs` takes
//! the published ones.
//!
//! Debian packages that must be there: cpio genisoimage xz-utils.

mod damaged;
mod images;
mod installer;
mod lab;
mod payload;
mod refused;
mod spec;
