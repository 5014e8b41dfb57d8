//! Images to test with, made by our own writer.

use std::fs;
use std::path::{Path, PathBuf};

use imgbuild::names::Arch;
use imgbuild::oci::{Entry, Image, layer, write_archive};

use crate::registry::run;

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

/// An image with a device, which an extension cannot hold unpacked, and one whose program has a
/// capability.
pub fn special(at: &Path) -> PathBuf {
    let python = r#"
import hashlib, io, json, sys, tarfile
def layer(fill):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        fill(tar)
    return out.getvalue()
def device(tar):
    entry = tarfile.TarInfo("null"); entry.type = tarfile.CHRTYPE; entry.devmajor = 1; entry.devminor = 3
    tar.addfile(entry)
def capable(tar):
    entry = tarfile.TarInfo("server"); entry.mode = 0o755; entry.size = 6
    value = bytes.fromhex("0100000200040000000000000000000000000000")
    entry.pax_headers = {"SCHILY.xattr.security.capability": value.decode("utf-8", "surrogateescape")}
    tar.addfile(entry, io.BytesIO(b"server"))
blobs = {}
def add(kind, data):
    digest = hashlib.sha256(data).hexdigest(); blobs[digest] = data
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + digest, "size": len(data)}
manifests = []
for name, fill in [("device", device), ("capable", capable)]:
    below = add("layer.v1.tar", layer(fill))
    config = add("config.v1+json", json.dumps({"architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [below["digest"]]}}).encode())
    manifest = add("manifest.v1+json", json.dumps({"schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config, "layers": [below]}).encode())
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "registry.example/%s:1" % name}
    manifests.append(manifest)
with tarfile.open(sys.argv[1], "w") as tar:
    def put(path, data):
        entry = tarfile.TarInfo(path); entry.size = len(data); tar.addfile(entry, io.BytesIO(data))
    put("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
    put("index.json", json.dumps({"schemaVersion": 2, "manifests": manifests}).encode())
    for digest, data in blobs.items():
        put("blobs/sha256/" + digest, data)
"#;
    run(
        "python3",
        "python3",
        &["-c", python, &at.display().to_string()],
    );
    at.to_owned()
}

/// The head of a program for amd64, and no more: nothing here runs it.
pub fn program(name: &str) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(18, 0);
    bytes.extend([62, 0]);
    bytes.extend(name.as_bytes());
    bytes
}
