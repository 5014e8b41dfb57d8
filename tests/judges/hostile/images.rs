//! Archives of container images, embedded in a node.

use std::fs;
use std::path::Path;

use imgbuild::oci::digest_of;
use serde_json::json;

use super::configs::gzip;
use super::{limited, refused};

/// A node whose base needs no Debian, with the images of `a.tar`.
pub fn project(folder: &Path, image: &str) {
    fs::write(folder.join("kernel"), "kernel").expect("writes");
    fs::write(folder.join("initrd"), "initrd").expect("writes");
    let spec = format!(
        "version: 1\ntarget: flatcar\nhostname: a\nbase: {{kernel: {{source: kernel}}, initrd: {{source: initrd}}}}\n\
         containerd: {{images: ['{image}']}}\n"
    );
    fs::write(folder.join("node.yaml"), spec).expect("writes");
}

pub const BUILD: [&str; 3] = ["node.yaml", "-o", "tree/"];

/// An OCI layout with an image of this layer, which is packed by gzip, and the digest of what is
/// packed.
fn archive(layer: &[u8], diff_id: &str) -> Vec<u8> {
    let mut files = vec![(
        "oci-layout".to_owned(),
        br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(),
    )];
    let mut add = |kind: &str, bytes: Vec<u8>| {
        let digest = digest_of(&bytes);
        let descriptor = json!({
            "mediaType": format!("application/vnd.oci.image.{kind}"),
            "digest": digest,
            "size": bytes.len(),
        });
        files.push((digest.replace("sha256:", "blobs/sha256/"), bytes));
        descriptor
    };
    let layer = add("layer.v1.tar+gzip", layer.to_vec());
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "rootfs": { "type": "layers", "diff_ids": [diff_id] },
    });
    let config = add("config.v1+json", config.to_string().into_bytes());
    let manifest = json!({ "schemaVersion": 2, "config": config, "layers": [layer] });
    let mut manifest = add("manifest.v1+json", manifest.to_string().into_bytes());
    manifest["annotations"] = json!({ "io.containerd.image.name": "a.example/a:1" });
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    files.push(("index.json".to_owned(), index.to_string().into_bytes()));
    tar(files
        .iter()
        .map(|(path, bytes)| (path.as_str(), bytes.as_slice())))
}

fn tar<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = header("x", tar::EntryType::Regular, bytes.len() as u64);
        tar.append_data(&mut header, path, bytes).expect("fits");
    }
    tar.into_inner().expect("fits")
}

/// A header of tar for a member of this kind and size, whose contents do not follow.
fn header(path: &str, kind: tar::EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_path(path).expect("fits");
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    header
}

#[test]
fn bombs_in_images_are_refused() {
    let mib = || vec![0; 1 << 20];
    // A name of 4 GiB, in a header of its own.
    let name = |kind| {
        let head = std::iter::once(header("x", kind, 4 << 30).as_bytes().to_vec());
        gzip(head.chain(std::iter::repeat_with(mib).take(320)))
    };
    let member = |path: &str, kind, size| header(path, kind, size).as_bytes().to_vec();
    let regular = tar::EntryType::Regular;
    let many = (0..200_001).map(|n| member(&format!("{n}"), regular, 0));
    let zeros = std::iter::once(member("x", regular, 3 << 30));
    let zeros = gzip(zeros.chain(std::iter::repeat_with(mib).take(1030)));
    let deep = tar([("a/".repeat(20_000).as_str(), &b""[..])]);
    let long = tar([("a".repeat(70_000).as_str(), &b""[..])]);
    let other = digest_of(b"");
    for (name, archive, why) in [
        (
            "a path 20,000 deep",
            archive(&gzip([deep]), &other),
            "20001 parts",
        ),
        (
            "a long path",
            archive(&gzip([long]), &other),
            "it has more than",
        ),
        (
            "an endless name",
            archive(&name(tar::EntryType::GNULongName), &other),
            "it has more than 64 KiB",
        ),
        (
            "an endless link",
            archive(&name(tar::EntryType::GNULongLink), &other),
            "it has more than 64 KiB",
        ),
        (
            "an endless header",
            archive(&name(tar::EntryType::XHeader), &other),
            "it has more than 1 MiB",
        ),
        (
            "many files",
            archive(&gzip(many), &other),
            "more than 200000 files",
        ),
        (
            "zeros",
            archive(&zeros, &other),
            "decompresses to more than 1024 MiB",
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        project(folder, "./a.tar");
        fs::write(folder.join("a.tar"), archive).expect("writes");
        refused(name, folder, &BUILD, 1, why);
    }
}

/// As deep as a path may be: folders are walked through in turn.
#[test]
fn a_deep_image_is_built() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    project(folder, "./a.tar");
    let layer = tar([(format!("{}file", "a/".repeat(250)).as_str(), &b"text"[..])]);
    let archive = archive(&gzip([layer.clone()]), &digest_of(&layer));
    fs::write(folder.join("a.tar"), archive).expect("writes");
    let output = limited(folder, &BUILD);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn archives_of_very_many_images_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    project(folder, "./a.tar");
    let config = json!({
        "architecture": "amd64", "os": "linux", "x": "x".repeat(3 << 20),
        "rootfs": { "type": "layers", "diff_ids": [] },
    });
    let names: Vec<String> = (0..2000).map(|n| format!("a.example/a:{n}")).collect();
    let manifest = json!([{ "Config": "c.json", "RepoTags": names, "Layers": [] }]);
    let (config, manifest) = (config.to_string(), manifest.to_string());
    let files = [
        ("c.json", config.as_bytes()),
        ("manifest.json", manifest.as_bytes()),
    ];
    fs::write(folder.join("a.tar"), tar(files)).expect("writes");
    let why = "more than 1000 images, or 64 MiB of manifests and configs";
    refused("many images", folder, &BUILD, 1, why);
    let values = format!("[{}0]", "0,".repeat(2_000_000 - 10));
    fs::write(
        folder.join("a.tar"),
        tar([("manifest.json", values.as_bytes())]),
    )
    .expect("writes");
    refused("values", folder, &BUILD, 1, "MiB of memory to parse");
}
