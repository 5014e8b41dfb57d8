//! Images to test with, made by our own writer.

use std::fs;
use std::path::{Path, PathBuf};

use imgbuild::names::Arch;
use imgbuild::oci::{Entry, Image, layer, write_archive};

/// An archive of one image, which has `text` in `/etc/text`.
pub fn archive(at: &Path, name: &str, arch: Arch, text: &str) -> PathBuf {
    let entries = [
        Entry::directory("etc", 0o755),
        Entry::file("etc/text", 0o644, text.as_bytes()),
        Entry::file("pause", 0o755, imgbuild::oci::pause(arch)),
        Entry::link("etc/link", "text"),
    ];
    // What the second layer has hides what the first one had.
    let upper = [
        Entry::file("etc/.wh.link", 0o644, *b""),
        Entry::file("etc/more", 0o600, text.as_bytes()),
    ];
    let image = Image {
        name,
        arch,
        layers: vec![layer(&entries).unwrap(), layer(&upper).unwrap()],
        entrypoint: vec!["/pause".to_owned()],
        environment: Vec::new(),
    };
    let mut bytes = Vec::new();
    write_archive(&[image], &mut bytes).unwrap();
    fs::write(at, bytes).unwrap();
    at.to_owned()
}
