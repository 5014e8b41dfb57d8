//! Flatcar.

use std::fs::{self, File};
use std::io::Write as _;

use imgbuild::qemu::{Firmware, Medium};
use imgbuild::read::artifact;

use super::{base, boots, digest};
use crate::lab::Lab;

/// Flatcar's initrd looks for the same file, if the same word is on the command line.
const THEN: &str = "\
first=no
for word in $(/bin/busybox cat /proc/cmdline); do
    case $word in flatcar.first_boot=1) first=yes ;; esac
done
echo \"stand-in: first boot $first\"
/bin/busybox sha256sum /usr/share/oem/config.ign | /bin/busybox sed 's/^/stand-in: config /'
/bin/busybox stat -c 'stand-in: mode %a owner %u' /usr/share/oem/config.ign
/bin/busybox ls /usr/lib/of-the-system | /bin/busybox sed 's/^/stand-in: system /'
";

/// Writes the stand-in. Its length is no multiple of four, as of any compressed file.
fn initrd(lab: &Lab) {
    let archive = super::initrd(THEN, &[("usr/lib/of-the-system", b"there")]);
    let file = File::create(lab.path("initrd")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    gzip.write_all(&archive).unwrap();
    let mut file = gzip.finish().unwrap();
    while file.metadata().unwrap().len() % 4 != 1 {
        file.write_all(&[0]).unwrap();
    }
}

/// The PXE folder and the ISO, each as machines see them.
pub fn finds_its_config() {
    let lab = Lab::new();
    initrd(&lab);
    fs::copy(base().join("kernel"), lab.path("vmlinuz")).unwrap();
    let key = &lab.public_key;
    let spec = lab.write(
        "node.yaml",
        &format!(
            "\
version: 1
target: flatcar
hostname: flatcar1
base: {{kernel: {{source: vmlinuz}}, initrd: {{source: initrd}}}}
users: [{{name: core, ssh_authorized_keys: ['{key}']}}]
kernel_arguments: [lab.bench=7]
"
        ),
    );
    let tree = lab.build(&spec, "tree", &["--format", "pxe"]);
    let iso = lab.build(&spec, "node.iso", &[]);
    let config = artifact(&iso).unwrap().config;
    let digest = digest(&config);

    let pxe = || Medium::Pxe {
        tree: tree.clone(),
        script: "nodes/flatcar1.ipxe".to_owned(),
    };
    for (name, firmware, medium) in [
        (
            "kernel",
            Firmware::Bios,
            Medium::of_tree(&tree, "flatcar1").unwrap(),
        ),
        ("pxe", Firmware::Bios, pxe()),
        ("cd-bios", Firmware::Bios, Medium::Cd(iso.clone())),
        ("cd-uefi", Firmware::Uefi, Medium::Cd(iso.clone())),
        ("stick-uefi", Firmware::Uefi, Medium::UsbStick(iso.clone())),
    ] {
        boots(
            &lab,
            "flatcar",
            (name, firmware, medium),
            &[
                "stand-in: first boot yes",
                "stand-in: argument console=ttyS0,115200n8",
                "stand-in: argument lab.bench=7",
                &format!("stand-in: config {digest}  /usr/share/oem/config.ign"),
                "stand-in: mode 600 owner 0",
                // The folder of the payload does not hide what the system has beside it.
                "stand-in: system /usr/lib/of-the-system",
            ],
        );
    }
}
