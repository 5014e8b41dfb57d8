//! A base of packages that are made up: fast, and with everything that packages can have.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use imgbuild::base::{Base, ensure};
use imgbuild::facts::debian::BaseKind;
use imgbuild::facts::kernel::KernelFlavor;
use imgbuild::lock::{Lock, LockedPackage};
use imgbuild::names::Arch;
use imgbuild::progress::Silent;

use crate::base::packages::{Member, Packing, deb, lock, pinned, publish, request};
use crate::base::tools;

pub const RELEASE: &str = "6.12.1-test";

/// Publishes packages that make a base, and pins them.
pub fn publish_packages(folder: &Path) -> Lock {
    use Member::{File, Folder, HardLink, Symlink};
    let file = |bytes: &'static [u8]| File(0o644, 0, 0, bytes);
    let modules = |name: &str| format!("lib/modules/{RELEASE}/{name}");
    let vmlinuz = format!("boot/vmlinuz-{RELEASE}");
    let (order, builtin, info) = (
        modules("modules.order"),
        modules("modules.builtin"),
        modules("modules.builtin.modinfo"),
    );
    let kernel = [
        (vmlinuz.as_str(), file(b"MZ kernel")),
        (&order, file(b"")),
        (&builtin, file(b"kernel/fs/ext4/ext4.ko\n")),
        (&info, file(b"ext4.alias=fs-ext4\0ext4.license=GPL\0")),
    ];
    let big: Vec<u8> = (0..3_000_000u32)
        .flat_map(|n| (n / 7).to_le_bytes())
        .collect();
    let pam: Vec<(String, String)> = [
        "account",
        "auth",
        "password",
        "session",
        "session-noninteractive",
    ]
    .iter()
    .map(|name| {
        let variable = name.replace("noninteractive", "nonint").replace('-', "_");
        (
            format!("usr/share/pam/common-{name}"),
            format!("# {name}\n${variable}_primary\n"),
        )
    })
    .collect();
    let programs = stage0_programs();
    let mut system = vec![
        ("usr/", Folder(0o755)),
        ("usr/bin/", Folder(0o755)),
        ("usr/bin/busybox", File(0o755, 0, 0, b"busybox")),
        ("usr/sbin/", Folder(0o755)),
        ("usr/lib/os-release", file(b"ID=debian\n")),
        (
            "usr/share/base-passwd/passwd.master",
            file(b"root:*:0:0:root:/root:/bin/bash\n"),
        ),
        (
            "usr/share/base-passwd/group.master",
            file(b"root:*:0:\nshadow:*:42:\nmail:*:8:\n"),
        ),
    ];
    let program = |(path, bytes)| (path, File(0o755, 0, 0, bytes));
    system.extend(
        programs
            .iter()
            .map(|(path, bytes)| program((*path, &bytes[..]))),
    );
    system.extend(
        pam.iter()
            .map(|(path, text)| (path.as_str(), File(0o644, 0, 0, text.as_bytes()))),
    );
    // More than fit in a directory inode of the short form.
    let many: Vec<String> = (0..3000)
        .map(|n| format!("srv/many/a file with a long name, number {n}"))
        .collect();
    let mut odd = vec![
        ("bin/tool", File(0o4755, 0, 42, b"tool")),
        ("bin/same", HardLink("./bin/tool")),
        ("sbin/link", Symlink("../bin/tool")),
        ("tmp/", Folder(0o1777)),
        ("srv/name with space", File(0o600, 5, 7, b"")),
        ("srv/big", File(0o644, 0, 0, &big)),
        ("usr/share/doc/tool/README", file(b"left out")),
        ("etc/nsswitch.conf", file(b"replaced")),
    ];
    odd.extend(many.iter().map(|path| (path.as_str(), file(b"x"))));
    let signed = boot_loaders();
    let publish = |name: &str, packing, members: &[(&str, Member<'_>)]| -> LockedPackage {
        let bytes = deb(packing, members);
        let package = pinned(name, &bytes);
        publish(folder, &package, &bytes);
        package
    };
    lock(
        vec![
            publish("linux", Packing::Xz, &kernel),
            publish("odd", Packing::Gzip, &odd),
            publish("system", Packing::Zstd, &system),
        ],
        vec![publish("signed", Packing::None, &signed)],
    )
}

/// The files of boot loaders.
fn boot_loaders() -> [(&'static str, Member<'static>); 6] {
    let file = |bytes: &'static [u8]| Member::File(0o644, 0, 0, bytes);
    [
        ("usr/lib/shim/shimx64.efi.signed", file(b"MZ shim")),
        ("usr/lib/shim/mmx64.efi.signed", file(b"MZ mm")),
        (
            "usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed",
            file(b"MZ grub"),
        ),
        // Longer than its boot information table.
        ("usr/lib/ISOLINUX/isolinux.bin", file(&[0x90; 4096])),
        ("usr/lib/ISOLINUX/isohdpfx.bin", file(b"mbr")),
        (
            "usr/lib/syslinux/modules/bios/ldlinux.c32",
            file(b"ldlinux"),
        ),
    ]
}

/// What stage 0 takes beside busybox.
fn stage0_programs() -> [(&'static str, Vec<u8>); 3] {
    let loader = "/lib64/ld-linux-x86-64.so.2";
    [
        (
            "usr/sbin/dmsetup",
            linked(None, &["libc.so.6"], Some(loader)),
        ),
        (
            "usr/lib/x86_64-linux-gnu/libc.so.6",
            linked(Some("libc.so.6"), &["ld-linux-x86-64.so.2"], None),
        ),
        (
            "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
            linked(Some("ld-linux-x86-64.so.2"), &[], None),
        ),
    ]
}

/// An ELF file with no more than what the linker wrote of its libraries: its own name, those that
/// it needs, and its loader (System V ABI, "Sections" and "Dynamic Section").
fn linked(name: Option<&str>, needed: &[&str], loader: Option<&str>) -> Vec<u8> {
    let mut strings = b"\0".to_vec();
    let mut dynamic = Vec::new();
    let tags = needed.iter().map(|name| (1u64, *name));
    for (tag, text) in tags.chain(name.map(|name| (14, name))) {
        dynamic.extend(tag.to_le_bytes());
        dynamic.extend((strings.len() as u64).to_le_bytes());
        strings.extend(text.as_bytes());
        strings.push(0);
    }
    let interp = format!("{}\0", loader.unwrap_or_default());
    let names = b"\0.interp\0";
    // The sections: names, dynamic, its strings, the loader.
    let sections: [(u32, u32, u32, &[u8]); 4] = [
        (0, 3, 0, names),
        (0, 6, 2, &dynamic),
        (0, 3, 0, &strings),
        (u32::from(loader.is_some()), 1, 0, interp.as_bytes()),
    ];
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(64, 0);
    let mut headers = Vec::new();
    for (name, kind, link, bytes) in sections {
        let start = headers.len();
        headers.extend(name.to_le_bytes());
        headers.extend(kind.to_le_bytes());
        headers.resize(start + 0x18, 0);
        headers.extend((elf.len() as u64).to_le_bytes());
        headers.extend((bytes.len() as u64).to_le_bytes());
        headers.extend(link.to_le_bytes());
        headers.resize(start + 64, 0);
        elf.extend(bytes);
    }
    let table = elf.len() as u64;
    elf[0x28..0x30].copy_from_slice(&table.to_le_bytes());
    elf[0x3c..0x3e].copy_from_slice(&4u16.to_le_bytes());
    elf.extend(headers);
    elf
}

fn build(folder: &Path) -> Base {
    let mut lock = publish_packages(folder);
    ensure(&request(folder), &mut lock, &Silent).expect("a base")
}

#[test]
fn a_base_has_what_its_packages_have() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let base = build(folder.path());
    let listed = tools::list(base.root.as_ref().expect("a root image"));
    let cases = [
        ("/usr/bin/tool", "-rwsr-xr-x", "0/42", None),
        ("/usr/bin/same", "-rwsr-xr-x", "0/42", None),
        ("/usr/sbin/link", "lrwxrwxrwx", "0/0", Some("../bin/tool")),
        ("/bin", "lrwxrwxrwx", "0/0", Some("usr/bin")),
        ("/tmp", "drwxrwxrwt", "0/0", None),
        ("/srv/name with space", "-rw-------", "5/7", None),
        ("/etc/shadow", "-rw-r-----", "0/42", None),
        ("/etc/nsswitch.conf", "-rw-r--r--", "0/0", None),
        (
            "/usr/lib/modules/6.12.1-test/modules.dep.bin",
            "-rw-r--r--",
            "0/0",
            None,
        ),
    ];
    for (path, mode, owner, target) in cases {
        let found = listed
            .get(path)
            .unwrap_or_else(|| panic!("{path} is not there"));
        assert_eq!(found.mode, mode, "{path}");
        assert_eq!(found.owner, owner, "{path}");
        assert_eq!(found.target.as_deref(), target, "{path}");
    }
    for path in ["/usr/share/doc", "/boot", "/etc/machine-id"] {
        assert!(!listed.contains_key(path), "{path}");
    }

    let tree = folder.path().join("tree");
    tools::unpack(base.root.as_ref().expect("a root image"), &tree, &[]);
    let big = fs::read(tree.join("srv/big")).expect("read");
    assert_eq!(big.len(), 12_000_000);
    assert_eq!(big[11_999_996..], (2_999_999u32 / 7).to_le_bytes());
    assert_eq!(fs::read(tree.join("usr/bin/same")).expect("read"), b"tool");
    let replaced = fs::read_to_string(tree.join("etc/nsswitch.conf")).expect("read");
    assert!(replaced.contains("hosts:"), "{replaced}");
    let os = fs::read_to_string(tree.join("usr/lib/os-release")).expect("read");
    assert!(
        os.starts_with("ID=debian\n") && os.contains(&format!("IMAGE_VERSION={}\n", base.id)),
        "{os}"
    );
    let session = fs::read_to_string(tree.join("etc/pam.d/common-session")).expect("read");
    assert_eq!(
        session,
        "# session\nsession\t[default=1]\t\t\tpam_permit.so\n"
    );

    assert_eq!(fs::read(&base.kernel).expect("read"), b"MZ kernel");
    assert_eq!(
        fs::read(&base.boot_loaders.as_ref().expect("boot loaders").grub).expect("read"),
        b"MZ grub"
    );
    let isolinux = base
        .boot_loaders
        .expect("boot loaders")
        .isolinux
        .expect("amd64 has a BIOS");
    assert_eq!(fs::read(isolinux.mbr).expect("read"), b"mbr");
}

#[test]
fn the_initrd_is_a_cpio_archive() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let base = build(folder.path());
    let packed = fs::read(&base.initrd).expect("read");
    assert_eq!(packed.len() % 4, 0);
    let archive = folder.path().join("initrd.cpio");
    // Zeros follow the frame.
    let mut frame = zstd::Decoder::new(&packed[..])
        .expect("zstd")
        .single_frame();
    let mut bytes = Vec::new();
    frame.read_to_end(&mut bytes).expect("zstd");
    fs::write(&archive, bytes).expect("write");
    let text = tools::run(
        "cpio",
        "cpio",
        &["-itv".as_ref(), "-F".as_ref(), archive.as_os_str()],
    );
    for line in [
        "bin/busybox",
        "bin/dmsetup",
        "bin/sh -> busybox",
        "lib/libc.so.6",
        "lib64/ld-linux-x86-64.so.2",
        "5,   1 Jan  1  1970 dev/console",
        "init",
        "lib/modules/6.12.1-test/modules.dep",
    ] {
        assert!(
            text.lines().any(|found| found.ends_with(line)),
            "{line} in\n{text}"
        );
    }
}

/// Stage 0 could not start the program.
#[test]
fn a_library_that_is_not_listed_stops_the_build() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let kind = BaseKind::new(Arch::Amd64, KernelFlavor::Cloud);
    let mut base = publish_packages(folder.path())
        .base(&kind)
        .expect("pinned")
        .clone();
    let program = linked(None, &["libnew.so.2"], None);
    let member = [("usr/sbin/dmsetup", Member::File(0o755, 0, 0, &program))];
    let bytes = deb(Packing::None, &member);
    let package = pinned("zz-dmsetup", &bytes);
    publish(folder.path(), &package, &bytes);
    base.packages.push(package);
    let mut lock = Lock::default();
    lock.set_base(&kind, base);
    let error = ensure(&request(folder.path()), &mut lock, &Silent).expect_err("refused");
    let error = format!("{error:#}");
    assert!(
        error.contains("/usr/sbin/dmsetup needs libnew.so.2"),
        "{error}"
    );
}

#[test]
fn two_builds_in_two_folders_agree() {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("temporary folder"));
    let [first, second] = folders.each_ref().map(|folder| build(folder.path()));
    assert_eq!(first.id, second.id);
    let hashes = |base: &Base| tools::hashes(base.kernel.parent().expect("a folder"));
    assert_eq!(hashes(&first), hashes(&second));
}
