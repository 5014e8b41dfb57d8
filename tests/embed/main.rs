//! `imgbuild embed` on live images of every layout, made here; `tests/coreos_installer.rs` takes
//! the published ones.
//!
//! Debian packages that must be there: cpio genisoimage xz-utils.

// A test that fails in an `unwrap` says where.
#![allow(clippy::unwrap_used)]

mod damaged;
mod images;
mod installer;
mod lab;
mod payload;
mod refused;
mod spec;
