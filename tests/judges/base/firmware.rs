//! Firmware and microcode in a base of packages that are made up. cpio judges the initrd.

use std::fs;
use std::path::Path;

use imgbuild::base::{Base, BaseRequest, ensure, request_hash};
use imgbuild::facts::debian::BaseKind;
use imgbuild::facts::firmware::{Firmware, FirmwareClass};
use imgbuild::facts::kernel::KernelFlavor;
use imgbuild::formats::cpio::read::Entry;
use imgbuild::lock::{Lock, LockedPackage};
use imgbuild::names::Arch;
use imgbuild::progress::Silent;

use crate::base::packages::{Member, Packing, deb, pinned, publish, request};
use crate::base::synthetic::{RELEASE, publish_packages};
use crate::base::tools;

/// A base for real machines of packages that are made up, whose drivers ask for firmware.
fn with_firmware(folder: &Path, firmware: Firmware) -> Base {
    let cloud = BaseKind::new(Arch::Amd64, KernelFlavor::Cloud);
    let mut base = publish_packages(folder)
        .base(&cloud)
        .expect("pinned")
        .clone();
    let kind = BaseKind {
        kernel: KernelFlavor::Generic,
        asked_firmware: firmware,
        ..cloud
    };
    let add = |list: &mut Vec<LockedPackage>, name: &str, members: &[(&str, Member<'_>)]| {
        let bytes = deb(Packing::Xz, members);
        let package = pinned(name, &bytes);
        publish(folder, &package, &bytes);
        list.push(package);
    };
    let card = module(b"firmware=card/new.bin\0firmware=card/gone.bin\0");
    let disk = module(b"firmware=disk-*.bin\0");
    let radio = module(b"firmware=radio.bin\0");
    let drivers = format!("lib/modules/{RELEASE}/kernel/drivers");
    let file = |bytes| Member::File(0o644, 0, 0, bytes);
    add(
        &mut base.packages,
        "drivers",
        &[
            (&format!("{drivers}/net/ethernet/card.ko"), file(&card)),
            // Stage 0 has it.
            (&format!("{drivers}/ata/ahci.ko"), file(&disk)),
            (&format!("{drivers}/net/wireless/radio.ko"), file(&radio)),
        ],
    );
    let license = file(b"free to copy");
    add(
        &mut base.firmware,
        "firmware-cards",
        &[
            ("usr/lib/firmware/card/v2.bin", file(b"card 2")),
            ("usr/lib/firmware/card/v1.bin", file(b"card 1")),
            ("usr/lib/firmware/card/new.bin", Member::Symlink("v2.bin")),
            ("lib/firmware/disk-1.bin", file(b"disk 1")),
            ("usr/share/doc/firmware-cards/copyright", license),
        ],
    );
    add(
        &mut base.firmware,
        "firmware-radios",
        &[
            ("usr/lib/firmware/radio.bin", file(b"radio")),
            ("usr/share/doc/firmware-radios/copyright", license),
        ],
    );
    for (name, folder) in [("amd64-microcode", "amd"), ("intel-microcode", "intel")] {
        let path = |file: &str| format!("usr/lib/firmware/{folder}-ucode/{file}");
        let members = [
            (&*path("b"), file(b"second")),
            (&*path("a"), file(b"first, ")),
        ];
        add(&mut base.firmware, name, &members);
    }
    base.request = request_hash(&kind).expect("the package list");
    let mut lock = Lock::default();
    lock.set_base(&kind, base);
    let request = BaseRequest {
        kind,
        ..request(folder)
    };
    ensure(&request, &mut lock, &Silent).expect("a base")
}

/// A kernel module with this `.modinfo`.
fn module(modinfo: &[u8]) -> Vec<u8> {
    let names = b"\0.modinfo\0";
    let mut elf = b"\x7fELF\x02\x01".to_vec();
    elf.resize(64, 0);
    let mut headers = Vec::new();
    for (name, bytes) in [(0u32, &names[..]), (1, modinfo)] {
        let start = headers.len();
        headers.extend(name.to_le_bytes());
        headers.resize(start + 0x18, 0);
        headers.extend((elf.len() as u64).to_le_bytes());
        headers.extend((bytes.len() as u64).to_le_bytes());
        headers.resize(start + 64, 0);
        elf.extend(bytes);
    }
    let table = elf.len() as u64;
    elf[0x28..0x30].copy_from_slice(&table.to_le_bytes());
    elf[0x3c..0x3e].copy_from_slice(&2u16.to_le_bytes());
    elf.extend(headers);
    elf
}

#[test]
fn drivers_get_the_firmware_that_they_ask_for() {
    let (cards, radios) = ("card/new.bin card/v2.bin disk-1.bin", "radio.bin");
    let packages = ["firmware-radios".to_owned()].into();
    let cases = [
        (Firmware::default(), cards.to_owned()),
        (Firmware::all(), format!("{cards} {radios}")),
        // Stage 0's drivers have theirs in any case.
        (
            Firmware {
                packages,
                ..Firmware::none()
            },
            format!("disk-1.bin {radios}"),
        ),
    ];
    for (firmware, expected) in cases {
        let folder = tempfile::tempdir().expect("temporary folder");
        let base = with_firmware(folder.path(), firmware.clone());
        let listed = tools::list(base.root.as_ref().expect("a root image"));
        let below = |start: &str| -> Vec<&str> {
            let paths = listed
                .iter()
                .filter(|(_, listed)| !listed.mode.starts_with('d'));
            paths
                .filter_map(|(path, _)| path.strip_prefix(start))
                .collect()
        };
        assert_eq!(
            below("/usr/lib/firmware/").join(" "),
            expected,
            "{firmware}"
        );
        let has_radio = expected.contains(radios);
        let doc = below("/usr/share/doc/");
        assert!(
            doc.contains(&"firmware-cards/copyright"),
            "{firmware}: {doc:?}"
        );
        assert_eq!(
            doc.contains(&"firmware-radios/copyright"),
            has_radio,
            "{firmware}: {doc:?}"
        );
        // A driver of a class that is not asked for is left out.
        let radio = format!("/usr/lib/modules/{RELEASE}/kernel/drivers/net/wireless/radio.ko");
        let classes = &firmware.classes;
        assert_eq!(
            listed.contains_key(&radio),
            classes.contains(&FirmwareClass::Wifi)
        );
    }
}

/// The kernel looks for microcode in an uncompressed archive at the start, and unpacks both.
#[test]
fn microcode_comes_before_stage_0() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let base = with_firmware(folder.path(), Firmware::default());
    let unpacked = folder.path().join("front");
    fs::create_dir(&unpacked).expect("mkdir");
    // Cpio stops at the end of the first archive.
    let script = "cd \"$0\" && cpio -i --quiet -d < \"$1\"";
    let arguments = [
        "-c".as_ref(),
        script.as_ref(),
        unpacked.as_os_str(),
        base.initrd.as_os_str(),
    ];
    tools::run("cpio", "sh", &arguments);
    for name in ["AuthenticAMD.bin", "GenuineIntel.bin"] {
        let path = unpacked.join("kernel/x86/microcode").join(name);
        assert_eq!(fs::read(&path).expect(name), b"first, second", "{name}");
    }
    let initrd = fs::File::open(&base.initrd).expect("the initrd");
    let mut found = Vec::new();
    let mut visit = |entry: &Entry, _: &mut dyn std::io::Read| {
        found.push(entry.path.clone());
        Ok(())
    };
    imgbuild::read::archives(initrd, &mut visit).expect("a chain of archives");
    for path in [
        "kernel/x86/microcode/GenuineIntel.bin",
        "init",
        "lib/firmware/disk-1.bin",
    ] {
        assert!(
            found.iter().any(|found| found == path),
            "{path} in {found:?}"
        );
    }
    assert!(!found.iter().any(|path| path.contains("card")), "{found:?}");
}

#[test]
fn firmware_is_the_same_in_two_builds() {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("temporary folder"));
    let builds = folders.each_ref();
    let [first, second] = builds.map(|folder| with_firmware(folder.path(), Firmware::all()));
    assert_eq!(first.id, second.id);
    let hashes = |base: &Base| tools::hashes(base.kernel.parent().expect("a folder"));
    assert_eq!(hashes(&first), hashes(&second));
}
