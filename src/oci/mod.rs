//! Container images: writes OCI Image Format 1.1 in an archive that `ctr images import` reads, and
//! reads existing images.
//!
//! A node with embedded Kubernetes needs only one image: its pods mount the programs from the
//! node's own file system. So nothing is unpacked at boot, nothing is in memory twice, and the
//! programs are read as they run.

mod archive;
mod bundle;
mod layer;
mod name;
mod pause;
mod source;
mod stored;

use std::io::{self, Write};

pub use archive::{Image, write_archive};
pub use bundle::write_bundle;
pub use layer::{Entry, layer};
pub use name::{ImageName, is_digest};
pub use pause::{elf_machine, pause};
pub use source::{inside as archives_in, read as read_images};
pub use stored::{
    Blob, Compression, Descriptor, INDEX_TYPES, Index, MANIFEST_MAX, MANIFEST_TYPES, StoredImage,
    StoredLayer, check_digest,
};

use sha2::{Digest as _, Sha256};

use crate::names::Arch;
use crate::text::hex;

/// The image of sandboxes, and of pods that run the node's own programs.
pub const NODE_IMAGE: &str = "imgbuild.local/node:1";

/// The program that a sandbox runs, in [`NODE_IMAGE`].
const PAUSE: &str = "pause";

/// Digest and name of the image in an archive written by [`write_archive`], as in the lists beside
/// archives on a node.
pub fn list_of(archive: &[u8]) -> io::Result<String> {
    use std::io::Read as _;
    let mut tar = tar::Archive::new(archive);
    for entry in tar.entries()? {
        let mut entry = entry?;
        if entry.path()?.as_os_str() == "index.json" {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            let index: Index = serde_json::from_str(&text)?;
            return Ok(index.manifests.iter().fold(String::new(), |list, one| {
                let name = one.annotations.get("io.containerd.image.name");
                let name = name.map_or("", String::as_str);
                format!("{list}{} {name}\n", one.digest)
            }));
        }
    }
    Ok(String::new())
}

/// Writes the archive of [`NODE_IMAGE`]: `pause`, and the links that make the node's `/usr`, where
/// it is mounted, a whole system.
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

/// The digest of `bytes`, as OCI writes it: `sha256:…`.
pub fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}
