//! The target `container-linux`: ct's sections, Ignition 2.x, Kubernetes 1.9, and media for its
//! installer.
//!
//! `note/` holds what a note of 2018 shows, block by block as it stands there: fragments for ct
//! (`ct-*`), and the files that it writes by hand.

mod cluster;
mod media;
mod note;
mod sections;
mod strict;
