//! What the packers write, as the programs read it that have to.
//!
//! Debian packages that must be there: cpio dnsmasq-base dosfstools gdisk genisoimage gzip isolinux
//! mtools syslinux-common xorriso zstd.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use imgbuild::base::{Base, BootLoaders, Isolinux};
use imgbuild::names::{Arch, Hostname, MacAddr};
use imgbuild::pack::{self, BootRecord, CONFIG_PATH, Compression, Machine, Payload};
use imgbuild::progress::Silent;
use tempfile::TempDir;

/// A base of made-up files, but for the BIOS boot loader, which xorriso knows when it sees it.
struct StandIn {
    folder: TempDir,
    base: Base,
}

impl StandIn {
    fn new(arch: Arch) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        // Lengths that are no multiples of anything.
        let file = |name: &str, length: u32| {
            let path = folder.path().join(name);
            let seed = u32::try_from(name.len()).expect("short");
            let bytes: Vec<u8> = (0..length)
                .map(|i| {
                    i.wrapping_mul(2_654_435_761)
                        .wrapping_add(seed)
                        .to_le_bytes()[2]
                })
                .collect();
            fs::write(&path, bytes).expect("written");
            path
        };
        let system = |path: &str, package: &str| {
            let path = PathBuf::from(path);
            assert!(
                path.exists(),
                "{} is missing: install Debian's package {package}",
                path.display()
            );
            path
        };
        let isolinux = (arch == Arch::Amd64).then(|| Isolinux {
            loader: system("/usr/lib/ISOLINUX/isolinux.bin", "isolinux"),
            ldlinux: system(
                "/usr/lib/syslinux/modules/bios/ldlinux.c32",
                "syslinux-common",
            ),
            mbr: system("/usr/lib/ISOLINUX/isohdpfx.bin", "isolinux"),
        });
        let base = Base {
            id: "0123456789abcdef".repeat(4),
            arch,
            kernel: file("vmlinuz", 300_001),
            initrd: file("initrd", 200_003),
            root: Some(file("root.squashfs", 2_000_005)),
            root_initrd: None,
            boot_loaders: Some(BootLoaders {
                shim: file("shim.efi", 90_007),
                mok_manager: file("mm.efi", 80_009),
                grub: file("grub.efi", 200_011),
                isolinux,
            }),
            kernel_arguments: vec!["console=tty0".into(), "console=ttyS0,115200n8".into()],
            extensions: Vec::new(),
        };
        Self { folder, base }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Packs an ISO of one node into the folder.
    fn iso(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        let mut file = File::create(&path).expect("created");
        with_machine("kube1", |machine| {
            pack::iso(&mut file, &self.base, &machine, &Silent).expect("packed");
        });
        path
    }
}

fn root_of(base: &Base) -> &PathBuf {
    base.root.as_ref().expect("it has one")
}

fn loaders_of(base: &Base) -> &BootLoaders {
    base.boot_loaders.as_ref().expect("it has some")
}

fn payload() -> Payload {
    Payload {
        config_path: CONFIG_PATH,
        config: br#"{"ignition":{"version":"3.3.0"}}"#.to_vec(),
        network: vec![
            ("20-b.network".into(), b"[Match]\nName=b\n".to_vec()),
            ("10-a.network".into(), b"[Match]\nName=a\n".to_vec()),
        ],
        ..Payload::default()
    }
}

fn with_machine<T>(hostname: &str, then: impl FnOnce(Machine<'_>) -> T) -> T {
    let hostname: Hostname = hostname.parse().expect("valid");
    let mac: MacAddr = "52:54:00:12:34:56".parse().expect("valid");
    then(Machine {
        hostname: &hostname,
        payload: &payload(),
        kernel_arguments: &["imgbuild.test=1,2;3".to_owned()],
        macs: &[mac],
    })
}

/// Runs a program of `package` and gives what it printed. Fails where the program does.
fn run(package: &str, program: &str, arguments: &[&str]) -> String {
    run_with(package, program, arguments, &[])
}

fn run_with(package: &str, program: &str, arguments: &[&str], input: &[u8]) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}: install Debian's package {package}"));
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(input)
        .expect("the program reads its input");
    let output = child.wait_with_output().expect("the program ends");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{program} {arguments:?}: {text}");
    text
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Lines with single spaces between words.
fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

fn assert_has_lines(output: &str, expected: &[&str]) {
    let found = lines(output);
    for line in expected {
        assert!(
            found.iter().any(|found| found == line),
            "no line `{line}` in:\n{output}"
        );
    }
}

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

#[test]
fn the_same_input_gives_the_same_bytes_to_a_file_and_to_a_pipe() {
    let one = StandIn::new(Arch::Amd64);
    let other = StandIn::new(Arch::Amd64);
    let first = fs::read(one.iso("first.iso")).expect("there");
    let second = fs::read(other.iso("second.iso")).expect("there");
    assert!(first == second, "two folders");
    let mut streamed = Vec::new();
    with_machine("kube1", |machine| {
        pack::iso(&mut streamed, &one.base, &machine, &Silent).expect("packed");
    });
    assert!(first == streamed, "a stream");
    let mut renamed = Vec::new();
    with_machine("kube2", |machine| {
        pack::iso(&mut renamed, &one.base, &machine, &Silent).expect("packed");
    });
    assert!(first != renamed, "another node");
}

#[test]
fn large_files_start_where_file_systems_can_share_their_blocks() {
    let stand_in = StandIn::new(Arch::Amd64);
    let root = fs::read(root_of(&stand_in.base)).expect("there");
    let mut initrd = Vec::new();
    pack::initrd(&mut initrd, &stand_in.base, None, &Silent).expect("packed");
    for (name, artifact) in [
        ("iso", fs::read(stand_in.iso("node.iso")).expect("there")),
        ("initrd", initrd),
    ] {
        let found = (0..artifact.len())
            .step_by(4096)
            .any(|at| artifact[at..].starts_with(&root));
        assert!(found, "{name}");
    }
}

#[test]
fn a_payload_is_a_cpio_archive_raw_or_compressed() {
    let pack = |compression| {
        let mut bytes = Vec::new();
        pack::payload(&mut bytes, &payload(), compression).expect("packed");
        bytes
    };
    let raw = pack(Compression::None);
    assert_eq!(raw.len() % 4, 0);
    let listing = run_with("cpio", "cpio", &["-itv", "--quiet"], &raw);
    let found: Vec<_> = lines(&listing)
        .into_iter()
        .map(|line| {
            let words: Vec<_> = line.split(' ').collect();
            format!("{} {} {}", words[0], words[2], words[words.len() - 1])
        })
        .collect();
    assert_eq!(
        found,
        [
            "drwxr-xr-x root imgbuild",
            "-rw------- root imgbuild/config.ign",
            "drwxr-xr-x root imgbuild/network",
            "-rw-r--r-- root imgbuild/network/10-a.network",
            "-rw-r--r-- root imgbuild/network/20-b.network",
        ]
    );
    for (package, program, compression) in [
        ("gzip", "gzip", Compression::Gzip),
        ("zstd", "zstd", Compression::Zstd),
    ] {
        let unpacked = run_with(package, program, &["-dc"], &pack(compression));
        assert!(unpacked.as_bytes() == raw, "{program}");
    }
}

#[test]
fn a_full_initrd_is_stage_0_then_the_root_image_then_the_payload() {
    let stand_in = StandIn::new(Arch::Amd64);
    let base = &stand_in.base;
    let (mut full, mut alone, mut payload_alone) = (Vec::new(), Vec::new(), Vec::new());
    with_machine("kube1", |machine| {
        pack::initrd(&mut full, base, Some(&machine), &Silent).expect("packed");
    });
    pack::initrd(&mut alone, base, None, &Silent).expect("packed");
    pack::payload(&mut payload_alone, &payload(), Compression::None).expect("packed");
    let arguments = "console=tty0 console=ttyS0,115200n8";
    for (initrd, arguments) in [
        (&full, format!("{arguments} imgbuild.test=1,2;3")),
        (&alone, arguments.to_owned()),
    ] {
        let record = BootRecord::read(&initrd[..]).expect("comes first");
        assert_eq!(record.base, base.id);
        assert_eq!(record.arch(), Some(base.arch));
        assert_eq!(record.kernel_arguments, arguments);
    }
    // Behind the block with the record.
    let (full, alone) = (&full[4096..], &alone[4096..]);
    let stage0 = fs::read(&base.initrd).expect("there");
    assert!(full.starts_with(&stage0));
    assert!(*full == [alone, &payload_alone].concat());
    assert_eq!(alone.len() % 4, 0);

    let zeros = alone[stage0.len()..]
        .iter()
        .take_while(|&&byte| byte == 0)
        .count();
    let archive = stage0.len() + zeros;
    assert_eq!(
        archive % 4,
        0,
        "the kernel finds raw archives at multiples of four"
    );
    let unpacked = stand_in.path("unpacked");
    fs::create_dir(&unpacked).expect("created");
    run_with(
        "cpio",
        "cpio",
        &["-id", "--quiet", "-D", text(&unpacked)],
        &alone[archive..],
    );
    assert!(
        fs::read(unpacked.join("imgbuild/root.squashfs")).expect("unpacked")
            == fs::read(root_of(base)).expect("there")
    );
}

#[test]
fn a_pxe_folder_has_one_base_and_a_script_and_payload_for_each_node() {
    let stand_in = StandIn::new(Arch::Amd64);
    let folder = stand_in.path("out");
    let pack_folder = || {
        with_machine("kube1", |machine| {
            pack::pxe(&folder, &stand_in.base, &[machine], &Silent)
        })
    };
    pack_folder().expect("packed");
    let settings = run(
        "dnsmasq-base",
        "dnsmasq",
        &["--test", "-C", text(&folder.join("dnsmasq.conf"))],
    );
    assert!(settings.contains("syntax check OK"), "{settings}");
    let payload = folder.join("nodes/kube1.cpio.gz");
    let mode = fs::metadata(&payload).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds secrets");
    let script = fs::read_to_string(folder.join("nodes/kube1.ipxe")).expect("there");
    assert_eq!(
        script,
        "#!ipxe\necho Starting kube1\n\
         kernel ../vmlinuz initrd=initrd.img initrd=kube1.cpio.gz \
         console=tty0 console=ttyS0,115200n8 imgbuild.test=1,2;3\n\
         initrd ../initrd.img\ninitrd kube1.cpio.gz\nboot\n"
    );
    assert_eq!(
        fs::read_to_string(folder.join("machines/52-54-00-12-34-56.ipxe")).expect("there"),
        "#!ipxe\nchain ../nodes/kube1.ipxe\n"
    );
    let mut kernel = Vec::new();
    File::open(folder.join("vmlinuz"))
        .and_then(|mut file| file.read_to_end(&mut kernel))
        .expect("readable");
    assert!(kernel == fs::read(&stand_in.base.kernel).expect("there"));

    pack_folder().expect("replaced");
    with_machine("kube1", |machine| {
        let twice = [machine, machine];
        let error = pack::pxe(&folder, &stand_in.base, &twice, &Silent).expect_err("refused");
        assert_eq!(error.to_string(), "two nodes are named kube1");
    });
}

#[test]
fn what_cannot_be_packed_is_refused() {
    let mut stand_in = StandIn::new(Arch::Amd64);
    let hostname: Hostname = "kube1".parse().expect("valid");
    let long = "x".repeat(2048);
    for (argument, message) in [
        ("a b", "do not pass on unchanged"),
        ("a\nb", "do not pass on unchanged"),
        ("$(x)", "do not pass on unchanged"),
        ("'", "do not pass on unchanged"),
        ("", "do not pass on unchanged"),
        (&long, "the kernel accepts at most 2047"),
    ] {
        let machine = Machine {
            hostname: &hostname,
            payload: &Payload::default(),
            kernel_arguments: &[argument.to_owned()],
            macs: &[],
        };
        let error = pack::iso(&mut Vec::new(), &stand_in.base, &machine, &Silent)
            .expect_err("refused")
            .to_string();
        assert!(error.contains(message), "{argument:?}: {error}");
    }
    stand_in.base.kernel = stand_in.path("no-such-kernel");
    let error = with_machine("kube1", |machine| {
        pack::iso(&mut Vec::new(), &stand_in.base, &machine, &Silent).expect_err("refused")
    });
    assert!(error.to_string().starts_with("opening "), "{error}");
}

#[test]
fn a_full_disk_is_an_error() {
    let stand_in = StandIn::new(Arch::Amd64);
    let mut full = File::options()
        .write(true)
        .open("/dev/full")
        .expect("every Linux has it");
    let error = with_machine("kube1", |machine| {
        pack::iso(&mut full, &stand_in.base, &machine, &Silent).expect_err("refused")
    });
    assert!(format!("{error:#}").contains("No space left"), "{error:#}");
}
