//! Configuration of the boot loaders on the ISO: one entry, booted immediately.

use crate::names::Hostname;

/// Paths on the medium.
pub(crate) const KERNEL: &str = "boot/vmlinuz";
pub(crate) const INITRD: &str = "boot/initrd";
/// The root file system, where an external base has it as a second initrd.
pub(crate) const ROOT_INITRD: &str = "boot/rootfs";

/// `grub.cfg`. `marker` is the path of a file that only this medium has: GRUB may have been started
/// from the EFI system partition, and other media may be present. `arguments` contain no character
/// that GRUB would interpret between single quotes.
pub(super) fn grub(
    hostname: &Hostname,
    arguments: &str,
    initrds: &[String],
    marker: &str,
) -> String {
    let initrds = joined(initrds, " ");
    let quoted = arguments.replace(' ', "' '");
    format!(
        "\
# Starts {hostname} after a second; Esc shows this menu.
set default=0
set timeout=1
set timeout_style=hidden
search --no-floppy --file --set=root /{marker}
menuentry '{hostname}' {{
\tlinux /{KERNEL} '{quoted}'
\tinitrd {initrds}
}}
"
    )
}

/// `isolinux.cfg`.
pub(super) fn isolinux(hostname: &Hostname, arguments: &str, initrds: &[String]) -> String {
    let initrds = joined(initrds, ",");
    format!(
        "\
# Starts {hostname} at once; Shift or Alt held down gives a prompt.
SERIAL 0 115200
DEFAULT node
PROMPT 0
TIMEOUT 0
LABEL node
  SAY Starting {hostname}
  LINUX /{KERNEL}
  INITRD {initrds}
  APPEND {arguments}
"
    )
}

/// Absolute paths on the medium.
fn joined(paths: &[String], separator: &str) -> String {
    let paths: Vec<_> = paths.iter().map(|path| format!("/{path}")).collect();
    paths.join(separator)
}
