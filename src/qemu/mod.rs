//! Runs an artifact as a QEMU machine and reports what happens to it.
//!
//! A [`Machine`] describes the computer, [`Qemu::find`] finds the programs and firmware for it,
//! [`Qemu::start`] runs it: its serial console goes to a writer, its [`Event`]s to a channel, and
//! the [`Running`] machine can receive keys, be powered down, reset or cut off. [`watch::wait`]
//! waits for one or several machines to be ready.
//!
//! Nothing here requires root or opens ports beyond the loopback interface: machines are on QEMU's
//! user network, and several of them share a [`Switch`] over Unix sockets.

mod arguments;
mod console;
mod direct;
mod event;
mod find;
mod initrd;
mod interrupt;
mod machine;
mod network;
mod qmp;
mod running;
mod saved;
mod switch;
pub mod watch;

pub use event::{Event, Happening};
pub use find::Qemu;
pub use interrupt::Interrupt;
pub use machine::{Accel, Disk, Firmware, Machine, Medium, create_disk};
pub use network::{Forward, UserNetwork, free_port, mac_of};
pub use running::{Keyboard, Running};
pub use switch::Switch;
