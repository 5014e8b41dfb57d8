//! Reads a binary package: `deb(5)`, an ar archive that holds a tar archive of the files.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::cache::Corrupt;
use crate::formats::tar::{Limits, Member as TarMember, Members};
use crate::lock::LockedPackage;

/// The most that a package may unpack to, in bytes: a limit against bombs. The largest of Debian
/// has about 2 GiB.
const UNPACKED_MAX: u64 = 8 << 30;

/// Memory for an xz stream, in bytes: the largest dictionary of xz's presets is 64 MiB.
const XZ_MEMORY: u64 = 72 << 20;

/// What a package contains at one path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Absolute, without a slash at the end; `/` for the root.
    pub path: String,
    pub kind: MemberKind,
    /// Permission bits.
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    /// Seconds since 1970.
    pub mtime: u32,
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKind {
    Directory,
    /// Its contents follow.
    File,
    Symlink(String),
    /// Another name of an earlier file, by its absolute path.
    HardLink(String),
}

/// Reads the package file at `path`, calls `visit` for every member of it, and checks its hash on
/// the way. `visit` gets the contents of files.
///
/// If the hash is not the one in the lock, the error names the package and has a [`Corrupt`],
/// whatever else went wrong.
pub fn read(
    path: &Path,
    package: &LockedPackage,
    mut visit: impl FnMut(Member, &mut dyn Read) -> Result<()>,
) -> Result<()> {
    let file = File::open(path).with_context(|| format!("reading {}", path.display()))?;
    let mut reader = Hashing {
        inner: BufReader::with_capacity(1 << 16, file),
        hash: Sha256::new(),
    };
    let outcome = read_members(&mut reader, &mut visit);
    io::copy(&mut reader, &mut io::sink())
        .with_context(|| format!("reading {}", path.display()))?;
    let found = crate::text::hex(&reader.hash.finalize());
    if found != package.sha256 {
        let why = format!("its SHA-256 is {found} instead of {}", package.sha256);
        let describe = || format!("the cached package {}", package.describe());
        return Err(Corrupt::new(path, why)).with_context(describe);
    }
    outcome.with_context(|| format!("unpacking {}", package.describe()))
}

fn read_members(
    reader: &mut impl Read,
    visit: &mut dyn FnMut(Member, &mut dyn Read) -> Result<()>,
) -> Result<()> {
    let mut archive = ar::Archive::new(reader);
    while let Some(entry) = archive.next_entry() {
        let entry = entry?;
        let name = String::from_utf8_lossy(entry.header().identifier()).into_owned();
        let Some(ending) = name.trim_end_matches('/').strip_prefix("data.tar") else {
            continue;
        };
        return match ending {
            "" => read_tar(entry, visit),
            ".gz" => read_tar(flate2::read::GzDecoder::new(entry), visit),
            ".xz" => {
                let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, 0)?;
                read_tar(liblzma::read::XzDecoder::new_stream(entry, stream), visit)
            }
            ".zst" => read_tar(zstd::Decoder::new(entry)?, visit),
            _ => bail!("unsupported compression of `{name}`"),
        };
    }
    bail!("no `data.tar`")
}

fn read_tar(
    reader: impl Read,
    visit: &mut dyn FnMut(Member, &mut dyn Read) -> Result<()>,
) -> Result<()> {
    let mut archive = tar::Archive::new(reader.take(UNPACKED_MAX));
    let mut limits = Limits::default();
    let mut members = Members::new(archive.entries()?, &mut limits);
    while let Some(mut next) = members.next()? {
        let path = std::str::from_utf8(&next.path)
            .context("a path is not UTF-8")
            .and_then(absolute)?;
        let member = member(path.clone(), &next).with_context(|| format!("reading {path}"))?;
        visit(member, &mut next.entry).with_context(|| format!("storing {path}"))?;
    }
    Ok(())
}

fn member<R: Read>(path: String, member: &TarMember<'_, R>) -> Result<Member> {
    let header = member.entry.header();
    let (uid, gid) = member.owner()?;
    let target = || -> Result<String> {
        let target = member.link.as_ref().context("a link without a target")?;
        Ok(std::str::from_utf8(target)
            .context("the target of a link is not UTF-8")?
            .to_owned())
    };
    let kind = match header.entry_type() {
        tar::EntryType::Directory => MemberKind::Directory,
        tar::EntryType::Regular | tar::EntryType::Continuous => MemberKind::File,
        tar::EntryType::Symlink => MemberKind::Symlink(target()?),
        tar::EntryType::Link => MemberKind::HardLink(absolute(&target()?)?),
        other => bail!("unexpected member of type {other:?}"),
    };
    Ok(Member {
        path,
        kind,
        mode: u16::try_from(header.mode()? & 0o7777).expect("twelve bits"),
        uid: u32::try_from(uid)?,
        gid: u32::try_from(gid)?,
        mtime: u32::try_from(header.mtime()?)?,
    })
}

/// `./usr/bin/` is `/usr/bin`. A path with `..` is refused.
fn absolute(path: &str) -> Result<String> {
    let mut result = String::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => bail!("a path contains `..`: {path}"),
            part => {
                result.push('/');
                result.push_str(part);
            }
        }
    }
    if result.is_empty() {
        result.push('/');
    }
    Ok(result)
}

struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}
