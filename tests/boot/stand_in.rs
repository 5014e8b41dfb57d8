//! Flatcar's way of booting, with Debian's kernel and a stand-in for Flatcar's initrd: do the config and the image of programs lie where
//! Flatcar's first boot looks for them, with the kernel arguments that make it look?

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use imgbuild::base::program_names;
use imgbuild::cpio::Archive;
use imgbuild::names::Arch;
use imgbuild::plan::CNI_PLUGINS;
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
# What the first of Flatcar's two stages does with this folder, before it leaves for the second.
/bin/busybox mkdir /oem
/bin/busybox cp -a /usr/share/oem/. /oem
/bin/busybox sha256sum /oem/sysext/kubernetes.raw | /bin/busybox sed 's/^/stand-in: image /'
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

/// Programs of Kubernetes and CNI's plugins: heads of programs for amd64, and what does not compress.
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
    hex(&run.stdout)
}

fn hex(bytes: &[u8]) -> String {
    let mut digest = String::new();
    for byte in Sha256::digest(bytes) {
        write!(digest, "{byte:02x}").unwrap();
    }
    digest
}

/// The PXE folder and the ISO, each as machines see them.
pub fn finds_its_config() {
    let lab = Lab::new();
    initrd(&lab);
    kernel(&lab);
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
kernel_arguments: [lab.bench=7]
kubernetes: {{version: 1.36.2, role: standalone, programs: programs}}
"
        ),
    );
    let tree = lab.build(&spec, "tree", &["--format", "pxe"]);
    let iso = lab.build(&spec, "node.iso", &[]);
    let found = artifact(&iso).unwrap();
    assert_eq!(found.extensions, ["kubernetes"]);
    let config = hex(&found.config);
    let image = image(&lab, &tree);

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
            &format!("stand-in: config {config}  /usr/share/oem/config.ign"),
            // Where the link in /etc/extensions leads.
            &format!("stand-in: image {image}  /oem/sysext/kubernetes.raw"),
            "stand-in: mode 600 owner 0",
            // The folder of the payload does not hide what the system has beside it.
            "stand-in: system /usr/lib/of-the-system",
        ] {
            assert!(console.contains(expected), "{name}: no `{expected}`");
        }
        println!("{name}: config and image are there");
    }
}
