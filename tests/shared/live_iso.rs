//! A small live ISO as Fedora CoreOS' is laid out (`live/` of coreos/fedora-coreos-config): boot
//! menus that hold the kernel's arguments in a marked area, an empty embed area that they load as
//! one more initrd, and the JSON files that say where both are.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use imgbuild::formats::iso9660::{self, Bios, Boot, Content, ESP_ALIGNMENT, Image, Tree};

/// The kernel's arguments that it comes with; its own volume is among them.
pub const ARGUMENTS: &str =
    "mitigations=auto,nosmt coreos.liveiso=live ignition.firstboot ignition.platform.id=metal";

/// Bytes of the embed area, as in the real one.
pub const AREA: usize = 256 << 10;

/// Bytes of the area of arguments.
const ROOM: usize = 1024;

const KERNEL: &str = "images/pxeboot/vmlinuz";
const INITRD: &str = "images/pxeboot/initrd.img";
const CONFIG: &str = "images/ignition.img";
const GRUB_MENU: &str = "EFI/fedora/grub.cfg";
const ISOLINUX_MENU: &str = "isolinux/isolinux.cfg";

/// Where Debian's boot loaders are, for an ISO that boots.
pub struct Loaders {
    /// `isolinux.bin`, `ldlinux.c32` and `isohdpfx.bin`.
    pub isolinux: [std::path::PathBuf; 3],
    /// shim, and GRUB as built for removable media.
    pub efi: [std::path::PathBuf; 2],
}

/// Writes the ISO to `path`. Without `loaders` nothing boots from it.
pub fn write(path: &Path, kernel: &Path, initrd: &Path, loaders: Option<&Loaders>) {
    let mut area = format!("{ARGUMENTS}\n").into_bytes();
    area.resize(ROOM, b'#');
    let area = String::from_utf8(area).unwrap();
    let marked = |before: String, after: &str| {
        let offset = before.len();
        (
            format!("{before}{area} COREOS_KARG_EMBED_AREA\n{after}"),
            offset,
        )
    };
    let (grub, in_grub) = marked(
        format!("set timeout=0\nmenuentry 'live' {{\n\tlinux /{KERNEL} "),
        &format!("\tinitrd /{INITRD} /{CONFIG}\n}}\n"),
    );
    let (isolinux, in_isolinux) = marked(
        format!(
            "SERIAL 0 115200\nDEFAULT linux\nPROMPT 0\nTIMEOUT 0\nLABEL linux\n  KERNEL /{KERNEL}\n  APPEND initrd=/{INITRD},/{CONFIG} "
        ),
        "",
    );
    let described = serde_json::json!({
        "default": ARGUMENTS,
        "size": ROOM,
        "files": [
            { "path": GRUB_MENU, "offset": in_grub, "pad": "#", "end": "\n" },
            { "path": ISOLINUX_MENU, "offset": in_isolinux, "pad": "#", "end": "\n" },
        ],
    });
    let features = serde_json::json!({
        "installer-config": true,
        "installer-config-directives": { "console": true },
        "live-initrd-network": true,
    });
    let mut tree = Tree::new();
    let mut add = |path: &str, content: Content| tree.add(path, 0o444, content).unwrap();
    let text = |text: String| Content::Bytes(text.into_bytes());
    add(KERNEL, Content::open(kernel).unwrap());
    add(INITRD, Content::open(initrd).unwrap());
    add(CONFIG, Content::Bytes(vec![0; AREA]));
    add(GRUB_MENU, text(grub));
    add(ISOLINUX_MENU, text(isolinux));
    add(
        "coreos/igninfo.json",
        text(serde_json::json!({ "file": CONFIG }).to_string()),
    );
    add("coreos/kargs.json", text(described.to_string()));
    add("coreos/features.json", text(features.to_string()));
    let boot = loaders.map(|loaders| {
        // Debian's GRUB looks for its menu on the medium that has the first of these, where it
        // cannot read the partition.
        add(".disk/info", text("live\n".to_owned()));
        add("boot/grub/grub.cfg", text(stub()));
        let [loader, ldlinux, mbr] = &loaders.isolinux;
        let place = "isolinux/isolinux.bin";
        add(place, Content::Bytes(fs::read(loader).unwrap()));
        add("isolinux/ldlinux.c32", Content::open(ldlinux).unwrap());
        Boot {
            bios: Some(Bios {
                loader: place.to_owned(),
                mbr: fs::read(mbr).unwrap(),
            }),
            esp: efi_partition(&path.with_extension("esp"), &loaders.efi),
            identity: [7; 32],
        }
    });
    let mut image = Image {
        volume_id: "live".to_owned(),
        tree,
        rock_ridge: true,
        boot,
    };
    iso9660::write(&mut image, &mut File::create(path).unwrap(), &mut |_| {}).unwrap();
}

/// GRUB's settings that lead to the menu on the ISO.
fn stub() -> String {
    format!("search --no-floppy --file --set=root /{CONFIG}\nconfigfile /{GRUB_MENU}\n")
}

/// A FAT file system with the loaders and a menu that leads to the one on the ISO. Needs the Debian
/// packages dosfstools and mtools.
fn efi_partition(path: &Path, [shim, grub]: &[std::path::PathBuf; 2]) -> Vec<u8> {
    let menu = path.with_extension("cfg");
    fs::write(&menu, stub()).unwrap();
    File::create(path)
        .and_then(|file| file.set_len(ESP_ALIGNMENT * 256))
        .unwrap();
    let run = |program: &str, arguments: &[&str], files: &[&Path]| {
        let run = Command::new(program)
            .args(arguments)
            .args(files)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .output()
            .unwrap_or_else(|why| panic!("{program} (Debian packages dosfstools, mtools): {why}"));
        assert!(run.status.success(), "{program}: {run:?}");
    };
    let image = path.to_str().unwrap();
    run("mkfs.fat", &[], &[path]);
    run(
        "mmd",
        &["-i", image, "::EFI", "::EFI/BOOT", "::boot", "::boot/grub"],
        &[],
    );
    for (file, place) in [
        (shim.as_path(), "::EFI/BOOT/BOOTX64.EFI"),
        (grub.as_path(), "::EFI/BOOT/grubx64.efi"),
        (menu.as_path(), "::boot/grub/grub.cfg"),
    ] {
        run("mcopy", &["-i", image, file.to_str().unwrap(), place], &[]);
    }
    fs::read(path).unwrap()
}
