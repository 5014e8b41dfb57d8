//! `imgbuild verify`: every format once as it was built, with one byte changed, and as other
//! programs write it.
//!
//! Debian packages that must be there: genisoimage gzip xz-utils.

// A test that fails in an `unwrap` says where.
#![allow(clippy::unwrap_used)]

mod formats;
mod images;
mod lab;
mod others;
