//! Images in files, as others write them.

use imgbuild::cache::Cache;
use imgbuild::extensions::images::{Images, extension};
use imgbuild::facts::systems::Target;
use imgbuild::names::Arch;
use imgbuild::oci::{StoredImage, read_images, write_bundle};
use imgbuild::progress::Silent;

use crate::images::made::archive;
use crate::registry::skopeo;

#[test]
fn archives_layouts_and_folders_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let name = "registry.example/app:1";
    let ours = archive(&folder.path().join("ours.tar"), name, Arch::Amd64, "one");
    let [image] = &read_images(&ours, Arch::Amd64).unwrap()[..] else {
        panic!("one image");
    };
    let from = format!("oci-archive:{}", ours.display());
    let cases = [
        (
            "an archive of skopeo's",
            format!("oci-archive:{}:{name}", at("theirs.tar")),
            at("theirs.tar"),
            true,
        ),
        (
            "a layout",
            format!("oci:{}:{name}", at("layout")),
            at("layout"),
            true,
        ),
        (
            "what docker save writes",
            format!("docker-archive:{}:{name}", at("docker.tar")),
            at("docker.tar"),
            false,
        ),
    ];
    for (case, to, path, same) in &cases {
        skopeo(&["copy", &from, to]);
        let read = read_images(path.as_ref(), Arch::Amd64).unwrap();
        let [theirs] = &read[..] else {
            panic!("{case}")
        };
        assert_eq!(theirs.name, name, "{case}");
        assert_eq!(theirs.chain_id(), image.chain_id(), "{case}");
        if *same {
            assert_eq!(theirs.diff_ids, image.diff_ids, "{case}");
        }
        let why = read_images(path.as_ref(), Arch::Arm64).expect_err(case);
        assert!(
            format!("{why:#}").contains("linux/arm64"),
            "{case}: {why:#}"
        );
    }
    assert_eq!(read_images(folder.path(), Arch::Amd64).unwrap().len(), 4);

    // And back: what we write of it is whole to others.
    let mut bytes = Vec::new();
    write_bundle(&[image], true, &mut bytes).unwrap();
    std::fs::write(at("bundle.tar"), bytes).unwrap();
    let inspected = skopeo(&["inspect", &format!("oci-archive:{}", at("bundle.tar"))]);
    assert!(inspected.contains(&image.digest()), "{inspected}");
    skopeo(&[
        "copy",
        &format!("oci-archive:{}", at("bundle.tar")),
        &format!("oci:{}:a", at("again")),
    ]);

    for (name, contents, want) in [
        ("empty.tar", &b""[..], "neither"),
        ("noise.tar", &[7; 2048][..], "not a tar archive"),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, contents).unwrap();
        let why = format!("{:#}", read_images(&path, Arch::Amd64).expect_err(name));
        assert!(why.contains(want) && why.contains(name), "{why}");
    }
}

/// An image whose config lists the layers of another does not get that one's files, nor does it
/// replace them: containerd refuses it too ("wrong diff id calculated on extraction").
#[test]
fn layers_are_those_of_the_config() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str, text: &str| {
        let file = format!("{text}.tar");
        let path = archive(&folder.path().join(file), name, Arch::Amd64, text);
        read_images(&path, Arch::Amd64).unwrap().remove(0)
    };
    let honest = read("registry.example/m:1", "honest");
    // Images are laid out in the order of their names.
    for name in ["registry.example/a:1", "registry.example/z:1"] {
        let forged = StoredImage {
            diff_ids: honest.diff_ids.clone(),
            ..read(name, name.split(['/', ':']).nth(1).unwrap())
        };
        assert_eq!(forged.chain_id(), honest.chain_id());
        let images = Images {
            all: &[honest.clone(), forged],
            cri_o: false,
        };
        let cache = Cache::new(folder.path().join("cache"));
        let system = Target::Debian.facts();
        let why = extension(&cache, Arch::Amd64, system, images, &Silent).expect_err(name);
        let why = format!("{why:#}");
        assert!(
            why.contains(name) && why.contains("is not the one in its config"),
            "{why}"
        );
    }
}
