//! QEMU's command line for a machine. Pure: the files that it names are created by
//! [`super::running`].

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::find::Efi;
use super::machine::{Accel, Disk, Machine, Medium};
use super::network::{Forward, UserNetwork, uuid_of};
use super::switch::Port;
use crate::names::Arch;

/// Files that are created for one run of a machine.
#[derive(Debug, Clone)]
pub(super) struct Files {
    /// The socket of QEMU's control protocol.
    pub qmp: PathBuf,
    /// This run's copy of the firmware's variables.
    pub variables: PathBuf,
    /// All initrds in one file.
    pub initrd: PathBuf,
    /// The folder of scratch disks.
    pub scratch: PathBuf,
    /// The machine's port of a switch.
    pub port: Option<Port>,
}

impl Files {
    /// The file of the scratch disk at `index`.
    pub fn scratch_disk(&self, index: usize) -> PathBuf {
        self.scratch.join(format!("disk{index}.raw"))
    }
}

/// Everything after the program's name. The serial console is on standard input and output.
pub(super) fn arguments(machine: &Machine, efi: Option<&Efi>, files: &Files) -> Vec<OsString> {
    let mut line = Line(Vec::new());
    computer(&mut line, machine, efi, files);
    network(&mut line, machine, files);
    disks(&mut line, machine, files);
    medium(&mut line, machine, files);
    line.0
}

/// A command line that grows.
struct Line(Vec<OsString>);

impl Line {
    fn add(&mut self, option: &str, value: impl Into<OsString>) {
        self.0.push(option.into());
        self.0.push(value.into());
    }
}

/// `head` followed by `path`, in which commas are doubled as QEMU's option syntax requires.
fn with_path(head: &str, path: &Path) -> OsString {
    let mut bytes = head.as_bytes().to_vec();
    for &byte in path.as_os_str().as_bytes() {
        bytes.push(byte);
        if byte == b',' {
            bytes.push(byte);
        }
    }
    OsString::from_vec(bytes)
}

/// `text` with commas doubled.
fn escaped(text: &str) -> String {
    text.replace(',', ",,")
}

fn computer(line: &mut Line, machine: &Machine, efi: Option<&Efi>, files: &Files) {
    line.0.push("-nodefaults".into());
    line.0.push("-no-user-config".into());
    line.add("-display", "none");
    line.add("-name", escaped(&machine.name));
    line.add("-uuid", uuid_of(&machine.name));
    let smm = efi.is_some_and(|efi| efi.smm);
    line.add(
        "-machine",
        match (machine.arch, smm) {
            (Arch::Amd64, true) => "q35,smm=on",
            (Arch::Amd64, false) => "q35",
            (Arch::Arm64, _) => "virt",
        },
    );
    let (accel, cpu) = match (machine.accel, machine.arch) {
        (Accel::Kvm, _) => ("kvm", "host"),
        (Accel::Tcg, Arch::Amd64) => ("tcg,thread=multi", "max"),
        // QEMU's own cipher for pointer authentication is far cheaper than the architecture's.
        (Accel::Tcg, Arch::Arm64) => ("tcg,thread=multi", "max,pauth-impdef=on"),
    };
    line.add("-accel", accel);
    line.add("-cpu", cpu);
    line.add("-smp", machine.cpus.to_string());
    if let Some(clock) = machine.clock {
        line.add("-rtc", format!("base={clock}"));
    }
    line.add("-m", format!("{}M", machine.memory));
    if let Some(efi) = efi {
        let code = with_path("if=pflash,unit=0,format=raw,readonly=on,file=", &efi.code);
        line.add("-drive", code);
        let variables = with_path("if=pflash,unit=1,format=raw,file=", &files.variables);
        line.add("-drive", variables);
    }
    if smm {
        // Only code in system management mode may write the variables (OVMF README, "SMM support").
        line.add("-global", "driver=cfi.pflash01,property=secure,value=on");
        line.add("-global", "ICH9-LPC.disable_s3=1");
    }
    line.add("-chardev", "stdio,id=console,signal=off");
    line.add("-serial", "chardev:console");
    let qmp = with_path("socket,id=qmp,server=off,path=", &files.qmp);
    line.add("-chardev", qmp);
    line.add("-mon", "chardev=qmp,mode=control");
    line.add("-device", "virtio-rng-pci");
    for (key, file) in &machine.fw_cfg {
        line.add("-fw_cfg", with_path(&format!("name={key},file="), file));
    }
    if machine.arch == Arch::Amd64 {
        line.add("-device", "VGA");
    }
}

/// `-netdev user` of this network.
fn user_network(network: &UserNetwork) -> String {
    let UserNetwork {
        subnet,
        gateway,
        dns,
        guest,
        forwards,
    } = network;
    let forwards: Vec<String> = forwards
        .iter()
        .map(|Forward { host, guest: port }| {
            format!(",hostfwd=tcp:127.0.0.1:{host}-{guest}:{port}")
        })
        .collect();
    format!(
        "user,id=user,ipv6=off,net={subnet},host={gateway},dns={dns},dhcpstart={guest}{}",
        forwards.concat()
    )
}

/// `-netdev dgram` between QEMU's socket and the switch's.
fn socket(id: &str, (ours, theirs): &(PathBuf, PathBuf)) -> OsString {
    let mut option = with_path(&format!("dgram,id={id},local.type=unix,local.path="), ours);
    option.push(with_path(",remote.type=unix,remote.path=", theirs));
    option
}

fn network(line: &mut Line, machine: &Machine, files: &Files) {
    let mut user = OsString::from(user_network(&machine.network));
    let mut boot = "";
    if let Medium::Pxe { tree, script } = &machine.medium {
        user.push(with_path(",tftp=", tree));
        user.push(format!(",bootfile={}", escaped(script)));
        boot = ",bootindex=0";
    }
    line.add("-netdev", user);
    let card = match &files.port {
        None => "user",
        Some(Port { card, gateway }) => {
            // The switch is between the card and the user network. A hub of two ports connects the
            // latter to its socket.
            line.add("-netdev", socket("card", card));
            line.add("-netdev", socket("gateway", gateway));
            line.add("-netdev", "hubport,id=hub-user,hubid=0,netdev=user");
            line.add("-netdev", "hubport,id=hub-gateway,hubid=0,netdev=gateway");
            "card"
        }
    };
    let mac = machine.mac();
    line.add(
        "-device",
        format!("virtio-net-pci,netdev={card},mac={mac},addr=0x3{boot}"),
    );
}

fn disks(line: &mut Line, machine: &Machine, files: &Files) {
    for (index, disk) in machine.disks.iter().enumerate() {
        let (format, path) = match disk {
            Disk::Raw(path) => ("raw", path.clone()),
            Disk::Qcow2(path) => ("qcow2", path.clone()),
            Disk::Scratch(_) => ("raw", files.scratch_disk(index)),
        };
        let head = format!("if=none,id=disk{index},format={format},discard=unmap,file=");
        line.add("-drive", with_path(&head, &path));
        let device = format!("virtio-blk-pci,drive=disk{index},serial=disk{index}");
        line.add("-device", device);
    }
}

fn medium(line: &mut Line, machine: &Machine, files: &Files) {
    match &machine.medium {
        Medium::Cd(iso) => {
            let head = "if=none,id=medium,format=raw,media=cdrom,readonly=on,file=";
            line.add("-drive", with_path(head, iso));
            match machine.arch {
                Arch::Amd64 => line.add("-device", "ide-cd,drive=medium,bootindex=0"),
                Arch::Arm64 => {
                    line.add("-device", "virtio-scsi-pci");
                    line.add("-device", "scsi-cd,drive=medium,bootindex=0");
                }
            }
        }
        Medium::UsbStick(iso) => {
            let head = "if=none,id=medium,format=raw,readonly=on,file=";
            line.add("-drive", with_path(head, iso));
            line.add("-device", "qemu-xhci");
            line.add(
                "-device",
                "usb-storage,drive=medium,removable=on,bootindex=0",
            );
        }
        Medium::Kernel {
            kernel,
            initrds,
            arguments,
        } => {
            line.add("-kernel", kernel.as_os_str());
            if !initrds.is_empty() {
                line.add("-initrd", initrd_option(initrds, files));
            }
            line.add("-append", OsStr::new(arguments));
        }
        Medium::Pxe { .. } => {}
    }
}

/// The single file that QEMU loads. QEMU splits the option at commas, so a path with one is copied
/// to our own file too.
fn initrd_option(initrds: &[PathBuf], files: &Files) -> OsString {
    if needs_joining(initrds) {
        files.initrd.clone().into()
    } else {
        initrds[0].clone().into()
    }
}

/// Whether the initrds cannot be passed to QEMU unchanged.
pub(super) fn needs_joining(initrds: &[PathBuf]) -> bool {
    initrds.len() != 1 || initrds[0].as_os_str().as_bytes().contains(&b',')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qemu::machine::Firmware;

    fn files() -> Files {
        Files {
            qmp: "/run/x/qmp".into(),
            variables: "/run/x/variables.fd".into(),
            initrd: "/run/x/initrd".into(),
            scratch: "/run/x".into(),
            port: None,
        }
    }

    /// The command line as a person would type it.
    fn shown(machine: &Machine, efi: Option<&Efi>, files: &Files) -> String {
        arguments(machine, efi, files)
            .iter()
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn media() {
        let kernel = |initrds: &[&str]| Medium::Kernel {
            kernel: "vmlinuz".into(),
            initrds: initrds.iter().map(PathBuf::from).collect(),
            arguments: "quiet console=ttyS0,115200n8".into(),
        };
        for (name, arch, medium, expected) in [
            (
                "CD",
                Arch::Amd64,
                Medium::Cd("a,b.iso".into()),
                "media=cdrom,readonly=on,file=a,,b.iso -device ide-cd,drive=medium,bootindex=0",
            ),
            (
                "CD on arm64",
                Arch::Arm64,
                Medium::Cd("n.iso".into()),
                "file=n.iso -device virtio-scsi-pci -device scsi-cd,drive=medium,bootindex=0",
            ),
            (
                "USB stick",
                Arch::Amd64,
                Medium::UsbStick("n.iso".into()),
                "file=n.iso -device qemu-xhci -device usb-storage,drive=medium,removable=on,bootindex=0",
            ),
            (
                "one initrd",
                Arch::Amd64,
                kernel(&["initrd"]),
                "-kernel vmlinuz -initrd initrd -append quiet console=ttyS0,115200n8",
            ),
            (
                "two initrds",
                Arch::Amd64,
                kernel(&["base", "payload"]),
                "-kernel vmlinuz -initrd /run/x/initrd -append",
            ),
            (
                "an initrd with a comma",
                Arch::Amd64,
                kernel(&["a,b"]),
                "-initrd /run/x/initrd",
            ),
            (
                "PXE",
                Arch::Amd64,
                Medium::Pxe {
                    tree: "out".into(),
                    script: "boot.ipxe".into(),
                },
                "dhcpstart=10.0.2.15,tftp=out,bootfile=boot.ipxe -device virtio-net-pci,netdev=user",
            ),
        ] {
            let machine = Machine::new("kube1", arch, Firmware::Bios, medium);
            let line = shown(&machine, None, &files());
            assert!(line.contains(expected), "{name}: {line}");
        }
    }

    #[test]
    fn secure_boot_guards_its_variables() {
        let efi = Efi {
            code: "CODE.fd".into(),
            variables: "VARS.fd".into(),
            smm: true,
        };
        let machine = Machine::new(
            "kube1",
            Arch::Amd64,
            Firmware::SecureBoot,
            Medium::Cd("n.iso".into()),
        );
        let line = shown(&machine, Some(&efi), &files());
        for part in [
            "-machine q35,smm=on ",
            "unit=0,format=raw,readonly=on,file=CODE.fd ",
            "unit=1,format=raw,file=/run/x/variables.fd ",
            "driver=cfi.pflash01,property=secure,value=on ",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }

    #[test]
    fn disks_ports_and_switch() {
        let mut machine = Machine::new(
            "kube1",
            Arch::Amd64,
            Firmware::Bios,
            Medium::Cd("n.iso".into()),
        );
        machine.disks = vec![Disk::Qcow2("state.qcow2".into()), Disk::Scratch(1 << 30)];
        machine.network.forwards = vec![Forward {
            host: 2222,
            guest: 22,
        }];
        machine.fw_cfg = vec![("opt/org.flatcar-linux/config", "a,b.ign".into())];
        let files = Files {
            port: Some(Port {
                card: ("/run/x/a".into(), "/run/x/b".into()),
                gateway: ("/run/x/c".into(), "/run/x/d".into()),
            }),
            ..files()
        };
        let line = shown(&machine, None, &files);
        for part in [
            "id=disk0,format=qcow2,discard=unmap,file=state.qcow2 -device virtio-blk-pci,drive=disk0,serial=disk0 ",
            "id=disk1,format=raw,discard=unmap,file=/run/x/disk1.raw ",
            ",hostfwd=tcp:127.0.0.1:2222-10.0.2.15:22 ",
            "-fw_cfg name=opt/org.flatcar-linux/config,file=a,,b.ign ",
            "local.path=/run/x/a,remote.type=unix,remote.path=/run/x/b ",
            "-device virtio-net-pci,netdev=card,",
        ] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}
