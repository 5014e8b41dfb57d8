//! Initrds: chains of cpio archives.

use std::fs::{self, File};

use super::configs::gzip;
use super::refused;

/// A file of a cpio archive (newc).
pub fn file(path: &str, contents: &[u8]) -> Vec<u8> {
    let mut bytes = b"070701".to_vec();
    let fields = [
        1,
        0o100_644,
        0,
        0,
        1,
        0,
        contents.len(),
        0,
        0,
        0,
        0,
        path.len() + 1,
        0,
    ];
    bytes.extend(
        fields
            .iter()
            .flat_map(|field| format!("{field:08X}").into_bytes()),
    );
    bytes.extend(path.as_bytes());
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(contents);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

const CONFIG: &[u8] = br#"{"ignition":{"version":"3.3.0"}}"#;

#[test]
fn archives_of_very_many_files_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let long = "x".repeat(3900);
    let names = (0..5000).map(|n| file(&format!("{n}{long}"), b""));
    let files = (0..200_001).map(|n| file(&format!("{n}"), b""));
    let mib = vec![b'a'; 1 << 20];
    let network = (0..20).map(|n| file(&format!("imgbuild/network/{n}.network"), &mib));
    let unpacked = (0..2050).map(|n| file(&format!("{n}"), &mib));
    let whole = |files: Vec<Vec<u8>>| {
        let ends = [file("config.ign", CONFIG), file("TRAILER!!!", b"")];
        let [first, last] = ends;
        gzip(std::iter::once(first).chain(files).chain([last]))
    };
    let few = |files: &mut dyn Iterator<Item = Vec<u8>>| whole(files.collect());
    for (name, archive, why) in [
        ("long names", few(&mut { names }), "MiB of file names"),
        ("many files", few(&mut { files }), "more than 200000 files"),
        (
            "network files",
            few(&mut { network }),
            "network files have more than 16 MiB",
        ),
        (
            "contents",
            few(&mut { unpacked }),
            "decompress to more than 2 GiB",
        ),
    ] {
        fs::write(folder.join("a.cpio.gz"), archive).expect("writes");
        refused(name, folder, &["inspect", "a.cpio.gz"], 2, why);
        refused(name, folder, &["diff", "a.cpio.gz", "a.cpio.gz"], 2, why);
    }
}

/// 4 TiB that are no archive.
#[test]
fn a_disk_of_zeros_is_refused_soon() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = File::create(folder.path().join("disk.img")).expect("creates");
    file.set_len(4 << 40).expect("a sparse file");
    let why = "MiB of zeros in a row";
    refused("zeros", folder.path(), &["inspect", "disk.img"], 2, why);
}

/// A frame of zstd that asks for a window of 2 GiB (RFC 8878 §3.1.1.1.2).
#[test]
fn a_large_window_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00];
    fs::write(folder.path().join("a.cpio.zst"), frame).expect("writes");
    let why = "damaged";
    refused(
        "a window",
        folder.path(),
        &["inspect", "a.cpio.zst"],
        2,
        why,
    );
}

/// A folder for network boot whose payloads are small, and large together.
#[test]
fn nodes_of_a_folder_are_read_one_after_the_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let nodes = folder.path().join("tree/nodes");
    fs::create_dir_all(&nodes).expect("creates");
    let config = format!(
        r#"{{"ignition":{{"version":"3.3.0"}},"storage":{{"files":[{{"path":"/a","contents":{{"source":"data:,{}"}}}}]}}}}"#,
        "a".repeat(20 << 20)
    );
    let payload = gzip([
        file("config.ign", config.as_bytes()),
        file("TRAILER!!!", b""),
    ]);
    for n in 0..12 {
        fs::write(nodes.join(format!("n{n}.cpio.gz")), &payload).expect("writes");
        fs::write(
            nodes.join(format!("n{n}.ipxe")),
            "#!ipxe\nkernel ../k a=b\n",
        )
        .expect("writes");
    }
    let output = super::limited(folder.path(), &["inspect", "tree"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let shown = String::from_utf8_lossy(&output.stdout);
    assert_eq!(shown.matches("file /a").count(), 12, "{shown}");
}
