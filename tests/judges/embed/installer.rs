//! Live systems that install themselves.

use crate::embed::images::live_image;
use crate::embed::lab::Lab;

#[test]
fn the_installer_and_the_installed_system_are_told() {
    let lab = Lab::new();
    live_image(&lab, "live.iso");
    lab.write("eth0.nmconnection", "[connection]\nid=eth0\n");
    lab.write(
        "live.ign",
        r#"{"ignition":{"version":"3.3.0"},"passwd":{"users":[{"name":"core"}]}}"#,
    );
    let output = lab.imgbuild(
        "embed live.iso --ignition live.ign --dest-ignition config.ign --dest-device /dev/sda --dest-console ttyS0,115200n8 \
         --dest-karg-append x=1 --dest-karg-delete quiet --network-keyfile eth0.nmconnection -o node.iso",
    );
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("overwrites /dev/sda without confirmation"),
        "{said}"
    );
    let config = lab.prints("embed node.iso --show=ignition");
    let laid = imgbuild::read::laid(&config).unwrap();
    let text = |path: &str| String::from_utf8(laid.files[path].clone()).unwrap();
    assert_eq!(
        text("/etc/coreos/dest.ign").into_bytes(),
        lab.read("config.ign")
    );
    assert_eq!(
        text("/etc/coreos/installer.d/50-imgbuild.yaml"),
        "# Written by imgbuild embed\n\
         dest-device: \"/dev/sda\"\n\
         ignition-file: \"/etc/coreos/dest.ign\"\n\
         console: [\"ttyS0,115200n8\"]\n\
         append-karg: [\"x=1\"]\n\
         delete-karg: [\"quiet\"]\n\
         copy-network: true\n"
    );
    let shown = lab.says("inspect node.iso");
    for line in [
        "  user core",
        "  file /etc/coreos/dest.ign  (0600)",
        "Contents of the installed system's config (Ignition 3.4.0)",
        "  file /etc/hostname  (0644)",
    ] {
        assert!(shown.lines().any(|found| found == line), "{line}\n{shown}");
    }

    // Nothing says where to: doubtful, but possible.
    let output = lab.imgbuild("embed live.iso --dest-ignition config.ign -o other.iso");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("no disk to install onto"), "{said}");
}
