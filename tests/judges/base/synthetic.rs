//! A base of packages that are made up: fast, and with everything that packages can have.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use imgbuild::base::{Base, ensure};
use imgbuild::lock::{Lock, LockedPackage};
use imgbuild::progress::Silent;

use crate::base::packages::{Member, Packing, deb, lock, pinned, publish, request};
use crate::base::tools;

const RELEASE: &str = "6.12.1-test";

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
    let mut system = vec![
        ("usr/", Folder(0o755)),
        ("usr/bin/", Folder(0o755)),
        ("usr/bin/busybox", File(0o755, 0, 0, b"busybox")),
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
    let signed = [
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
    ];
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
        "bin/sh -> busybox",
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

#[test]
fn two_builds_in_two_folders_agree() {
    let folders = [(); 2].map(|()| tempfile::tempdir().expect("temporary folder"));
    let [first, second] = folders.each_ref().map(|folder| build(folder.path()));
    assert_eq!(first.id, second.id);
    let hashes = |base: &Base| tools::hashes(base.kernel.parent().expect("a folder"));
    assert_eq!(hashes(&first), hashes(&second));
}
