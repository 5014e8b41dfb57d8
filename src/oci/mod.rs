//! Container images, written by us: OCI Image Format 1.1 in an archive that `ctr images import` takes.
//!
//! A node that has Kubernetes embedded needs one image only: its pods find the programs in the node's own file system, mounted
//! from there. So nothing is unpacked at boot, nothing is in memory twice, and the programs are read as they are run.

mod archive;
mod layer;
mod pause;

use std::io::{self, Write};

pub use archive::{Image, write_archive};
pub use layer::{Entry, layer};
pub use pause::{elf_machine, pause};

use crate::names::Arch;

/// The image of sandboxes, and of pods that run the node's own programs.
pub const NODE_IMAGE: &str = "imgbuild.local/node:1";

/// The program that a sandbox runs, in [`NODE_IMAGE`].
const PAUSE: &str = "pause";

/// Writes the archive of [`NODE_IMAGE`]: `pause`, and the links that make the node's `/usr`, where it is mounted, a whole system.
pub fn write_node_image(arch: Arch, out: &mut impl Write) -> io::Result<()> {
    let mut entries = vec![Entry::file(PAUSE, 0o755, pause(arch))];
    // As in the Debian base (usrmerge).
    for (link, target) in [
        ("bin", "usr/bin"),
        ("lib", "usr/lib"),
        ("lib64", "usr/lib64"),
        ("sbin", "usr/sbin"),
    ] {
        entries.push(Entry::link(link, target));
    }
    for directory in ["etc", "opt", "run", "usr", "var"] {
        entries.push(Entry::directory(directory, 0o755));
    }
    entries.push(Entry::directory("tmp", 0o1777));
    let image = Image {
        name: NODE_IMAGE,
        arch,
        layers: vec![layer(&entries)?],
        entrypoint: vec![format!("/{PAUSE}")],
        environment: vec!["PATH=/usr/sbin:/usr/bin".to_owned()],
    };
    write_archive(&[image], out)
}
