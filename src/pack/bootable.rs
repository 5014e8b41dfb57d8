//! Writes the bootable ISO image of one node.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::base::Base;
use crate::extensions::{Extension, ExtensionForm};
use crate::facts::layout::{IMAGES_LIST_PATH, ROOT_IMAGE_PATH};
use crate::names::{Arch, Hostname};
use crate::progress::Progress;
use crate::text::hex;

use super::initrd::payload_archive;
use super::{BASE_ID_PATH, MEDIUM_PATH, Machine, PAYLOAD_PATH, boot_menu, command_line};
use crate::formats::cpio::Archive;
use crate::formats::fat;
use crate::formats::iso9660::{Bios, Boot, Content, ESP_ALIGNMENT, Image, Tree};

/// Files that may contain secrets are readable only by their owner.
const SECRET_MODE: u32 = 0o400;
const PUBLIC_MODE: u32 = 0o444;

/// Writes the bootable ISO image of `machine`: BIOS and UEFI, CD and disk.
///
/// Debian's GRUB for removable media looks for its configuration at `/boot/grub/grub.cfg` of the
/// file system that it was loaded from, then of the one that has `/.disk/info`.
pub fn iso<W: Write>(
    out: &mut W,
    base: &Base,
    machine: &Machine<'_>,
    progress: &dyn Progress,
) -> Result<()> {
    ensure!(
        base.id.len() == 64 && base.id.bytes().all(|b| b.is_ascii_hexdigit()),
        "`{}` is not a base id",
        base.id
    );
    let boot_loaders = base
        .boot_loaders
        .as_ref()
        .context("the base has no boot loaders for bootable media")?;
    let arguments = command_line(base, machine)?;
    let payload = payload_archive(machine.payload)?;
    let identity = identity(base, machine.hostname, &arguments, &payload);
    let marker = format!("imgbuild/{}.medium", hex(&identity[..8]));
    let marker_text = format!("{}\n", hex(&identity));
    let payload = with_medium(payload, base, &marker_text)?;
    // In the order in which the kernel unpacks them.
    let archives = (base.extensions.iter())
        .filter(|extension| extension.form == ExtensionForm::Initrd)
        .map(Extension::path);
    let initrds: Vec<String> = [boot_menu::INITRD.to_owned()]
        .into_iter()
        .chain(
            base.root_initrd
                .as_ref()
                .map(|_| boot_menu::ROOT_INITRD.to_owned()),
        )
        .chain(archives)
        .chain([PAYLOAD_PATH.to_owned()])
        .collect();
    let grub = boot_menu::grub(machine.hostname, &arguments, &initrds, &marker);

    let mut tree = Tree::new();
    let mut text =
        |path: &str, text: String| tree.add(path, PUBLIC_MODE, Content::Bytes(text.into_bytes()));
    text(".disk/info", format!("imgbuild {}\n", machine.hostname))?;
    text(BASE_ID_PATH, format!("{}\n", base.id))?;
    text(&marker, marker_text)?;
    text("boot/grub/grub.cfg", grub.clone())?;

    let mut bios = None;
    if let Some(isolinux) = &boot_loaders.isolinux {
        let loader = "isolinux/isolinux.bin".to_owned();
        text(
            "isolinux/isolinux.cfg",
            boot_menu::isolinux(machine.hostname, &arguments, &initrds),
        )?;
        tree.add(
            &loader,
            PUBLIC_MODE,
            Content::Bytes(read(&isolinux.loader)?),
        )?;
        tree.add(
            "isolinux/ldlinux.c32",
            PUBLIC_MODE,
            Content::open(&isolinux.ldlinux)?,
        )?;
        bios = Some(Bios {
            loader,
            mbr: read(&isolinux.mbr)?,
        });
    }

    let [shim, grub_name, mok_manager] = efi_names(base.arch);
    let efi = [
        (shim, read(&boot_loaders.shim)?),
        (grub_name, read(&boot_loaders.grub)?),
        (mok_manager, read(&boot_loaders.mok_manager)?),
    ];
    let mut esp: Vec<(&str, &[u8])> = efi
        .iter()
        .map(|(path, bytes)| (*path, &bytes[..]))
        .collect();
    esp.push(("boot/grub/grub.cfg", grub.as_bytes()));
    let volume_id = u32::from_le_bytes([identity[8], identity[9], identity[10], identity[11]]);
    let esp = fat::file_system(&esp, volume_id, ESP_ALIGNMENT)?;
    for (path, bytes) in efi {
        tree.add(path, PUBLIC_MODE, Content::Bytes(bytes))?;
    }

    tree.add(PAYLOAD_PATH, SECRET_MODE, Content::Bytes(payload))?;
    for (path, source) in [
        (boot_menu::KERNEL, &base.kernel),
        (boot_menu::INITRD, &base.initrd),
    ] {
        tree.add(path, PUBLIC_MODE, Content::open(source)?)?;
    }
    if let Some(root) = &base.root_initrd {
        tree.add(boot_menu::ROOT_INITRD, PUBLIC_MODE, Content::open(root)?)?;
    }
    add_images(&mut tree, base)?;
    let mut image = Image {
        volume_id: volume_id_of(machine.hostname),
        tree,
        rock_ridge: true,
        boot: Some(Boot {
            bios,
            esp,
            identity,
        }),
    };
    super::write_iso(&mut image, out, progress)
}

/// The payload, which names the medium where stage 0 has to find it: so does the medium's marker.
fn with_medium(payload: Vec<u8>, base: &Base, marker: &str) -> Result<Vec<u8>> {
    if base.root.is_none() {
        return Ok(payload);
    }
    let mut archive = Archive::new(payload);
    archive.file(MEDIUM_PATH, SECRET_MODE, marker.as_bytes())?;
    archive.finish()
}

/// Adds the root image, the extensions, and the list of them that stage 0 checks them by.
fn add_images(tree: &mut Tree, base: &Base) -> Result<()> {
    let images = base.images_list().into_bytes();
    if !images.is_empty() {
        tree.add(IMAGES_LIST_PATH, PUBLIC_MODE, Content::Bytes(images))?;
    }
    if let Some(root) = &base.root {
        tree.add(ROOT_IMAGE_PATH, PUBLIC_MODE, Content::open(root)?)?;
    }
    for extension in &base.extensions {
        let content = Content::open(&extension.file)?;
        tree.add(&extension.path(), PUBLIC_MODE, content)?;
    }
    Ok(())
}

/// Where UEFI firmware looks on removable media (UEFI 2.10 §3.5.1.1), and what shim then looks for
/// beside itself.
fn efi_names(arch: Arch) -> [&'static str; 3] {
    match arch {
        Arch::Amd64 => [
            "EFI/BOOT/BOOTX64.EFI",
            "EFI/BOOT/grubx64.efi",
            "EFI/BOOT/mmx64.efi",
        ],
        Arch::Arm64 => [
            "EFI/BOOT/BOOTAA64.EFI",
            "EFI/BOOT/grubaa64.efi",
            "EFI/BOOT/mmaa64.efi",
        ],
    }
}

/// A hash over everything that distinguishes this medium from others.
fn identity(base: &Base, hostname: &Hostname, arguments: &str, payload: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for field in [
        base.id.as_bytes(),
        hostname.as_str().as_bytes(),
        arguments.as_bytes(),
        payload,
    ] {
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field);
    }
    hash.finalize().into()
}

/// The host name in the characters allowed in a volume identifier (ECMA-119 §8.4.7), cut to its
/// width.
fn volume_id_of(hostname: &Hostname) -> String {
    hostname
        .as_str()
        .chars()
        .map(|c| match c.to_ascii_uppercase() {
            c @ ('A'..='Z' | '0'..='9') => c,
            _ => '_',
        })
        .take(32)
        .collect()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}
