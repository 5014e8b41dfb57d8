//! The `qemu` room on the real emulator. What is booted is a boot sector made here, so that no base
//! is needed: it prints a node's marker on the serial port, echoes what is typed, and knows three
//! keys.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use imgbuild::names::Arch;
use imgbuild::qemu::watch::{self, Outcome, Until};
use imgbuild::qemu::{
    Disk, Event, Firmware, Happening, Interrupt, Machine, Medium, Qemu, Running, create_disk,
};

use crate::patience::{GLANCE, PROGRAM, computed};

/// A boot sector that prints `text`, then echoes keys; `q` switches off, `r` resets.
fn boot_sector(text: &str) -> Vec<u8> {
    let code: &[u8] = &[
        0x31, 0xc0, // xor ax, ax
        0x8e, 0xd8, // mov ds, ax
        0xfc, // cld
        0xbe, 0x40, 0x7c, // mov si, 0x7c40: the text
        0xac, // print: lodsb
        0x84, 0xc0, // test al, al
        0x74, 0x06, // jz keys
        0xba, 0xf8, 0x03, // mov dx, 0x3f8: COM1's data
        0xee, // out dx, al
        0xeb, 0xf5, // jmp print
        0xba, 0xfd, 0x03, // keys: mov dx, 0x3fd: COM1's line status
        0xec, // in al, dx
        0xa8, 0x01, // test al, 1: data is there
        0x74, 0xf8, // jz keys
        0xba, 0xf8, 0x03, // mov dx, 0x3f8
        0xec, // in al, dx
        0xee, // out dx, al
        0x3c, b'r', // cmp al, 'r'
        0x74, 0x0b, // je reset
        0x3c, b'q', // cmp al, 'q'
        0x75, 0xeb, // jne keys
        0xb8, 0x00, 0x20, // mov ax, 0x2000: sleep enable, type 0 (ACPI §4.8.3.2.1)
        0xba, 0x04, 0x06, // mov dx, 0x604: q35's PM1a control
        0xef, // out dx, ax
        0xb0, 0xfe, // reset: mov al, 0xfe
        0xe6, 0x64, // out 0x64, al: the keyboard controller's reset line
        0xeb, 0xfe, // jmp $
    ];
    assert!(code.len() <= 0x40);
    let mut sector = vec![0; 512];
    sector[..code.len()].copy_from_slice(code);
    sector[0x40..0x40 + text.len()].copy_from_slice(text.as_bytes());
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

/// A console whose bytes can be waited for.
struct Screen(Sender<u8>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for &byte in bytes {
            // The test may have seen enough.
            let _ = self.0.send(byte);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A machine that runs the boot sector of `text`.
struct Booted {
    running: Running,
    events: Receiver<Event>,
    screen: Receiver<u8>,
    _folder: tempfile::TempDir,
}

impl Booted {
    /// Boots it from what `medium` makes of the file; needs `qemu-system-x86`.
    fn new(text: &str, medium: fn(PathBuf) -> Medium) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("boot, sector.img");
        let mut bytes = boot_sector(text);
        bytes.resize(1 << 20, 0);
        std::fs::write(&image, bytes).unwrap();
        let mut machine = Machine::new("sector", Arch::Amd64, Firmware::Bios, medium(image));
        machine.memory = 128;
        machine.disks = vec![Disk::Scratch(1 << 20)];
        let qemu = Qemu::find(&machine).expect("finding QEMU");
        let (sender, events) = channel();
        let (keys, screen) = channel();
        let running = qemu.start(&machine, None, Screen(keys), &sender).unwrap();
        Self {
            running,
            events,
            screen,
            _folder: folder,
        }
    }

    fn wait(&self, until: Until) -> Outcome {
        let machines = ["sector".to_owned()];
        let mut wait = PROGRAM.wait("the machine");
        loop {
            let interrupt = Interrupt::default();
            match watch::wait(&self.events, &machines, until, Some(GLANCE), &interrupt) {
                Outcome::TimedOut { .. } => wait.check(self.progress()),
                outcome => return outcome,
            }
        }
    }

    /// Waits until the console shows `text`.
    fn see(&self, text: &str) {
        let mut seen = Vec::new();
        let mut wait = PROGRAM.wait(format!("`{text}` on the console"));
        while !seen.ends_with(text.as_bytes()) {
            match self.screen.recv_timeout(GLANCE) {
                Ok(byte) => seen.push(byte),
                Err(RecvTimeoutError::Timeout) => {
                    wait.check(seen.len() as u64 + self.progress());
                }
                Err(error) => panic!("{error}: {}", String::from_utf8_lossy(&seen)),
            }
        }
    }

    fn progress(&self) -> u64 {
        computed(self.running.process_id())
    }
}

const READY: &str = "[ 1.5] imgbuild: kube1: ready\r\n";

#[test]
fn a_stick_boots_and_takes_keys() {
    let booted = Booted::new(READY, Medium::UsbStick);
    assert_eq!(booted.wait(Until::Ready), Outcome::Reached);
    booted.running.keyboard().type_keys(b"hello\r").unwrap();
    booted.see("hello\r");
    booted.running.keyboard().type_keys(b"q").unwrap();
    assert_eq!(booted.wait(Until::PoweredOff), Outcome::Reached);
}

#[test]
fn a_reset_boots_again() {
    let mut booted = Booted::new(READY, Medium::UsbStick);
    assert_eq!(booted.wait(Until::Ready), Outcome::Reached);
    booted.running.keyboard().type_keys(b"r").unwrap();
    assert_eq!(booted.wait(Until::Ready), Outcome::Reached);
    booted.running.reset().unwrap();
    assert_eq!(booted.wait(Until::Ready), Outcome::Reached);
}

#[test]
fn a_failed_node_ends_the_wait() {
    for (text, why) in [
        (
            "imgbuild: kube1: failed: etcd.service\n",
            "units failed: etcd.service",
        ),
        (
            "imgbuild: ignition failed: no disk\n",
            "Ignition failed: no disk",
        ),
        (
            "[ 0.9] Kernel panic - not syncing: no init\n",
            "the kernel panicked: no init",
        ),
    ] {
        let booted = Booted::new(text, Medium::UsbStick);
        let expected = Outcome::Failed {
            machine: "sector".into(),
            why: why.into(),
        };
        assert_eq!(booted.wait(Until::Ready), expected);
    }
}

#[test]
fn a_machine_without_power_is_gone() {
    let booted = Booted::new(READY, Medium::UsbStick);
    assert_eq!(booted.wait(Until::Ready), Outcome::Reached);
    let process = PathBuf::from(format!("/proc/{}", booted.running.process_id()));
    assert!(process.exists());
    booted.running.cut_power().unwrap();
    assert!(!process.exists());
    let last = booted.events.iter().last().map(|event| event.what);
    assert_eq!(last, Some(Happening::Exited));
}

#[test]
fn what_qemu_complains_of_is_told() {
    let medium = Medium::Cd(Path::new("/no/such.iso").into());
    let machine = Machine::new("sector", Arch::Amd64, Firmware::Bios, medium);
    let qemu = Qemu::find(&machine).expect("finding QEMU");
    let (events, _happened) = channel();
    let error = qemu
        .start(&machine, None, std::io::sink(), &events)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("QEMU did not start: qemu-system"),
        "{error}"
    );
    assert!(error.contains("Could not open '/no/such.iso'"), "{error}");
}

#[test]
fn a_disk_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("state.raw");
    create_disk(&disk, 4096).unwrap();
    std::fs::write(&disk, "kept").unwrap();
    create_disk(&disk, 4096).unwrap();
    assert_eq!(std::fs::read(&disk).unwrap(), b"kept");
}
