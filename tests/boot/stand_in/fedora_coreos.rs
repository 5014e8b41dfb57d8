//! Fedora CoreOS: what its live initrd looks for (`coreos-ignition-setup-user`,
//! `coreos-copy-firstboot-network` and `coreos-livepxe-rootfs` of coreos/fedora-coreos-config),
//! told by a stand-in.

use std::fs;
use std::path::Path;

use imgbuild::formats::cpio::Archive;
use imgbuild::qemu::{Firmware, Medium};
use imgbuild::read::artifact;

use super::{base, boots, digest};
use crate::lab::Lab;
use crate::live_iso::{self, Loaders};

/// The file by which the initrd knows that it is a live one, and the one of the root file system,
/// whose contents have to be the same.
const OF_INITRD: &str = "etc/coreos-live-initramfs";
const OF_ROOT: &str = "etc/coreos-live-rootfs";
const RELEASE: &[u8] = b"stand-in.1\n";

/// As the real one: the config and the keyfiles are there or not, and the root file system is, if
/// it is not on the ISO, of the same release.
const THEN: &str = "\
first=no platform=no root=no
for word in $(/bin/busybox cat /proc/cmdline); do
    case $word in
        ignition.firstboot) first=yes ;;
        ignition.platform.id=metal) platform=yes ;;
        coreos.liveiso=live) root='on the ISO' ;;
    esac
done
if /bin/busybox cmp -s /etc/coreos-live-initramfs /etc/coreos-live-rootfs && test -s /root.squashfs; then
    root='of the same release'
fi
echo \"stand-in: first boot $first, platform $platform, root $root\"
/bin/busybox sha256sum /config.ign | /bin/busybox sed 's/^/stand-in: config /'
for file in /config.ign /etc/coreos-firstboot-network/*; do
    /bin/busybox stat -c 'stand-in: %n has mode %a and owner %u' $file
done
/bin/busybox sed 's/^/stand-in: keyfile /' /etc/coreos-firstboot-network/*
";

/// What both ways to boot share.
const SPEC: &str = "\
version: 1
target: fedora-coreos
hostname: fcos1
network: {interfaces: [{name: ens3, addresses: [10.0.2.15/24], gateway: 10.0.2.2}]}
kernel_arguments: [lab.bench=7, no_timer_check, 'console=ttyS0,115200n8']
";

/// Writes the stand-ins for initrd and root file system.
fn files(lab: &Lab) {
    let initrd = super::initrd(THEN, &[(OF_INITRD, RELEASE)]);
    // Compressed, with an end that is no multiple of four.
    let mut initrd = zstd::bulk::compress(&initrd, 1).unwrap();
    while initrd.len() % 4 != 1 {
        initrd.push(0);
    }
    fs::write(lab.path("initramfs.img"), initrd).unwrap();
    // Raw, with its largest file first.
    let mut root = Archive::new(Vec::new());
    root.file("root.squashfs", 0o644, &vec![7; 1 << 20])
        .unwrap();
    root.file(OF_ROOT, 0o644, RELEASE).unwrap();
    fs::write(lab.path("rootfs.img"), root.finish().unwrap()).unwrap();
}

/// The PXE folder and both ISOs, each as machines see them.
pub fn finds_its_config() {
    let lab = Lab::new();
    files(&lab);
    let base = base();
    fs::copy(base.join("kernel"), lab.path("vmlinuz")).unwrap();
    let key = &lab.public_key;
    let spec = |name: &str, base: &str| {
        let users = format!("users: [{{name: core, ssh_authorized_keys: ['{key}']}}]\n");
        lab.write(name, &format!("{SPEC}{users}base: {base}\n"))
    };
    let files = spec(
        "files.yaml",
        "{kernel: {source: vmlinuz}, initrd: {source: initramfs.img}, rootfs: {source: rootfs.img}}",
    );
    let tree = lab.build(&files, "tree", &["--format", "pxe"]);
    let iso = lab.build(&files, "node.iso", &[]);
    live(&lab, &base);
    let embedded = lab.build(
        &spec("live.yaml", "{iso: {source: live.iso}}"),
        "embedded.iso",
        &[],
    );

    let pxe = Medium::Pxe {
        tree: tree.clone(),
        script: "nodes/fcos1.ipxe".to_owned(),
    };
    let config = artifact(&iso).unwrap().config;
    assert_eq!(config, artifact(&embedded).unwrap().config);
    let in_memory = "root of the same release";
    let on_iso = "root on the ISO";
    for (name, firmware, medium, root) in [
        (
            "kernel",
            Firmware::Bios,
            Medium::from_tree(&tree, "fcos1").unwrap().0,
            in_memory,
        ),
        ("pxe", Firmware::Bios, pxe, in_memory),
        (
            "cd-bios",
            Firmware::Bios,
            Medium::Cd(iso.clone()),
            in_memory,
        ),
        ("cd-uefi", Firmware::Uefi, Medium::Cd(iso), in_memory),
        (
            "live-bios",
            Firmware::Bios,
            Medium::Cd(embedded.clone()),
            on_iso,
        ),
        ("live-uefi", Firmware::Uefi, Medium::Cd(embedded), on_iso),
    ] {
        boots(
            &lab,
            "fedora-coreos",
            (name, firmware, medium),
            &[
                &format!("stand-in: first boot yes, platform yes, {root}"),
                "stand-in: argument lab.bench=7",
                &format!("stand-in: config {}  /config.ign", digest(&config)),
                "stand-in: /config.ign has mode 600 and owner 0",
                "stand-in: /etc/coreos-firstboot-network/ens3.nmconnection has mode 600 and owner 0",
                "stand-in: keyfile address1=10.0.2.15/24,10.0.2.2",
            ],
        );
    }
}

/// Writes the live ISO, with the boot loaders of Debian's base.
fn live(lab: &Lab, base: &Path) {
    let loader = |name: &str| base.join("boot").join(name);
    let loaders = Loaders {
        isolinux: ["isolinux.bin", "ldlinux.c32", "isohdpfx.bin"].map(loader),
        efi: ["shim.efi", "grub.efi"].map(loader),
    };
    let path = |name: &str| lab.path(name);
    live_iso::write(
        &path("live.iso"),
        &path("vmlinuz"),
        &path("initramfs.img"),
        Some(&loaders),
    );
}
