//! Artifacts read back: those that the packers write, those of other programs, damaged ones.
//!
//! Debian packages that must be there: cpio genisoimage gzip xorriso xz-utils zstd.

use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use imgbuild::base::{Base, BootLoaders};
use imgbuild::extensions::{Extension, ExtensionForm};
use imgbuild::formats::Damaged;
use imgbuild::formats::cpio::Archive;
use imgbuild::formats::iso9660::read::Iso;
use imgbuild::names::{Arch, Hostname};
use imgbuild::pack::{self, CONFIG_PATH, Compression, Format, Machine, Payload};
use imgbuild::progress::Silent;
use imgbuild::read::{archives, artifact};
use proptest::prelude::*;
use tempfile::TempDir;

const CONFIG: &[u8] = br#"{"ignition":{"version":"3.3.0"}}"#;

/// A base of made-up files, with a stage 0 that is a compressed archive as the real one's.
fn base(folder: &Path) -> Base {
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let mut stage0 = Archive::new(Vec::new());
    stage0.file("init", 0o755, &[b'#'; 5000]).unwrap();
    let stage0 = zstd::bulk::compress(&stage0.finish().unwrap(), 3).unwrap();
    Base {
        id: "0123456789abcdef".repeat(4),
        arch: Arch::Arm64,
        kernel: file("vmlinuz", &[1; 3001]),
        initrd: file("initrd", &stage0),
        root: Some(file("root.squashfs", &[2; 15_005])),
        verity: None,
        root_initrd: None,
        boot_loaders: Some(BootLoaders {
            shim: file("shim.efi", &[3; 9007]),
            mok_manager: file("mm.efi", &[4; 8009]),
            grub: file("grub.efi", &[5; 2011]),
            isolinux: None,
        }),
        kernel_arguments: vec![
            format!("imgbuild.base={}", "0123456789abcdef".repeat(4)),
            "console=tty0".into(),
        ],
        extensions: vec![Extension {
            name: "kubernetes",
            id: "1".repeat(64),
            file: file("kubernetes.squashfs", &[6; 7001]),
            form: ExtensionForm::Image,
            verity: None,
        }],
    }
}

fn payload() -> Payload {
    Payload {
        config_path: CONFIG_PATH,
        config: CONFIG.to_vec(),
        network: vec![("10-a.network".into(), b"[Match]\nName=a\n".to_vec())],
        ..Payload::default()
    }
}

/// An artifact of each format.
const NAMES: [&str; 6] = [
    "node.ign",
    "node.iso",
    "node.initrd",
    "node.cpio",
    "node.cpio.gz",
    "node.cpio.zst",
];

/// An artifact of each format, by name.
fn artifacts(folder: &Path) -> Vec<(&'static str, PathBuf)> {
    NAMES.map(|name| (name, make(folder, name))).into()
}

/// One artifact.
fn make(folder: &Path, name: &str) -> PathBuf {
    let base = base(folder);
    let hostname: Hostname = "kube1".parse().unwrap();
    let arguments = ["imgbuild.test=1,2;3".to_owned()];
    let machine = Machine {
        hostname: &hostname,
        payload: &payload(),
        kernel_arguments: &arguments,
        removed_kernel_arguments: &[],
        cards: &[],
    };
    let path = folder.join(name);
    let mut file = File::create(&path).unwrap();
    let out = &mut file;
    match name {
        "node.ign" => out.write_all(CONFIG).unwrap(),
        "node.iso" => pack::iso(out, &base, &machine, &Silent).unwrap(),
        "node.initrd" => pack::initrd(out, &base, Some(&machine), &Silent).unwrap(),
        "node.cpio" => pack::payload(out, &payload(), Compression::None).unwrap(),
        "node.cpio.gz" => pack::payload(out, &payload(), Compression::Gzip).unwrap(),
        _ => pack::payload(out, &payload(), Compression::Zstd).unwrap(),
    }
    path
}

#[test]
fn every_artifact_of_ours_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    for (name, path) in artifacts(folder.path()) {
        let found = artifact(&path).unwrap();
        assert_eq!(found.config, CONFIG, "{name}");
        let (kind, has_base) = match name {
            "node.ign" => (Format::Ignition, false),
            "node.iso" => (Format::Iso, true),
            "node.initrd" => (Format::Initrd, true),
            _ => (Format::Payload(Compression::None), false),
        };
        assert_eq!(found.format, kind, "{name}");
        if kind != Format::Ignition {
            assert_eq!(found.network["10-a.network"], b"[Match]\nName=a\n");
        }
        let extensions: &[&str] = if has_base { &["kubernetes"] } else { &[] };
        assert_eq!(found.extensions, extensions, "{name}");
        if has_base {
            let id = "0123456789abcdef".repeat(4);
            let base = format!("imgbuild.base={id}");
            let arguments = [&base, "console=tty0", "imgbuild.test=1,2;3"];
            assert_eq!(found.kernel_arguments.unwrap(), arguments, "{name}");
            assert_eq!(found.base.unwrap(), id, "{name}");
        }
    }
}

/// Runs a program of `package` in `folder`.
fn run(folder: &Path, package: &str, program: &str, arguments: &[&str]) -> Vec<u8> {
    let done = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stderr(Stdio::piped())
        .output()
        .unwrap_or_else(|e| panic!("starting {program} (Debian package {package}): {e}"));
    let complaint = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program}: {complaint}");
    done.stdout
}

/// A folder `tree` with a config and a file in a folder, whose names are no standard's.
fn tree() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("tree/Deep.folder");
    fs::create_dir_all(&deep).unwrap();
    fs::write(folder.path().join("tree/config.json"), CONFIG).unwrap();
    fs::write(deep.join("some-Long_name.with.dots"), "found\n").unwrap();
    // A directory of several sectors.
    for index in 0..100 {
        fs::write(folder.path().join(format!("tree/file{index:02}")), "x").unwrap();
    }
    folder
}

#[test]
fn images_of_other_writers_are_read() {
    let folder = tree();
    let deep = "Deep.folder/some-Long_name.with.dots";
    for (name, program, arguments, path) in [
        ("Rock Ridge", "genisoimage", &["-quiet", "-R"][..], deep),
        ("Joliet", "genisoimage", &["-quiet", "-J"], deep),
        ("both", "genisoimage", &["-quiet", "-R", "-J"], deep),
        (
            "neither",
            "genisoimage",
            &["-quiet", "-l"],
            "deep.folder/some_long_name_with.dots",
        ),
        (
            "xorriso",
            "xorriso",
            &["-as", "mkisofs", "-quiet", "-R"],
            deep,
        ),
    ] {
        let arguments = [arguments, &["-V", "config", "-o", "made.iso", "tree"]].concat();
        run(folder.path(), program, program, &arguments);
        let image = folder.path().join("made.iso");
        let iso = Iso::open(File::open(&image).unwrap()).unwrap();
        assert_eq!(iso.volume_id, "config", "{name}");
        assert_eq!(iso.list("").unwrap().len(), 102, "{name}");
        assert_eq!(iso.read(path, 100).unwrap().unwrap(), b"found\n", "{name}");
        assert!(iso.read("Deep.folder/none", 100).unwrap().is_none());
        assert!(iso.read("config.json/none", 100).unwrap().is_none());
        assert!(iso.read("config.json", 3).is_err());
        let found = artifact(&image).unwrap();
        assert_eq!(
            (found.format, &found.config[..]),
            (Format::ConfigIso, CONFIG),
            "{name}"
        );
    }
}

#[test]
fn a_chain_of_archives_of_other_writers_is_read() {
    let folder = tree();
    let pack = "cd tree && printf '%s\\n' ./config.json Deep.folder/* | cpio -o -H newc --quiet";
    let archive = run(folder.path(), "cpio", "sh", &["-c", pack]);
    fs::write(folder.path().join("archive"), &archive).unwrap();
    let gzip = run(folder.path(), "gzip", "gzip", &["-c", "archive"]);
    let zstd = run(folder.path(), "zstd", "zstd", &["-qc", "archive"]);
    let xz = run(
        folder.path(),
        "xz-utils",
        "xz",
        &["-c", "--check=crc32", "archive"],
    );
    let checked = String::from_utf8_lossy(&archive).replace("070701", "070702");
    let chain = [
        &archive[..],
        &[0; 4096],
        &gzip,
        &[0; 3],
        &zstd,
        &xz,
        &[0; 1],
        checked.as_bytes(),
        &[0; 512],
    ];
    let mut found = Vec::new();
    archives(Cursor::new(chain.concat()), &mut |entry, contents| {
        let mut text = Vec::new();
        // Every other file is left unread.
        if entry.path == "config.json" {
            contents.read_to_end(&mut text).unwrap();
            assert_eq!(text, CONFIG);
        }
        found.push(entry.path.clone());
        Ok(())
    })
    .unwrap();
    let once = ["config.json", "Deep.folder/some-Long_name.with.dots"];
    assert_eq!(found, once.repeat(5));
}

/// Of two files with one name the kernel keeps the last.
#[test]
fn the_last_payload_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain");
    let mut out = File::create(&path).unwrap();
    for config in ["{\"first\":1}", "{\"last\":1}"] {
        let payload = Payload {
            config: config.into(),
            ..Payload::default()
        };
        pack::payload(&mut out, &payload, Compression::Gzip).unwrap();
    }
    assert_eq!(artifact(&path).unwrap().config, b"{\"last\":1}");
}

fn is_damage(path: &Path) -> bool {
    artifact(path).is_err_and(|error| error.downcast_ref::<Damaged>().is_some())
}

#[test]
fn what_is_cut_short_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut");
    for (name, path) in artifacts(folder.path()) {
        if name == "node.ign" {
            continue;
        }
        let whole = fs::read(&path).unwrap();
        // The config is in the last part of each but the ISO, which has boot images behind it.
        let end = match name {
            "node.iso" => whole
                .windows(CONFIG.len())
                .position(|w| w == CONFIG)
                .unwrap(),
            _ => whole.len(),
        };
        for part in 0..32 {
            fs::write(&cut, &whole[..end * part / 32]).unwrap();
            assert!(is_damage(&cut), "{name} cut at {part}/32");
        }
    }
}

#[test]
fn what_is_none_of_ours_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let bomb = {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let zeros = vec![0; 1 << 20];
        for _ in 0..2100 {
            gzip.write_all(&zeros).unwrap();
        }
        gzip.finish().unwrap()
    };
    let mut other = Archive::new(Vec::new());
    other.file("etc/hostname", 0o644, b"x").unwrap();
    for (name, bytes) in [
        ("nothing", Vec::new()),
        ("zeros", vec![0; 5000]),
        ("text", b"version: 1\n".to_vec()),
        ("white space", b"  \n".to_vec()),
        ("another archive", other.finish().unwrap()),
        ("a bomb", bomb),
    ] {
        fs::write(&path, bytes).unwrap();
        assert!(is_damage(&path), "{name}");
    }
    let missing = artifact(&folder.path().join("missing")).unwrap_err();
    assert!(missing.downcast_ref::<Damaged>().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Damage anywhere ends in an answer.
    #[test]
    fn no_damage_is_a_panic(
        kind in 0_usize..6,
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = make(folder.path(), NAMES[kind]);
        let mut bytes = fs::read(&path).unwrap();
        // Where the structure of an ISO is, rather than anywhere in its files.
        let length = bytes.len().min(80 << 10);
        for (place, byte) in places {
            let start = if kind == 1 { 32 << 10 } else { 0 };
            let at = if length > start { start + place.index(length - start) } else { place.index(length) };
            bytes[at] = byte;
        }
        fs::write(&path, bytes).unwrap();
        let _ = artifact(&path);
    }
}
