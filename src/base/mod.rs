//! The base operating system: kernel, initrd and root image, without any node in them.

use std::path::PathBuf;

use crate::names::Arch;

/// A finished base in the cache. All files are immutable once there.
#[derive(Debug, Clone)]
pub struct Base {
    /// SHA-256 over what the base is made of, in hexadecimal.
    pub id: String,
    pub arch: Arch,
    /// The kernel, as the distribution signed it.
    pub kernel: PathBuf,
    /// Stage 0: a compressed cpio archive that finds the root image and enters it.
    pub initrd: PathBuf,
    /// The root image (squashfs). Stage 0 looks for it as [`ROOT_IMAGE_PATH`] in its own file system, then on media.
    pub root: PathBuf,
    pub boot_loaders: BootLoaders,
    /// The kernel command line that every node of this base needs.
    pub kernel_arguments: Vec<String>,
}

/// Where stage 0 looks for the root image: below `/` in an initrd, below the volume's root on an ISO.
pub const ROOT_IMAGE_PATH: &str = "imgbuild/root.squashfs";

/// Boot loader files as the distribution ships them, extracted beside the base.
#[derive(Debug, Clone)]
pub struct BootLoaders {
    /// `shimx64.efi` or `shimaa64.efi`, signed.
    pub shim: PathBuf,
    /// `mmx64.efi`, shim's key manager, signed.
    pub mok_manager: PathBuf,
    /// `gcdx64.efi.signed`: GRUB built for removable media, signed.
    pub grub: PathBuf,
    /// None on architectures without a BIOS.
    pub isolinux: Option<Isolinux>,
}

/// SYSLINUX's boot loader for optical media and hybrid images.
#[derive(Debug, Clone)]
pub struct Isolinux {
    /// `isolinux.bin`
    pub loader: PathBuf,
    /// `ldlinux.c32`
    pub ldlinux: PathBuf,
    /// `isohdpfx.bin`: the MBR code for a hybrid image.
    pub mbr: PathBuf,
}
