//! Hash trees, before the program that dm-verity's own come from. Needs the Debian package
//! cryptsetup-bin.

use std::fs;
use std::process::Command;

use imgbuild::formats::verity::append;

/// Bytes of a block.
const BLOCK: usize = 4096;

#[test]
fn veritysetup_accepts_the_trees_and_finds_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image");
    // Trees of no level, of one, two and three.
    for blocks in [1, 2, 127, 128, 129, 128 * 128, 128 * 128 + 1] {
        let data: Vec<u8> = (0..blocks * BLOCK / 8)
            .flat_map(|n| (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes())
            .collect();
        fs::write(&path, &data).unwrap();
        let verity = append(&path).unwrap();
        assert_eq!(verity.blocks, blocks as u64);
        let whole = fs::read(&path).unwrap();
        assert!(whole.starts_with(&data), "{blocks}");
        let text = verity.to_string();
        let (_, root) = text.split_once(' ').unwrap();
        let is_accepted = || {
            Command::new("veritysetup")
                .args([
                    "verify",
                    "--no-superblock",
                    "--format=1",
                    "--hash=sha256",
                    "--salt=-",
                ])
                .arg("--data-block-size=4096")
                .arg("--hash-block-size=4096")
                .arg(format!("--data-blocks={blocks}"))
                .arg(format!("--hash-offset={}", blocks * BLOCK))
                .args([&path, &path])
                .arg(root)
                .output()
                .expect("veritysetup (Debian package `cryptsetup-bin`)")
                .status
                .success()
        };
        assert!(is_accepted(), "{blocks} blocks");
        for at in [0, data.len() - 1] {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&path, changed).unwrap();
            assert!(!is_accepted(), "{blocks} blocks, byte {at}");
        }
    }
}
