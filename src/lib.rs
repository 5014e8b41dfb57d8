//! imgbuild: one readable YAML file in, one bootable, immutable Kubernetes node out.
//!
//! Data flows one way through the rooms, each a module:
//!
//! ```text
//! text ─spec▶ Spec ─plan▶ Node ─parts▶ Fragment ─ignition▶ bytes ─pack▶ artifact
//!                         ▲  ▲                               ▲
//!                       pki  lock                           base
//! ```
//!
//! A room imports only rooms on lower floors; `tests/layout` holds the floors and fails on any
//! other arrow.

pub mod base;
pub mod cache;
pub mod check;
pub mod cli;
pub mod data_url;
pub mod diagnostic;
pub mod diff;
pub mod embed;
pub mod extensions;
pub mod facts;
pub mod formats;
pub mod ignition;
pub mod import;
pub mod lock;
pub mod manifests;
pub mod names;
pub mod node;
pub mod oci;
pub mod pack;
pub mod parts;
pub mod pki;
pub mod plan;
pub mod processors;
pub mod progress;
pub mod qemu;
pub mod read;
pub mod registry;
pub mod secrets;
pub mod spec;
pub mod text;
pub mod verify;
