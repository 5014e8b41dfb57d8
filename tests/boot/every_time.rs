//! The boots of every run: the ISO under BIOS and under UEFI with Secure Boot, the PXE tree, a
//! cluster.

use std::fs;

use imgbuild::qemu::{Disk, Firmware, Medium, mac_of};

use crate::artifact_test;
use crate::cluster;
use crate::config_iso;
use crate::embedded_images;
use crate::guest::Guest;
use crate::lab::Lab;
use crate::later_boots;
use crate::node;
use crate::other_media;
use crate::stand_in;

/// One ISO boots two machines, one under BIOS and one with Secure Boot enforced. They are the same
/// node, and yet have identities of their own. Both have a disk that claims to be their medium.
#[test]
#[ignore = "boots machines: cargo xtask test"]
fn iso_under_bios_and_secure_boot() {
    let lab = Lab::new();
    let iso = lab.build(&node::spec(&lab, ""), "node.iso", &[]);
    let (config_iso, config) = config_iso::build(&lab);
    let other = other_media::with_another_root(&lab, &iso);
    let start = |name: &str, firmware| {
        let mut machine = node::machine(&lab, name, firmware, Medium::Cd(iso.clone()));
        machine.disks.push(Disk::Raw(config_iso.clone()));
        machine.disks.push(Disk::Raw(other.clone()));
        Guest::boot(&lab, "iso", machine)
    };
    let identity = |guest: &Guest| {
        let keys = guest.ask("cat /etc/ssh/ssh_host_*_key.pub | cut -d ' ' -f 2");
        (guest.ask("cat /etc/machine-id"), keys)
    };

    let bios = start("bios", Firmware::Bios);
    bios.ask("test ! -e /sys/firmware/efi");
    node::check_everything(&bios);
    config_iso::is_mounted(&bios, &config);
    other_media::is_not_the_root(&bios, "vdc");
    let first = identity(&bios);
    bios.shut_down();

    let secure = start("secure-boot", Firmware::SecureBoot);
    // The variable's value follows four bytes of attributes (kernel
    // Documentation/filesystems/efivarfs.rst).
    let variable = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
    secure.says(&format!("od -An -t u1 -j 4 {variable} | xargs"), "1");
    let lockdown = secure.ask("sudo cat /sys/kernel/security/lockdown");
    assert!(lockdown.contains("[integrity]"), "{lockdown}");
    node::check_health(&secure);
    other_media::is_not_the_root(&secure, "vdc");
    let second = identity(&secure);
    assert_ne!(first.0, second.0, "two machines have one machine-id");
    assert_ne!(
        first.1, second.1,
        "two machines have the same SSH host keys"
    );
}

/// A machine finds its node in the PXE tree by its network card.
#[test]
#[ignore = "boots a machine: cargo xtask test"]
fn pxe_tree_through_ipxe() {
    let lab = Lab::new();
    let spec = node::spec(&lab, "");
    let by_mac = format!("name: enp0s3\n      mac: '{}'\n", mac_of("pxe"));
    let text = fs::read_to_string(&spec).unwrap();
    fs::write(&spec, text.replacen("name: enp0s3\n", &by_mac, 1)).unwrap();
    let medium = Medium::Pxe {
        tree: lab.build(&spec, "tree", &["--format", "pxe"]),
        script: "boot.ipxe".to_owned(),
    };
    let guest = Guest::boot(
        &lab,
        "tree",
        node::machine(&lab, "pxe", Firmware::Bios, medium),
    );
    node::check_health(&guest);
}

/// `imgbuild test`, and the machines that it keeps; see [`artifact_test`].
#[test]
#[ignore = "boots machines: cargo xtask test"]
fn artifacts_are_tested() {
    artifact_test::tells_what_passed();
}

/// A root image that was changed does not start; see [`other_media`].
#[test]
#[ignore = "boots machines: cargo xtask test"]
fn changed_roots_are_refused() {
    other_media::changed_roots_are_refused();
}

/// Three members; see [`cluster`].
#[test]
#[ignore = "boots machines: cargo xtask test"]
fn three_members_live_through_a_power_cut() {
    cluster::lives_through_a_power_cut();
}

/// Disks of all kinds; see [`later_boots`].
#[test]
#[ignore = "boots machines: cargo xtask test"]
fn later_boots_keep_the_disks() {
    later_boots::keep_what_the_first_created();
}

/// An image by its archive; see [`embedded_images`].
#[test]
#[ignore = "boots a machine: cargo xtask test"]
fn embedded_images_are_there() {
    embedded_images::are_there_without_a_network();
}

/// Flatcar's kernel and initrd are replaced; see [`stand_in`].
#[test]
#[ignore = "boots machines: cargo xtask test"]
fn flatcar_finds_its_config() {
    stand_in::flatcar::finds_its_config();
}

/// Fedora CoreOS' kernel, initrd, root file system and live ISO are replaced; see [`stand_in`].
#[test]
#[ignore = "boots machines: cargo xtask test"]
fn fedora_coreos_finds_its_config() {
    stand_in::fedora_coreos::finds_its_config();
}
