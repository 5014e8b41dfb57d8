//! Packages made up for the tests, and a mirror that has them.

use std::io::Write as _;
use std::path::Path;

use imgbuild::base::{BaseRequest, Mirror, request_hash};
use imgbuild::cache::Cache;
use imgbuild::facts::debian::BaseKind;
use imgbuild::facts::kernel::KernelFlavor;
use imgbuild::lock::{Archive, Lock, LockedBase, LockedPackage};
use imgbuild::names::Arch;
use sha2::{Digest as _, Sha256};

use crate::base::tools::hex;

/// A member of a package.
#[derive(Debug, Clone, Copy)]
pub enum Member<'a> {
    Folder(u32),
    /// Mode, owner, group, contents.
    File(u32, u64, u64, &'a [u8]),
    Symlink(&'a str),
    HardLink(&'a str),
}

/// How a package's files are compressed.
#[derive(Debug, Clone, Copy)]
pub enum Packing {
    None,
    Gzip,
    Xz,
    Zstd,
}

/// A package file, as `dpkg-deb` would make it.
pub fn deb(packing: Packing, members: &[(&str, Member<'_>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, member) in members {
        let mut header = tar::Header::new_gnu();
        header.set_mtime(1_700_000_000);
        header.set_mode(0o777);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(0);
        let path = format!("./{path}");
        match *member {
            Member::Folder(mode) => {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_mode(mode);
                tar.append_data(&mut header, path, std::io::empty())
            }
            Member::File(mode, uid, gid, bytes) => {
                header.set_mode(mode);
                header.set_uid(uid);
                header.set_gid(gid);
                header.set_size(bytes.len() as u64);
                tar.append_data(&mut header, path, bytes)
            }
            Member::Symlink(target) => {
                header.set_entry_type(tar::EntryType::Symlink);
                tar.append_link(&mut header, path, target)
            }
            Member::HardLink(target) => {
                header.set_entry_type(tar::EntryType::Link);
                tar.append_link(&mut header, path, target)
            }
        }
        .expect("tar");
    }
    let data = tar.into_inner().expect("tar");
    let (name, data) = match packing {
        Packing::None => ("data.tar", data),
        Packing::Gzip => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(&data).expect("gzip");
            ("data.tar.gz", gzip.finish().expect("gzip"))
        }
        Packing::Xz => {
            let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
            xz.write_all(&data).expect("xz");
            ("data.tar.xz", xz.finish().expect("xz"))
        }
        Packing::Zstd => (
            "data.tar.zst",
            zstd::encode_all(&data[..], 1).expect("zstd"),
        ),
    };
    let mut archive = ar::Builder::new(Vec::new());
    for (name, bytes) in [
        ("debian-binary", &b"2.0\n"[..]),
        ("control.tar", b""),
        (name, &data),
    ] {
        let header = ar::Header::new(name.as_bytes().to_vec(), bytes.len() as u64);
        archive.append(&header, bytes).expect("ar");
    }
    archive.into_inner().expect("ar")
}

/// A package as a lock pins it.
pub fn pinned(name: &str, bytes: &[u8]) -> LockedPackage {
    LockedPackage {
        name: name.to_owned(),
        version: "1.0~rc1+deb13u1".to_owned(),
        architecture: "all".to_owned(),
        archive: Archive::Main,
        path: format!("pool/main/{name}_1.0~rc1+deb13u1_all.deb"),
        size: bytes.len() as u64,
        sha256: hex(&Sha256::digest(bytes)),
    }
}

/// A lock of these packages.
pub fn lock(packages: Vec<LockedPackage>, boot_loaders: Vec<LockedPackage>) -> Lock {
    let mut lock = Lock::default();
    let kind = BaseKind::new(Arch::Amd64, KernelFlavor::Cloud);
    let base = LockedBase {
        request: request_hash(&kind).expect("the package list"),
        packages,
        boot_loaders,
        firmware: Vec::new(),
    };
    lock.set_base(&kind, base);
    lock
}

/// Puts a package on the mirror in `folder`.
pub fn publish(folder: &Path, package: &LockedPackage, bytes: &[u8]) {
    let path = folder.join("debian").join(&package.path);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("mkdir");
    std::fs::write(path, bytes).expect("write");
}

/// A request that finds its packages on the mirror in `folder`, with the cache beside it.
pub fn request(folder: &Path) -> BaseRequest {
    let mirror = format!("file:{}", folder.join("debian").display());
    BaseRequest {
        kind: BaseKind::new(Arch::Amd64, KernelFlavor::Cloud),
        mirror: Some(Mirror::new(&mirror, None).expect("a mirror")),
        offline: false,
        locked: true,
        allow_old_indexes: false,
        cache: Cache::new(folder.join("cache")),
    }
}
