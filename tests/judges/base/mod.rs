//! The base: from packages made up here (fast, no network), and the real one (marked as slow: it
//! fetches Debian's packages from the mirror that this machine's apt is configured with).

pub mod damaged;
mod failures;
mod indexes;
mod killed;
mod kmod_index;
mod packages;
mod real;
mod reference;
mod scan;
mod synthetic;
pub mod tools;
