//! Bootable ISOs and initrds of a made-up base, with one byte changed in each of their parts.

use std::fs::{self, File};
use std::path::Path;

use imgbuild::base::{Base, BootLoaders};
use imgbuild::extensions::{Extension, ExtensionForm};
use imgbuild::formats::cpio::Archive;
use imgbuild::names::{Arch, Hostname};
use imgbuild::pack::{self, CONFIG_PATH, Machine, Payload};
use imgbuild::progress::Silent;
use imgbuild::verify::{Verdict, compare};
use proptest::prelude::*;

const CONFIG: &str = r#"{"ignition":{"version":"3.3.0"},"storage":{"files":[{"path":"/etc/motd","mode":420,"contents":{"source":"data:,hello"}}]}}"#;

/// A base of made-up files; each is filled with a byte of its own.
fn base(folder: &Path) -> Base {
    let file = |name: &str, byte: u8, length: usize| {
        let path = folder.join(name);
        fs::write(&path, vec![byte; length]).unwrap();
        path
    };
    let mut stage0 = Archive::new(Vec::new());
    stage0.file("init", 0o755, &[b'#'; 5000]).unwrap();
    fs::write(folder.join("initrd"), stage0.finish().unwrap()).unwrap();
    Base {
        id: "0123456789abcdef".repeat(4),
        arch: Arch::Amd64,
        kernel: file("vmlinuz", b'K', 3001),
        initrd: folder.join("initrd"),
        root: Some(file("root.squashfs", b'R', 15_005)),
        verity: None,
        root_initrd: None,
        boot_loaders: Some(BootLoaders {
            shim: file("shim.efi", b'S', 9007),
            mok_manager: file("mm.efi", b'M', 8009),
            grub: file("grub.efi", b'G', 2011),
            isolinux: None,
        }),
        kernel_arguments: vec!["console=tty0".into()],
        extensions: vec![Extension {
            name: "kubernetes",
            id: "1".repeat(64),
            file: file("kubernetes.squashfs", b'X', 7001),
            form: ExtensionForm::Image,
            verity: None,
        }],
    }
}

fn make(folder: &Path, name: &str, config: &str, arguments: &[String]) {
    let base = base(folder);
    let hostname: Hostname = "kube1".parse().unwrap();
    let payload = Payload {
        config_path: CONFIG_PATH,
        config: config.into(),
        network: vec![("10-a.network".into(), b"[Match]\nName=a\n".to_vec())],
        ..Payload::default()
    };
    let machine = Machine {
        hostname: &hostname,
        payload: &payload,
        kernel_arguments: arguments,
        removed_kernel_arguments: &[],
        cards: &[],
    };
    let mut out = File::create(folder.join(name)).unwrap();
    if name.ends_with("iso") {
        pack::iso(&mut out, &base, &machine, &Silent).unwrap();
    } else {
        pack::initrd(&mut out, &base, Some(&machine), &Silent).unwrap();
    }
}

fn lines(folder: &Path, found: &str, built: &str) -> Vec<String> {
    match compare(&folder.join(found), &folder.join(built)).unwrap() {
        Verdict::Differs(lines) => lines,
        other => panic!("{other:?}"),
    }
}

fn position(bytes: &[u8], text: &[u8]) -> usize {
    bytes
        .windows(text.len())
        .position(|window| window == text)
        .unwrap()
}

/// Changes one byte of the image at each of `places` and expects a line that starts with the words
/// beside it.
fn each_byte_is_named(name: &str, places: impl Fn(&[u8]) -> Vec<(usize, &'static str)>) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    make(folder, name, CONFIG, &["lab=1".to_owned()]);
    fs::copy(folder.join(name), folder.join("copy")).unwrap();
    let same = compare(&folder.join("copy"), &folder.join(name)).unwrap();
    assert_eq!(same, Verdict::Same);
    let whole = fs::read(folder.join(name)).unwrap();
    for (at, expected) in places(&whole) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(folder.join("copy"), bytes).unwrap();
        let lines = lines(folder, "copy", name);
        assert!(
            lines.iter().any(|line| line.starts_with(expected)),
            "{at}, {expected}: {lines:?}"
        );
        // One byte is in one part.
        assert!(lines.len() <= 4, "{at}, {expected}: {lines:?}");
    }
    // All that a node can differ by, without naming the base.
    let other = format!("other.{}", name.rsplit('.').next().unwrap());
    make(
        folder,
        &other,
        &CONFIG.replace("hello", "there"),
        &["lab=2".to_owned()],
    );
    let lines = lines(folder, &other, name);
    for expected in [
        "- kernel argument lab=1",
        "+ kernel argument lab=2",
        "~ file /etc/motd",
        "    -hello",
    ] {
        assert!(
            lines.iter().any(|line| line == expected),
            "{expected}: {lines:?}"
        );
    }
    for other in ["root image", "the kernel (", "extension "] {
        assert!(
            !lines.iter().any(|line| line.contains(other)),
            "{other}: {lines:?}"
        );
    }
    // Cut short.
    fs::write(folder.join("copy"), &whole[..whole.len() / 2]).unwrap();
    assert!(!self::lines(folder, "copy", name).is_empty());
}

#[test]
fn an_iso() {
    each_byte_is_named("node.iso", |image| {
        let at = |text: &[u8]| position(image, text);
        let esp = at(b"FAT");
        let descriptor = at(b"\x01CD001") + 200;
        vec![
            (440, "~ boot code and partition table"),
            (600, "~ boot code and partition table"),
            (descriptor, "~ the bytes between its files"),
            (at(b"KUBE1"), "~ volume KUBE1 -> JUBE1"),
            (
                at(&[b'K'; 3001]) + 5,
                "~ the kernel (boot/vmlinuz): differs from byte 5 on",
            ),
            (at(&[b'#'; 5000]) + 5, "~ the base's initrd (boot/initrd)"),
            (
                at(&[b'R'; 15_005]) + 9,
                "~ the base's root image (imgbuild/root.squashfs)",
            ),
            (
                at(&[b'X'; 7001]),
                "~ extension imgbuild/extensions/kubernetes",
            ),
            (at(b"data:,hello") + 6, "~ file /etc/motd"),
            (
                at(b"Name=a") + 5,
                "~ network file imgbuild/network/10-a.network: contents differ",
            ),
            (
                at(b"set timeout=1") + 4,
                "~ the boot menu (boot/grub/grub.cfg)",
            ),
            (esp, "~ the EFI system partition"),
        ]
    });
}

#[test]
fn an_initrd() {
    each_byte_is_named("node.initrd", |image| {
        let at = |text: &[u8]| position(image, text);
        vec![
            (at(&[b'#'; 5000]) + 5, "~ file init: contents differ"),
            (
                at(&[b'R'; 15_005]) + 9,
                "~ the base's root image (imgbuild/root.squashfs): contents differ",
            ),
            (
                at(&[b'X'; 7001]),
                "~ extension imgbuild/extensions/kubernetes",
            ),
            (at(b"data:,hello") + 6, "~ file /etc/motd"),
            (
                at(b"Name=a") + 5,
                "~ network file imgbuild/network/10-a.network: contents differ",
            ),
            (at(b"lab=1"), "- kernel argument lab=1"),
        ]
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whatever is damaged: a difference, no panic and no failure.
    #[test]
    fn any_damage_is_a_difference(
        is_iso: bool,
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let name = if is_iso { "node.iso" } else { "node.initrd" };
        make(folder, name, CONFIG, &[]);
        let whole = fs::read(folder.join(name)).unwrap();
        let mut bytes = whole.clone();
        for (place, byte) in places {
            // Where the structure of an ISO is, rather than anywhere in its files.
            let (start, end) = if is_iso { (32 << 10, 80 << 10) } else { (0, bytes.len()) };
            let end = end.min(bytes.len());
            bytes[start + place.index(end - start)] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        fs::write(folder.join("copy"), &bytes).unwrap();
        let verdict = compare(&folder.join("copy"), &folder.join(name)).unwrap();
        prop_assert_eq!(verdict == Verdict::Same, bytes == whole);
    }
}
