//! Descriptions of the files of images, initrds and folders for network boot.

use crate::facts::layout::{EXTENSIONS_PATH, IMAGES_LIST_PATH, ROOT_IMAGE_PATH};
use crate::pack::{
    BASE_ID_PATH, BASES, BOOT_RECORD_PATH, CONFIG_JSON, MEDIUM_PATH, NETWORK_PATH, PAYLOAD_PATH,
    PXE_INITRD, PXE_KERNEL, PXE_ROOT_INITRD, USER_DATA, boot_menu,
};

/// Files with a description of their own.
const NAMED: [(&str, &str); 19] = [
    (boot_menu::KERNEL, "the kernel"),
    (boot_menu::INITRD, "the base's initrd"),
    (boot_menu::ROOT_INITRD, "the base's root file system"),
    (PXE_KERNEL, "the kernel"),
    (PXE_INITRD, "the base's initrd"),
    (PXE_ROOT_INITRD, "the base's root file system"),
    (ROOT_IMAGE_PATH, "the base's root image"),
    (BASE_ID_PATH, "the base's id"),
    (IMAGES_LIST_PATH, "the list of the base's images"),
    (MEDIUM_PATH, "the medium's name in the payload"),
    (PAYLOAD_PATH, "the node's payload"),
    (BOOT_RECORD_PATH, "the boot record"),
    (CONFIG_JSON, "the config"),
    (USER_DATA, "the config"),
    ("boot/grub/grub.cfg", "the boot menu"),
    ("isolinux/isolinux.cfg", "the boot menu"),
    (".disk/info", "the medium's label"),
    ("boot.ipxe", "the boot script of all machines"),
    ("dnsmasq.conf", "the configuration of dnsmasq"),
];

/// Folders whose files are all of one kind.
const FOLDERS: [(&str, &str); 5] = [
    (EXTENSIONS_PATH, "extension"),
    (NETWORK_PATH, "network file"),
    ("EFI", "boot loader"),
    ("isolinux", "boot loader"),
    ("machines", "the boot script of a machine,"),
];

/// A description of the file at `path`, with its path.
pub(super) fn named(path: &str) -> String {
    let path = path.escape_debug().to_string();
    let name = in_base(&path);
    if let Some((_, words)) = NAMED.iter().find(|(known, _)| *known == name) {
        return format!("{words} ({path})");
    }
    let in_folder = |folder: &str| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    match FOLDERS.iter().find(|(folder, _)| in_folder(folder)) {
        Some((_, words)) => format!("{words} {path}"),
        None => format!("file {path}"),
    }
}

/// The path of a file of a folder for network boot within its base, where the folder has several.
pub(super) fn in_base(path: &str) -> &str {
    let of_base = path.strip_prefix(BASES).and_then(|p| p.strip_prefix('/'));
    match of_base.and_then(|path| path.split_once('/')) {
        Some((_, name)) => name,
        None => path,
    }
}
