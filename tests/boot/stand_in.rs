//! Flatcar's way of booting, with Debian's kernel and a stand-in for Flatcar's initrd: does the config lie where Flatcar's first boot
//! looks for it, with the kernel arguments that make it look?

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use imgbuild::cpio::Archive;
use imgbuild::names::Arch;
use imgbuild::qemu::{Firmware, Machine, Medium};
use imgbuild::read::artifact;
use sha2::{Digest, Sha256};

use crate::guest::Guest;
use crate::lab::{self, Lab};

/// How long a kernel and a shell may take without acceleration.
const PATIENCE: Duration = Duration::from_secs(180);

/// What the stand-in says last.
const END: &str = "stand-in: end";

/// The stand-in's first program. Flatcar's looks for the same file, if the same word is on the command line.
const INIT: &str = "\
#!/bin/busybox sh
/bin/busybox mkdir -p /proc
/bin/busybox mount -t proc proc /proc
first=no
for word in $(/bin/busybox cat /proc/cmdline); do
    case $word in flatcar.first_boot=1) first=yes ;; esac
    echo \"stand-in: argument $word\"
done
echo \"stand-in: first boot $first\"
/bin/busybox sha256sum /usr/share/oem/config.ign | /bin/busybox sed 's/^/stand-in: config /'
/bin/busybox stat -c 'stand-in: mode %a owner %u' /usr/share/oem/config.ign
/bin/busybox ls /usr/lib/of-the-system | /bin/busybox sed 's/^/stand-in: system /'
echo 'stand-in: end'
/bin/busybox poweroff -f
";

/// Writes the stand-in; needs `busybox-static`. Its length is no multiple of four, as of any compressed file.
fn initrd(lab: &Lab) {
    let busybox = fs::read("/usr/bin/busybox")
        .or_else(|_| fs::read("/bin/busybox"))
        .expect("busybox (Debian package busybox-static)");
    let mut archive = Archive::new(Vec::new());
    archive.file("bin/busybox", 0o755, &busybox).unwrap();
    archive.file("init", 0o755, INIT.as_bytes()).unwrap();
    archive
        .file("usr/lib/of-the-system", 0o644, b"there")
        .unwrap();
    let file = File::create(lab.path("initrd")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    gzip.write_all(&archive.finish().unwrap()).unwrap();
    let mut file = gzip.finish().unwrap();
    while file.metadata().unwrap().len() % 4 != 1 {
        file.write_all(&[0]).unwrap();
    }
}

/// Copies the kernel of Debian's base.
fn kernel(lab: &Lab) {
    let run = Command::new(lab::program())
        .args(["base", "build"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "imgbuild failed: {said}");
    let id = String::from_utf8_lossy(&run.stdout).trim().to_owned();
    let kernel = lab::cache().base(&id).join("kernel");
    fs::copy(&kernel, lab.path("vmlinuz")).unwrap();
}

/// The PXE folder and the ISO, each as machines see them.
pub fn finds_its_config() {
    let lab = Lab::new();
    initrd(&lab);
    kernel(&lab);
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
    let mut digest = String::new();
    for byte in Sha256::digest(&config) {
        write!(digest, "{byte:02x}").unwrap();
    }

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
        let machine = Machine::new(name, Arch::Amd64, firmware, medium);
        let guest = Guest::start(&lab, "flatcar", machine, None);
        guest.console.wait_for(END, 0, PATIENCE);
        let console = guest.console.text();
        for expected in [
            "stand-in: first boot yes",
            "stand-in: argument console=ttyS0,115200n8",
            "stand-in: argument lab.bench=7",
            &format!("stand-in: config {digest}  /usr/share/oem/config.ign"),
            "stand-in: mode 600 owner 0",
            // The folder of the payload does not hide what the system has beside it.
            "stand-in: system /usr/lib/of-the-system",
        ] {
            assert!(console.contains(expected), "{name}: no `{expected}`");
        }
        println!("{name}: the config is there");
    }
}
