//! The other ways to boot a node, for `cargo xtask test --all`.

use imgbuild::names::Arch;
use imgbuild::qemu::{Firmware, Medium};

use crate::cluster::kernel_arguments;
use crate::guest::Guest;
use crate::lab::Lab;
use crate::node;

/// Boots the node from its ISO and asks how it is.
fn iso_boots(test: &str, firmware: Firmware, medium: fn(std::path::PathBuf) -> Medium) {
    let lab = Lab::new();
    let iso = lab.build(&node::spec(&lab, ""), "node.iso", &[]);
    let guest = Guest::boot(
        &lab,
        test,
        node::machine(&lab, "kube1", firmware, medium(iso)),
    );
    let efi = match firmware {
        Firmware::Bios => "test ! -e /sys/firmware/efi",
        Firmware::Uefi | Firmware::SecureBoot => "test -e /sys/firmware/efi",
    };
    guest.ask(efi);
    node::check_health(&guest);
}

#[test]
#[ignore = "boots a machine: cargo xtask test --all"]
fn cd_under_uefi() {
    iso_boots("cd-uefi", Firmware::Uefi, Medium::Cd);
}

#[test]
#[ignore = "boots a machine: cargo xtask test --all"]
fn stick_under_bios() {
    iso_boots("stick-bios", Firmware::Bios, Medium::UsbStick);
}

#[test]
#[ignore = "boots a machine: cargo xtask test --all"]
fn stick_under_uefi() {
    iso_boots("stick-uefi", Firmware::Uefi, Medium::UsbStick);
}

/// Base initrd and payload are booted by the cluster, every time.
#[test]
#[ignore = "boots a machine: cargo xtask test --all"]
fn full_initrd() {
    let lab = Lab::new();
    let spec = node::spec(&lab, "");
    let full = lab.build(&spec, "node.initrd", &[]);
    let tree = lab.build(&spec, "tree", &["--format", "pxe"]);
    let medium = Medium::Kernel {
        kernel: tree.join("vmlinuz"),
        initrds: vec![full],
        arguments: kernel_arguments(&tree, "kube1"),
    };
    let machine = node::machine(&lab, "kube1", Firmware::Bios, medium);
    node::check_health(&Guest::boot(&lab, "initrd", machine));
}

/// Built on this machine, whatever its own architecture is.
#[test]
#[ignore = "boots a machine: cargo xtask test --all"]
fn arm64_iso() {
    let lab = Lab::new();
    let iso = lab.build(&node::spec(&lab, "arch: arm64\n"), "node.iso", &[]);
    let mut machine = node::machine(&lab, "kube1", Firmware::Uefi, Medium::Cd(iso));
    machine.arch = Arch::Arm64;
    let guest = Guest::boot(&lab, "arm64", machine);
    guest.says("uname -m", "aarch64");
    node::check_health(&guest);
}
