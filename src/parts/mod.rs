//! Writes: one small function a part, each from a decided node to a [`Fragment`].

mod fragment;

pub use fragment::*;
