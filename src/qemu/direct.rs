//! Boots a kernel directly by QEMU, from an artifact of imgbuild.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, bail};

use super::machine::Medium;
use crate::base::Base;
use crate::cache::Cache;
use crate::names::Arch;
use crate::pack::BootRecord;

impl Medium {
    /// An initrd with its kernel from `cache`, and the architecture of both.
    pub fn from_initrd(path: &Path, cache: &Cache) -> anyhow::Result<(Self, Arch)> {
        let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
        let record =
            BootRecord::read(file).with_context(|| format!("reading {}", path.display()))?;
        let Some(arch) = record.arch() else {
            bail!("{} is for an unknown architecture", path.display());
        };
        let Some(kernel) = Base::kernel_in(cache, &record.base)? else {
            bail!(
                "the kernel of {} is not in the cache {}: its base, {:.16}…, was never built there, or has been removed. \
                 Rebuild the spec, or run the spec itself",
                path.display(),
                cache.root().display(),
                record.base
            );
        };
        let medium = Self::Kernel {
            kernel,
            initrds: vec![path.to_owned()],
            arguments: record.kernel_arguments,
        };
        Ok((medium, arch))
    }

    /// What the iPXE script of the node `name` in the folder `tree` boots, for a boot without iPXE,
    /// and the architecture that it is for.
    pub fn from_tree(tree: &Path, name: &str) -> anyhow::Result<(Self, Arch)> {
        let nodes = tree.join("nodes");
        let script = nodes.join(format!("{name}.ipxe"));
        let text =
            fs::read_to_string(&script).with_context(|| format!("reading {}", script.display()))?;
        let mut kernel = None;
        let mut initrds = Vec::new();
        for line in text.lines() {
            // Its paths are relative to the script's own.
            match line.split_once(' ') {
                Some(("kernel", line)) => {
                    let (path, arguments) = line.split_once(' ').unwrap_or((line, ""));
                    kernel = Some((nodes.join(path), arguments.to_owned()));
                }
                Some(("initrd", path)) => initrds.push(nodes.join(path)),
                _ => {}
            }
        }
        let (kernel, arguments) =
            kernel.with_context(|| format!("{} does not boot a kernel", script.display()))?;
        let arch = kernel_arch(&kernel)?;
        let medium = Self::Kernel {
            kernel,
            initrds,
            arguments,
        };
        Ok((medium, arch))
    }
}

/// The architecture of the kernel at `path`: all kernels that network cards boot are EFI programs
/// too, whose header has it (PE/COFF specification, "COFF File Header", `Machine`). What is none
/// is taken for amd64's.
fn kernel_arch(path: &Path) -> anyhow::Result<Arch> {
    const ARM64: [u8; 2] = 0xaa64_u16.to_le_bytes();
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(4096).read_to_end(&mut head))
        .with_context(|| format!("reading {}", path.display()))?;
    let offset = head.first_chunk::<0x40>().map(|dos| {
        let [.., a, b, c, d] = *dos;
        u32::from_le_bytes([a, b, c, d]) as usize
    });
    let header = offset.and_then(|offset| head.get(offset..)?.strip_prefix(b"PE\0\0"));
    Ok(match header.and_then(<[u8]>::first_chunk) {
        Some(&ARM64) => Arch::Arm64,
        _ => Arch::Amd64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_s_script_is_followed() {
        let tree = tempfile::tempdir().unwrap();
        let nodes = tree.path().join("nodes");
        fs::create_dir(&nodes).unwrap();
        let script = "#!ipxe\necho Starting a\nkernel ../vmlinuz initrd=i.img quiet a=b\ninitrd ../i.img\ninitrd a.cpio.gz\nboot\n";
        fs::write(nodes.join("a.ipxe"), script).unwrap();
        fs::write(nodes.join("b.ipxe"), "#!ipxe\nshell\n").unwrap();
        let expected = Medium::Kernel {
            kernel: nodes.join("../vmlinuz"),
            initrds: vec![nodes.join("../i.img"), nodes.join("a.cpio.gz")],
            arguments: "initrd=i.img quiet a=b".to_owned(),
        };
        let mut arm64 = [0; 200];
        arm64[0x3c] = 0x80;
        arm64[0x80..0x86].copy_from_slice(b"PE\0\0\x64\xaa");
        for (kernel, arch) in [(&arm64[..], Arch::Arm64), (b"short", Arch::Amd64)] {
            fs::write(tree.path().join("vmlinuz"), kernel).unwrap();
            let found = Medium::from_tree(tree.path(), "a").unwrap();
            assert_eq!(found, (expected.clone(), arch));
        }
        for wrong in ["b", "c"] {
            assert!(Medium::from_tree(tree.path(), wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_initrd_without_its_kernel_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("cache"));
        let path = folder.path().join("x.initrd");
        for (bytes, why) in [
            (&b"anything"[..], "does not begin with a boot record"),
            (b"", "does not begin with a boot record"),
        ] {
            fs::write(&path, bytes).unwrap();
            let error = Medium::from_initrd(&path, &cache).unwrap_err();
            assert!(format!("{error:#}").contains(why), "{error:#}");
        }
    }
}
