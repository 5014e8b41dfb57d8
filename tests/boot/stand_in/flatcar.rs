//! Flatcar: is the image of programs there too?

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::Command;

use imgbuild::extensions::program_names;
use imgbuild::facts::cni::CNI_PLUGINS;
use imgbuild::qemu::{Firmware, Medium};
use imgbuild::read::artifact;

use super::{base, boots, digest};
use crate::lab::{Lab, UNTIMED};

/// Flatcar's initrd looks for the same file, if the same word is on the command line.
const THEN: &str = "\
first=no
for word in $(/bin/busybox cat /proc/cmdline); do
    case $word in flatcar.first_boot=1) first=yes ;; esac
done
echo \"stand-in: first boot $first\"
/bin/busybox sha256sum /usr/share/oem/config.ign | /bin/busybox sed 's/^/stand-in: config /'
/bin/busybox stat -c 'stand-in: mode %a owner %u' /usr/share/oem/config.ign
# What the first of Flatcar's two stages does with this folder, before it leaves for the second.
/bin/busybox mkdir /oem
/bin/busybox cp -a /usr/share/oem/. /oem
/bin/busybox sha256sum /oem/sysext/kubernetes.raw | /bin/busybox sed 's/^/stand-in: image /'
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

/// Programs of Kubernetes and CNI's plugins: heads of programs for amd64, and what does not
/// compress.
fn programs(lab: &Lab) {
    fs::create_dir(lab.path("programs")).unwrap();
    let names = program_names().chain(CNI_PLUGINS);
    for (seed, name) in (1_u32..).zip(names) {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(18, 0);
        bytes.extend([62, 0]);
        let mut state = seed;
        bytes.extend((0..3 << 20).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }));
        fs::write(lab.path("programs").join(name), bytes).unwrap();
    }
}

/// The SHA-256 of the image that lies behind the stand-in in the PXE folder's initrd.
fn image(lab: &Lab, tree: &Path) -> String {
    let own = fs::metadata(lab.path("initrd")).unwrap().len();
    let mut initrd = File::open(tree.join("initrd.img")).unwrap();
    initrd
        .seek(SeekFrom::Start(own.next_multiple_of(4)))
        .unwrap();
    let run = Command::new("cpio")
        .args(["--extract", "--to-stdout", "--quiet"])
        .arg("usr/share/oem/sysext/kubernetes.raw")
        .stdin(initrd)
        .output()
        .expect("starting cpio (Debian package cpio)");
    assert!(run.status.success() && run.stdout.starts_with(b"hsqs"));
    digest(&run.stdout)
}

/// The PXE folder and the ISO, each as machines see them.
pub fn finds_its_config() {
    let lab = Lab::new();
    initrd(&lab);
    fs::copy(base().join("kernel"), lab.path("vmlinuz")).unwrap();
    programs(&lab);
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
kernel_arguments: [lab.bench=7, {UNTIMED}]
kubernetes: {{version: 1.36.2, role: standalone, programs: programs}}
"
        ),
    );
    let tree = lab.build(&spec, "tree", &["--format", "pxe"]);
    let iso = lab.build(&spec, "node.iso", &[]);
    let found = artifact(&iso).unwrap();
    assert_eq!(found.extensions, ["kubernetes"]);
    let config = digest(&found.config);
    let image = image(&lab, &tree);

    let pxe = || Medium::Pxe {
        tree: tree.clone(),
        script: "nodes/flatcar1.ipxe".to_owned(),
    };
    for (name, firmware, medium) in [
        (
            "kernel",
            Firmware::Bios,
            Medium::from_tree(&tree, "flatcar1").unwrap().0,
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
                &format!("stand-in: config {config}  /usr/share/oem/config.ign"),
                // Where the link in /etc/extensions leads.
                &format!("stand-in: image {image}  /oem/sysext/kubernetes.raw"),
                "stand-in: mode 600 owner 0",
                // The folder of the payload does not hide what the system has beside it.
                "stand-in: system /usr/lib/of-the-system",
            ],
        );
    }
}
