//! ISOs, as xorriso, genisoimage and the tools for partitions and FAT read them.

use std::fs;

use imgbuild::names::Arch;

use super::{StandIn, assert_has_lines, lines, loaders_of, root_of, run, text};

#[test]
fn xorriso_sees_both_boot_entries_and_the_hybrid_tables() {
    let stand_in = StandIn::new(Arch::Amd64);
    let iso = stand_in.iso("node.iso");
    let report = run(
        "xorriso",
        "xorriso",
        &[
            "-indev",
            text(&iso),
            "-report_el_torito",
            "plain",
            "-report_system_area",
            "plain",
        ],
    );
    for complaint in ["WARNING", "FAILURE", "SORRY", "MISHAP", "FATAL"] {
        assert!(!report.contains(complaint), "{report}");
    }
    assert_has_lines(
        &report,
        &[
            "Boot record : El Torito , MBR isohybrid cyl-align-off GPT",
            "Volume id : 'KUBE1'",
            "El Torito img path : 1 /isolinux/isolinux.bin",
            "El Torito img opts : 1 boot-info-table isohybrid-suitable",
            "GPT partname local : 1 ISO9660",
            "GPT partname local : 2 EFI",
        ],
    );
    let boot_entries: Vec<_> = lines(&report)
        .into_iter()
        .filter(|line| line.starts_with("El Torito boot img"))
        .collect();
    assert!(boot_entries[0].starts_with("El Torito boot img : 1 BIOS y none 0x0000 0x00 4 "));
    assert!(boot_entries[1].starts_with("El Torito boot img : 2 UEFI y none 0x0000 0x00 "));
    assert_eq!(boot_entries.len(), 2);
}

#[test]
fn an_arm64_image_has_uefi_alone() {
    let stand_in = StandIn::new(Arch::Arm64);
    let iso = stand_in.iso("node.iso");
    let report = run(
        "xorriso",
        "xorriso",
        &["-indev", text(&iso), "-report_el_torito", "plain"],
    );
    assert!(report.contains(" UEFI "), "{report}");
    assert!(!report.contains(" BIOS "), "{report}");
    let names = run("genisoimage", "isoinfo", &["-R", "-f", "-i", text(&iso)]);
    assert_has_lines(
        &names,
        &["/EFI/BOOT/BOOTAA64.EFI", "/EFI/BOOT/grubaa64.efi"],
    );
}

#[test]
fn both_trees_hold_the_files_and_rock_ridge_their_modes() {
    let stand_in = StandIn::new(Arch::Amd64);
    let iso = stand_in.iso("node.iso");
    let expected = [
        "/.disk/info",
        "/EFI/BOOT/BOOTX64.EFI",
        "/EFI/BOOT/grubx64.efi",
        "/EFI/BOOT/mmx64.efi",
        "/boot/grub/grub.cfg",
        "/boot/initrd",
        "/boot/payload.cpio",
        "/boot/vmlinuz",
        "/imgbuild/base-id",
        "/imgbuild/root.squashfs",
        "/isolinux/isolinux.bin",
        "/isolinux/isolinux.cfg",
        "/isolinux/ldlinux.c32",
    ];
    let rock_ridge = run("genisoimage", "isoinfo", &["-R", "-f", "-i", text(&iso)]);
    assert_has_lines(&rock_ridge, &expected);
    let joliet = run("genisoimage", "isoinfo", &["-J", "-f", "-i", text(&iso)]);
    let joliet = joliet.replace(";1", "");
    assert_has_lines(&joliet, &expected);

    let listing = run("genisoimage", "isoinfo", &["-R", "-l", "-i", text(&iso)]);
    for (name, mode) in [("payload.cpio", "-r--------"), ("vmlinuz", "-r--r--r--")] {
        assert!(
            lines(&listing)
                .iter()
                .any(|line| line.starts_with(mode) && line.ends_with(&format!(" {name}"))),
            "{name} is not {mode} in:\n{listing}"
        );
    }

    let tree = stand_in.path("tree");
    run(
        "xorriso",
        "xorriso",
        &[
            "-osirrox",
            "on",
            "-indev",
            text(&iso),
            "-extract",
            "/",
            text(&tree),
        ],
    );
    let base = &stand_in.base;
    for (name, source) in [
        ("boot/vmlinuz", &base.kernel),
        ("boot/initrd", &base.initrd),
        ("imgbuild/root.squashfs", root_of(base)),
        ("EFI/BOOT/BOOTX64.EFI", &loaders_of(base).shim),
        ("EFI/BOOT/grubx64.efi", &loaders_of(base).grub),
        ("EFI/BOOT/mmx64.efi", &loaders_of(base).mok_manager),
    ] {
        assert!(
            fs::read(tree.join(name)).expect("extracted") == fs::read(source).expect("there"),
            "{name}"
        );
    }
    assert_eq!(
        fs::read_to_string(tree.join("imgbuild/base-id")).expect("extracted"),
        format!("{}\n", base.id)
    );
    let config = fs::read_to_string(tree.join("boot/grub/grub.cfg")).expect("extracted");
    assert!(
        config.contains(
            "linux /boot/vmlinuz 'console=tty0' 'console=ttyS0,115200n8' 'imgbuild.test=1,2;3'"
        ),
        "{config}"
    );
}

#[test]
fn partition_tools_find_nothing_to_complain_about() {
    for arch in [Arch::Amd64, Arch::Arm64] {
        let stand_in = StandIn::new(arch);
        let iso = stand_in.iso("node.iso");
        let verdict = run("gdisk", "sgdisk", &["-v", text(&iso)]);
        assert!(verdict.contains("No problems found"), "{verdict}");
        assert!(!verdict.contains("Caution"), "{verdict}");
        assert!(!verdict.contains("Warning"), "{verdict}");
    }
}

#[test]
fn the_efi_system_partition_is_a_sound_fat16_with_the_boot_loaders() {
    let stand_in = StandIn::new(Arch::Amd64);
    let iso = stand_in.iso("node.iso");
    let info = run("gdisk", "sgdisk", &["-i", "2", text(&iso)]);
    let number = |label: &str| -> u64 {
        lines(&info)
            .iter()
            .find_map(|line| line.strip_prefix(label))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("no `{label}` in {info}"))
    };
    assert!(info.contains("EFI system partition"), "{info}");
    let (first, last) = (number("First sector:"), number("Last sector:"));

    let image = format!("{}@@{}", text(&iso), first * 512);
    let listing = run("mtools", "mdir", &["-b", "-/", "-i", &image]);
    // Names of eight and three characters have no case on FAT.
    assert_has_lines(
        &listing.to_uppercase(),
        &[
            "::/EFI/BOOT/BOOTX64.EFI",
            "::/EFI/BOOT/GRUBX64.EFI",
            "::/EFI/BOOT/MMX64.EFI",
            "::/BOOT/GRUB/GRUB.CFG",
        ],
    );
    let copy = stand_in.path("copy.efi");
    run(
        "mtools",
        "mcopy",
        &["-i", &image, "::/EFI/BOOT/grubx64.efi", text(&copy)],
    );
    assert!(
        fs::read(copy).expect("copied")
            == fs::read(&loaders_of(&stand_in.base).grub).expect("there")
    );

    let bytes = fs::read(&iso).expect("there");
    let range = usize::try_from(first * 512).expect("small")
        ..usize::try_from((last + 1) * 512).expect("small");
    let esp = stand_in.path("esp.fat");
    fs::write(&esp, &bytes[range]).expect("written");
    let verdict = run("dosfstools", "fsck.fat", &["-n", "-v", text(&esp)]);
    assert!(verdict.contains("2 FATs, 16 bit entries"), "{verdict}");
    for complaint in ["dirty", "differ", "Wrong", "Unused", "Reclaim"] {
        assert!(!verdict.contains(complaint), "{verdict}");
    }
}
