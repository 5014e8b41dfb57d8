//! The base: from packages made up here (fast, no network), and the real one (marked as slow: it
//! fetches Debian's packages from the mirror that this machine's apt is configured with).

pub mod damaged;
mod failures;
mod firmware;
mod indexes;
mod killed;
mod kmod_index;
mod packages;
mod real;
mod real_firmware;
mod reference;
mod scan;
mod synthetic;
pub mod tools;
