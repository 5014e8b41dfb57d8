//! Boots artifacts in QEMU.
