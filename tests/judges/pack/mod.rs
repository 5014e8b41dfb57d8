//! What the packers write, as the programs read it that have to.
//!
//! Debian packages that must be there: cpio dnsmasq-base dosfstools gdisk genisoimage gzip isolinux
//! mtools syslinux-common xorriso zstd.

mod iso;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use imgbuild::base::{Base, BootLoaders, Isolinux};
use imgbuild::names::{Arch, Hostname, MacAddr};
use imgbuild::pack::{
    self, BootRecord, CONFIG_PATH, Card, Compression, Machine, MachinesOfBase, Payload,
};
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
            verity: None,
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

    /// `machines` that boot this base.
    fn with<'a>(&self, machines: Vec<Machine<'a>>) -> MachinesOfBase<'a> {
        MachinesOfBase {
            base: self.base.clone(),
            machines,
        }
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
        removed_kernel_arguments: &[],
        cards: &[Card {
            mac,
            address: Some("192.168.7.11/24".parse().expect("valid")),
            gateway: Some("192.168.7.1".parse().expect("valid")),
        }],
    })
}

/// The client system architectures of BIOS and of UEFI on arm64 (RFC 4578 §2.1), in hexadecimal.
const BIOS: &str = "0000";
const UEFI_ARM64: &str = "000b";

/// What dnsmasq, with `settings`, gives a machine of the architecture `client` that boots from a
/// card with that MAC address: its address, mask, router, name and boot file; nothing if it gives
/// nothing. In a network of their own. Needs the Debian packages busybox-static, dnsmasq-base,
/// iproute2 and util-linux.
fn leased(settings: &Path, client: &str, mac: &str) -> String {
    let script = r#"
mount -t tmpfs none /run
cp "$1" /run/dnsmasq.conf
ip link set lo up
ip link add server type veth peer card
ip address add 192.168.7.1/24 dev server
ip link set server up
ip link set card address "$2" up
touch /run/log
dnsmasq --no-daemon --conf-file=/run/dnsmasq.conf --tftp-root=/run --interface=server --user=root \
    --pid-file=/run/pid --dhcp-leasefile=/run/leases 2>> /run/log &
until grep -q 'DHCP, ' /run/log; do sleep 0.05; done
printf '#!/bin/sh\n[ "$1" != bound ] || echo $ip $subnet $router $hostname ${boot_file:-$bootfile}\n' > /run/told
chmod +x /run/told
busybox udhcpc -i card -f -q -n -t 3 -T 2 -s /run/told -O hostname -O bootfile -x "0x5d:$3" 2> /run/client || true
kill $!
"#;
    run(
        "util-linux",
        "unshare",
        &[
            "--user",
            "--map-root-user",
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-uc",
            script,
            "sh",
            text(settings),
            mac,
            client,
        ],
    )
    .trim()
    .to_owned()
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
            pack::pxe(&folder, &[stand_in.with(vec![machine])], &Silent)
        })
    };
    pack_folder().expect("packed");
    let settings = run(
        "dnsmasq-base",
        "dnsmasq",
        &["--test", "-C", text(&folder.join("dnsmasq.conf"))],
    );
    assert!(settings.contains("syntax check OK"), "{settings}");
    assert_eq!(
        leased(&folder.join("dnsmasq.conf"), BIOS, "52:54:00:12:34:56"),
        "192.168.7.11 255.255.255.0 192.168.7.1 kube1 undionly.kpxe"
    );
    assert_eq!(
        leased(&folder.join("dnsmasq.conf"), BIOS, "52:54:00:12:34:57"),
        ""
    );
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
        let twice = stand_in.with(vec![machine, machine]);
        let error = pack::pxe(&folder, &[twice], &Silent).expect_err("refused");
        assert_eq!(error.to_string(), "two nodes are named kube1");
    });
}

#[test]
fn a_pxe_folder_of_several_bases_gives_each_machine_its_own() {
    let amd64 = StandIn::new(Arch::Amd64);
    let arm64 = StandIn::new(Arch::Arm64);
    let folder = amd64.path("out");
    let (payload, names) = (payload(), ["pc", "board", "other"].map(parsed));
    let cards = [1, 2, 3].map(|number| {
        [Card {
            mac: format!("52:54:00:12:34:0{number}").parse().expect("valid"),
            address: Some(format!("192.168.7.1{number}/24").parse().expect("valid")),
            gateway: None,
        }]
    });
    let machine = |index: usize| Machine {
        hostname: &names[index],
        payload: &payload,
        kernel_arguments: &[],
        removed_kernel_arguments: &[],
        cards: &cards[index],
    };
    let mut newer = arm64.with(vec![machine(2)]);
    newer.base.id = "f".repeat(64);
    let groups = [
        amd64.with(vec![machine(0)]),
        arm64.with(vec![machine(1)]),
        newer,
    ];
    let packed = |groups: &[MachinesOfBase<'_>], found: &[(&str, &str)]| {
        pack::pxe(&folder, groups, &Silent).expect("packed");
        for (node, base) in found {
            let script = fs::read_to_string(folder.join(format!("nodes/{node}.ipxe")));
            let script = script.expect("there");
            for file in [
                "kernel ../bases/KIND/vmlinuz ",
                "initrd ../bases/KIND/initrd.img\n",
            ] {
                let line = file.replace("KIND", base);
                assert!(script.contains(&line), "{line}: {script}");
            }
            for file in ["vmlinuz", "initrd.img"] {
                assert!(
                    folder.join("bases").join(base).join(file).is_file(),
                    "{base}"
                );
            }
        }
        assert!(!folder.join("vmlinuz").exists());
    };
    packed(&groups[..2], &[("pc", "amd64"), ("board", "arm64")]);
    packed(
        &groups,
        &[
            ("pc", "amd64"),
            ("board", "arm64-0123456789ab"),
            ("other", "arm64-ffffffffffff"),
        ],
    );
    let menu = fs::read_to_string(folder.join("boot.ipxe")).expect("there");
    assert!(
        menu.contains("item board board (arm64)\nitem other other (arm64)\nitem pc pc (amd64)\n"),
        "{menu}"
    );
    let settings = folder.join("dnsmasq.conf");
    for (client, mac, given) in [
        (
            BIOS,
            "52:54:00:12:34:01",
            "192.168.7.11 255.255.255.0 192.168.7.1 pc undionly.kpxe",
        ),
        (
            UEFI_ARM64,
            "52:54:00:12:34:02",
            "192.168.7.12 255.255.255.0 192.168.7.1 board ipxe-arm64.efi",
        ),
    ] {
        assert_eq!(leased(&settings, client, mac), given);
    }
}

fn parsed(hostname: &str) -> Hostname {
    hostname.parse().expect("valid")
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
            removed_kernel_arguments: &[],
            cards: &[],
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
