//! Nodes, their payloads and their installers, in the hands of coreos-installer.

use std::fs;
use std::path::Path;

use super::{CONFIG, KEYFILE, Lab, json, live_images, program, takes};

#[test]
#[ignore = "wants coreos-installer, which takes minutes to build"]
fn an_installer_is_set_up_with_the_same_settings() {
    let lab = Lab::new();
    let image = "embed-areas-2023-07.x86_64.iso";
    assert!(live_images(&lab).contains(&image.to_owned()));
    let options = "--dest-ignition config.ign --dest-device /dev/sda --dest-console ttyS0,115200n8 --dest-karg-append a=1 \
                   --dest-karg-append b --dest-karg-delete quiet --network-keyfile eth0.nmconnection";
    lab.ours(&format!("embed {image} {options} -o ours.iso"));
    lab.theirs(&format!("iso customize {options} -o theirs.iso {image}"));
    // Lines of the settings, without what only says who wrote them, in any order and notation.
    let settings = |iso: &str| {
        let laid =
            imgbuild::read::laid(&lab.ours(&format!("embed {iso} --show=ignition"))).unwrap();
        let (_, text) = laid
            .files
            .iter()
            .find(|(path, _)| path.starts_with("/etc/coreos/installer.d/"))
            .unwrap();
        let mut words: Vec<String> = String::from_utf8_lossy(text)
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(|line| {
                line.replace(['"', '[', ']'], " ")
                    .replace(", ", " ")
                    .split_whitespace()
                    .filter(|word| *word != "-")
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect();
        words.sort();
        (words, laid.files["/etc/coreos/dest.ign"].clone())
    };
    let ((ours, our_config), (theirs, their_config)) =
        (settings("ours.iso"), settings("theirs.iso"));
    assert_eq!(ours, theirs);
    // It writes what the config does not say as null.
    let same = imgbuild::read::listing(&our_config).unwrap();
    assert_eq!(same, imgbuild::read::listing(&their_config).unwrap());
    assert_eq!(json(&our_config), json(CONFIG.as_bytes()));
}

#[test]
#[ignore = "wants coreos-installer, which takes minutes to build"]
fn payloads_go_both_ways() {
    let lab = Lab::new();
    lab.ours("embed --pxe --ignition config.ign --network-keyfile eth0.nmconnection -o ours.img");
    let unwrapped = lab.theirs("pxe ignition unwrap ours.img");
    assert_eq!(String::from_utf8_lossy(&unwrapped), CONFIG);
    lab.theirs("pxe network unwrap -C keyfiles ours.img");
    assert_eq!(
        fs::read_to_string(lab.path("keyfiles/eth0.nmconnection")).unwrap(),
        KEYFILE
    );
    lab.theirs("pxe ignition wrap -i config.ign -o theirs.img");
    lab.theirs("pxe network wrap -k eth0.nmconnection -o network.img");
    let mut all = lab.read("theirs.img");
    all.extend(lab.read("network.img"));
    fs::write(lab.path("all.img"), all).unwrap();
    for (file, keyfile) in [("theirs.img", false), ("all.img", true), ("ours.img", true)] {
        let shown = String::from_utf8(lab.ours(&format!("inspect {file}"))).unwrap();
        assert!(shown.contains("  node        kube1\n"), "{file}: {shown}");
        assert_eq!(
            shown.contains("  keyfile     eth0.nmconnection\n"),
            keyfile,
            "{file}: {shown}"
        );
    }
    // The archive in it is what coreos-installer itself makes of one config, byte for byte before
    // compression.
    lab.ours("embed --pxe --ignition config.ign -o one.img");
    let unpacked = |name: &str| {
        lab.run(
            Path::new("xz"),
            &format!("--decompress --stdout --suffix=.img {name}"),
        )
        .stdout
    };
    assert!(!unpacked("one.img").is_empty());
    assert_eq!(unpacked("one.img").len(), unpacked("theirs.img").len());
}

/// What a node's payload has, coreos-installer finds; and a live ISO of a node too.
#[test]
#[ignore = "wants coreos-installer, which takes minutes to build"]
fn nodes_of_fedora_coreos_are_read_by_theirs() {
    let lab = Lab::new();
    let spec = "version: 1\ntarget: fedora-coreos\nhostname: kube1\nkernel_arguments: [a=1]\n\
                network: {interfaces: [{name: ens3, addresses: [10.0.0.2/24]}]}\n";
    fs::write(lab.path("node.yaml"), spec).unwrap();
    lab.ours("node.yaml -o node.cpio.gz");
    lab.ours("node.yaml -o node.ign");
    // A live system has them on its command line.
    let mut config = json(&lab.read("node.ign"));
    let arguments = config.as_object_mut().unwrap().remove("kernelArguments");
    assert_eq!(
        arguments.unwrap(),
        serde_json::json!({"shouldExist": ["a=1"]})
    );
    assert_eq!(
        json(&lab.theirs("pxe ignition unwrap node.cpio.gz")),
        config
    );
    lab.theirs("pxe network unwrap -C payload node.cpio.gz");
    let keyfile = lab.read("payload/ens3.nmconnection");
    assert!(keyfile.starts_with(b"[connection]\nid=ens3\n"));

    live_images(&lab);
    let newest = "embed-areas-2023-07.x86_64.iso";
    let spec = format!("{spec}base: {{iso: {{source: {newest}}}}}\n");
    fs::write(lab.path("node.yaml"), spec).unwrap();
    lab.ours("node.yaml -o node.iso");
    assert_eq!(json(&lab.theirs("iso ignition show node.iso")), config);
    let arguments = String::from_utf8(lab.theirs("iso kargs show node.iso")).unwrap();
    assert!(arguments.trim_end().ends_with(" a=1"), "{arguments}");
    lab.theirs("iso network extract -C iso node.iso");
    assert!(lab.read("iso/ens3.nmconnection") == keyfile);
    lab.theirs("iso reset node.iso");
    assert_eq!(lab.sha256("node.iso"), lab.sha256(newest));
}

/// `verify` takes what it makes of a spec's config for what it is, and `inspect` sees through the
/// config that it makes around one.
#[test]
#[ignore = "wants coreos-installer, which takes minutes to build"]
fn what_it_makes_is_verified() {
    let lab = Lab::new();
    let spec = "version: 1\ntarget: fedora-coreos\nhostname: kube1\nstorage: {files: [{path: /etc/motd, contents: {inline: hello}}]}\n";
    fs::write(lab.path("node.yaml"), spec).unwrap();
    fs::write(lab.path("other.yaml"), spec.replace("hello", "there")).unwrap();
    lab.ours("node.yaml -o node.ign");
    let verified = |arguments: &str| {
        let output = lab.run(&program(), &format!("verify {arguments}"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), text)
    };
    lab.theirs("pxe ignition wrap -i node.ign -o theirs.img");
    let (code, text) = verified("theirs.img node.yaml");
    assert!(
        code == Some(0) && text.contains("equivalent to what"),
        "{text}"
    );
    let (code, text) = verified("theirs.img other.yaml");
    assert!(
        code == Some(1) && text.contains("~ file /etc/motd"),
        "{text}"
    );
    for image in live_images(&lab) {
        let theirs = lab.path("theirs.iso");
        fs::copy(lab.path(&image), &theirs).unwrap();
        lab.theirs("iso ignition embed -i node.ign theirs.iso");
        for base in [String::new(), format!("--base {image}")] {
            let (code, text) = verified(&format!("theirs.iso node.yaml {base}"));
            assert!(
                code == Some(0) && text.contains("equivalent to what"),
                "{image}: {text}"
            );
            let (code, text) = verified(&format!("theirs.iso other.yaml {base}"));
            assert!(
                code == Some(1) && text.contains("~ file /etc/motd"),
                "{image}: {text}"
            );
        }
        if takes(&lab, &image).1 {
            lab.theirs(&format!(
                "iso customize --live-ignition node.ign --dest-device /dev/sda -o customized.iso {image}"
            ));
            let inspected = String::from_utf8(lab.ours("inspect customized.iso")).unwrap();
            assert!(
                inspected.contains("  file /etc/motd  (0644)\n"),
                "{image}: {inspected}"
            );
            let (code, text) = verified("customized.iso node.yaml");
            assert!(
                code == Some(1) && text.contains("+ file /etc/coreos/installer.d/"),
                "{image}: {text}"
            );
            fs::remove_file(lab.path("customized.iso")).unwrap();
        }
    }
}
