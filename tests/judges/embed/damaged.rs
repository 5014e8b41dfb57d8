//! Images that are not what they seem.

use std::fs::{self, File};

use imgbuild::embed::{Edits, LiveSettings, embedded, removed};
use imgbuild::formats::Damaged;
use imgbuild::formats::iso9660::read::Iso;
use imgbuild::pack::patched;
use imgbuild::progress::Silent;
use imgbuild::read::LiveIso;
use proptest::prelude::*;

use crate::embed::images::{LAYOUTS, live_image};
use crate::embed::lab::{CONFIG, Lab};

/// Puts `new` in the place of `old`, which is as long, wherever it stands.
fn replaced(image: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let mut image = image.to_vec();
    let places: Vec<usize> = (0..image.len() - old.len())
        .filter(|&at| image[at..].starts_with(old))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        image[at..at + old.len()].copy_from_slice(new);
    }
    image
}

#[test]
fn descriptions_that_lie_are_found_out() {
    let lab = Lab::new();
    live_image(&lab, "live.iso");
    LAYOUTS[1].make(&lab, "s390x.iso");
    let json = lab.read("live.iso");
    let s390x = lab.read("s390x.iso");
    let mut one_copy = json.clone();
    let at = (0..one_copy.len())
        .find(|&at| {
            one_copy[at..]
                .starts_with(b"mitigations=auto,nosmt coreos.liveiso=live ignition.firstboot\n###")
        })
        .unwrap();
    one_copy[at] = b'M';
    for (name, image, why) in [
        (
            "no JSON",
            replaced(&json, b"{\"file\": \"images/", b"{\"file\"; \"images/"),
            "igninfo.json",
        ),
        (
            "another file",
            replaced(
                &json,
                b"\"images/ignition.img\"",
                b"\"images/ignitiom.img\"",
            ),
            "does not exist",
        ),
        (
            "an area too long",
            replaced(&s390x, b"\"length\": 16384", b"\"length\": 99999"),
            "extends beyond",
        ),
        (
            "no area",
            replaced(&s390x, b"\"length\": 16384", b"\"length\": 0    "),
            "size of 0 bytes",
        ),
        (
            "room for nothing",
            replaced(&json, b"\"size\": 300", b"\"size\": 1  "),
            "space of 1 bytes",
        ),
        (
            "too much room",
            replaced(&json, b"\"size\": 300", b"\"size\":9999"),
            "extend beyond",
        ),
        (
            "arguments elsewhere",
            replaced(&json, b"\"offset\": 20", b"\"offset\": 99"),
            "extend beyond",
        ),
        ("arguments that differ", one_copy, "differ"),
    ] {
        lab.write("bad.iso", image);
        let said = lab.refuses("embed bad.iso --ignition config.ign -o a.iso");
        assert!(said.contains(why), "{name}: {said}");
        let said = lab.refuses("inspect bad.iso");
        assert!(said.contains(why), "{name}: {said}");
    }
    // Cut short, and an area with something else in it.
    let description = (0..json.len())
        .find(|&at| json[at..].starts_with(b"{\"file\""))
        .unwrap();
    lab.write("bad.iso", &json[..description]);
    assert!(lab.refuses("embed bad.iso --show").contains("truncated"));
    lab.prints("embed live.iso --ignition config.ign -o node.iso");
    let mut node = lab.read("node.iso");
    let area = (0..node.len())
        .find(|&at| node[at..].starts_with(b"\xfd7zXZ"))
        .unwrap();
    node[area + 40] ^= 0xff;
    lab.write("bad.iso", &node);
    assert!(lab.refuses("embed bad.iso --show").contains("damaged"));
    node[area] = b'x';
    lab.write("bad.iso", &node);
    assert!(
        lab.refuses("embed bad.iso --show")
            .contains("neither a cpio archive")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever bytes are wrong: an image is read, changed and restored, or refused, and nothing
    /// panics.
    #[test]
    fn any_image_is_taken(
        layout in 0..LAYOUTS.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        in_front: bool,
    ) {
        use std::sync::OnceLock;
        static IMAGES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
        let images = IMAGES.get_or_init(|| {
            let lab = Lab::new();
            LAYOUTS.iter().map(|layout| {
                layout.make(&lab, "live.iso");
                lab.prints("embed live.iso --ignition config.ign -o node.iso");
                lab.read("node.iso")
            }).collect()
        });
        let mut image = images[layout].clone();
        for (at, with) in changes {
            // Where the descriptions are, or anywhere.
            let end = if in_front { image.len().min(80_000) } else { image.len() };
            image[at.index(end)] = with;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("live.iso");
        fs::write(&path, &image).unwrap();
        let settings = LiveSettings {
            config: Some(CONFIG.as_bytes().to_vec()),
            arguments: Edits { append: vec!["a".to_owned()], ..Edits::default() },
            ..LiveSettings::default()
        };
        match Iso::open(File::open(&path).unwrap()).and_then(LiveIso::open) {
            Ok(Ok(live)) => {
                for patches in [Some(removed(&live)), embedded(&live, &settings).ok()].into_iter().flatten() {
                    let mut out = Vec::new();
                    patched(&mut out, live.iso.image(), &path, patches, &Silent).unwrap();
                    prop_assert_eq!(out.len(), image.len());
                }
            }
            Ok(Err(_)) => {}
            Err(error) => prop_assert!(error.chain().any(<dyn std::error::Error>::is::<Damaged>), "{:#}", error),
        }
    }
}
