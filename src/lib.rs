//! imgbuild: one readable YAML file in, one bootable, immutable Kubernetes node out.
//!
//! Data flows one way through the rooms, each a module:
//!
//! ```text
//! text ─spec▶ Spec ─plan▶ Node ─parts▶ Fragment ─ignition▶ bytes ─pack▶ artifact
//!                         ▲  ▲                               ▲
//!                       pki  lock                           base
//! ```

pub mod base;
pub mod cli;
pub mod cpio;
pub mod diagnostic;
pub mod diff;
pub mod embed;
pub mod ignition;
pub mod import;
pub mod names;
pub mod oci;
pub mod pack;
pub mod parts;
pub mod pki;
pub mod plan;
mod processors;
pub mod progress;
pub mod qemu;
pub mod read;
pub mod registry;
pub mod spec;
pub mod target;
pub mod verify;
