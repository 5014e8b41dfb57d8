//! `imgbuild verify`: every format once as it was built, with one byte changed, and as other
//! programs write it.
//!
//! Debian packages that must be there: genisoimage gzip xz-utils.

mod formats;
mod images;
mod lab;
mod others;
