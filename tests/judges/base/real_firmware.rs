//! The firmware of the real base, judged by `modinfo`: which drivers have theirs, and which files
//! are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use imgbuild::facts::kernel::KernelFlavor;
use imgbuild::names::Arch;

use crate::base::{real, tools};

/// Files that drivers of wired cards and storage ask for and Debian does not have.
const NOT_IN_DEBIAN: [(&str, &[&str]); 8] = [
    // Alteon's cards of 1998.
    ("acenic", &["acenic/tg1.bin", "acenic/tg2.bin"]),
    // Adaptec's SAS controllers of 2005: nobody may copy it.
    ("aic94xx", &["aic94xx-seq.fw"]),
    // Sun's cards of 2002.
    ("cassini", &["sun/cassini.bin"]),
    // Cards that linux-firmware has no files for.
    (
        "nfp",
        &[
            "netronome/nic_AMDA0058-0011_2x40.nffw",
            "netronome/nic_AMDA0058-0012_2x40.nffw",
            "netronome/nic_AMDA0099-0001_1x10_1x25.nffw",
        ],
    ),
    // A PCMCIA card of Ositech's; not on arm64.
    ("smc91c92_cs", &["ositech/Xilinx7OD.bin"]),
    // Adaptec's cards of 1999.
    (
        "starfire",
        &["adaptec/starfire_rx.bin", "adaptec/starfire_tx.bin"],
    ),
    // Western Digital's SCSI controllers of 1995.
    ("wd719x", &["wd719x-risc.bin", "wd719x-wcs.bin"]),
    // USB controllers without memory of their own for it: nobody may copy it.
    ("xhci_pci_renesas", &["renesas_usb_fw.mem"]),
];

/// Folders of drivers whose files are in the image by default.
const WIRED: [&str; 13] = [
    "ata",
    "block",
    "infiniband",
    "md",
    "message",
    "mmc",
    "net",
    "nvme",
    "scsi",
    "target",
    "ufs",
    "usb/host",
    "usb/storage",
];

/// What drivers ask for: the driver's path below `kernel/drivers`, and the files.
fn asked(tree: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let script = "find \"$0\" -name '*.ko*' | while read -r path; do \
        modinfo -F firmware \"$path\" | sed \"s|^|${path#*/kernel/} |\"; done";
    let text = tools::run(
        "kmod",
        "sh",
        &["-c".as_ref(), script.as_ref(), tree.as_os_str()],
    );
    let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines() {
        let (path, file) = line.split_once(' ').expect("two words");
        let path = path.trim_start_matches("drivers/").to_owned();
        asked.entry(path).or_default().insert(file.to_owned());
    }
    asked
}

/// Whether the image has a file; of a pattern, whether any fits.
fn has(tree: &Path, file: &str) -> bool {
    let path = tree.join("usr/lib/firmware").join(file);
    let Some((start, end)) = file.split_once('*') else {
        return path.exists();
    };
    let (folder, start) = start.rsplit_once('/').unwrap_or(("", start));
    let entries = fs::read_dir(tree.join("usr/lib/firmware").join(folder));
    entries.into_iter().flatten().any(|entry| {
        let name = entry
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("UTF-8");
        name.starts_with(start) && name.ends_with(end)
    })
}

fn wired_drivers_have_their_firmware(arch: Arch) {
    let (base, _) = real::base(arch, KernelFlavor::Generic);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("temporary folder");
    let tree = folder.path().join("tree");
    let image = base.root.as_ref().expect("a root image");
    tools::unpack(
        image,
        &tree,
        &["usr/lib/modules", "usr/lib/firmware", "usr/share/doc"],
    );
    let asked = asked(&tree);
    assert!(asked.len() > 20, "{asked:?}");

    let mut missing: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut wired = BTreeSet::new();
    for (path, files) in &asked {
        let is_wired = WIRED
            .iter()
            .any(|folder| path.starts_with(&format!("{folder}/")));
        println!(
            "{path}: {}",
            if is_wired { "wired" } else { "other, left out" }
        );
        for file in files {
            let is_there = has(&tree, file);
            println!("  {file}: {}", if is_there { "there" } else { "not there" });
            if is_wired {
                wired.insert(file.as_str());
            }
            if is_wired && !is_there {
                let name = path.rsplit('/').next().expect("a name");
                let name = name
                    .split_once(".ko")
                    .expect("a module")
                    .0
                    .replace('-', "_");
                missing.entry(name).or_default().push(file);
            }
        }
    }
    let expected = NOT_IN_DEBIAN
        .iter()
        .filter(|(name, _)| arch == Arch::Amd64 || *name != "smc91c92_cs");
    let expected: BTreeMap<String, Vec<&str>> = expected
        .map(|(name, files)| ((*name).to_owned(), files.to_vec()))
        .collect();
    assert_eq!(missing, expected);

    // Nothing else is there but what links of these lead to.
    let firmware = tree.join("usr/lib/firmware");
    let mut led_to = BTreeSet::new();
    for file in wired.iter().filter(|file| has(&tree, file)) {
        let real = fs::canonicalize(firmware.join(file)).expect("a file");
        led_to.insert(real);
    }
    let text = tools::run(
        "findutils",
        "find",
        &[firmware.as_os_str(), "-type".as_ref(), "f".as_ref()],
    );
    for path in text.lines() {
        let path = fs::canonicalize(path).expect("a file");
        assert!(led_to.contains(&path), "{} is for nothing", path.display());
    }
    assert!(
        tree.join("usr/share/doc/firmware-realtek/copyright")
            .exists()
    );
    assert!(
        !tree
            .join("usr/share/doc/firmware-realtek/changelog.Debian.gz")
            .exists()
    );
}

#[test]
#[ignore = "slow: builds the real base from packages of the mirror"]
fn wired_drivers_of_amd64_have_their_firmware() {
    wired_drivers_have_their_firmware(Arch::Amd64);
}

#[test]
#[ignore = "slow: builds the real base from packages of the mirror"]
fn wired_drivers_of_arm64_have_their_firmware() {
    wired_drivers_have_their_firmware(Arch::Arm64);
}

/// So that images for virtual machines carry none, and need no component for it.
#[test]
#[ignore = "slow: builds the real base from packages of the mirror"]
fn drivers_of_the_cloud_kernel_ask_for_no_firmware() {
    let (base, _) = real::base(Arch::Amd64, KernelFlavor::Cloud);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("temporary folder");
    let tree = folder.path().join("tree");
    tools::unpack(
        base.root.as_ref().expect("a root image"),
        &tree,
        &["usr/lib"],
    );
    assert_eq!(asked(&tree.join("usr/lib/modules")), BTreeMap::new());
    assert!(!tree.join("usr/lib/firmware").exists());
    let initrd = fs::read(&base.initrd).expect("read");
    assert!(
        initrd.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]),
        "one archive, compressed"
    );
}
