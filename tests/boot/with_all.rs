//! The other ways to boot a node, for `cargo xtask test --all`.

use std::process::{Command, Stdio};

use imgbuild::names::Arch;
use imgbuild::qemu::{Firmware, Medium};

use crate::etcd_care;
use crate::guest::{self, Guest};
use crate::lab::{Lab, UNTIMED, cache, program};
use crate::links;
use crate::node;
use crate::patience::computed;

/// Boots the node from its ISO and asks how it is.
fn iso_boots(test: &str, firmware: Firmware, medium: fn(std::path::PathBuf) -> Medium) {
    let lab = Lab::new();
    let iso = lab.build(&node::spec(&lab, ""), "node.iso", &[]);
    let guest = Guest::boot(
        &lab,
        test,
        node::machine(&lab, "kube1", firmware, medium(iso)),
    );
    let efi = match firmware {
        Firmware::Bios => "test ! -e /sys/firmware/efi",
        Firmware::Uefi | Firmware::SecureBoot => "test -e /sys/firmware/efi",
    };
    guest.ask(efi);
    node::check_health(&guest);
}

#[test]
#[ignore = "boots a machine: cargo xtask test --all"]
fn cd_under_uefi() {
    iso_boots("cd-uefi", Firmware::Uefi, Medium::Cd);
}

#[test]
#[ignore = "boots a machine: cargo xtask test --all"]
fn stick_under_bios() {
    iso_boots("stick-bios", Firmware::Bios, Medium::UsbStick);
}

#[test]
#[ignore = "boots a machine: cargo xtask test --all"]
fn stick_under_uefi() {
    iso_boots("stick-uefi", Firmware::Uefi, Medium::UsbStick);
}

/// Kernel, and base initrd and payload in one file, which says itself how it is booted.
#[test]
#[ignore = "boots a machine: cargo xtask test --all"]
fn full_initrd() {
    let lab = Lab::new();
    let full = lab.build(&node::spec(&lab, ""), "node.initrd", &[]);
    let (medium, arch) = Medium::from_initrd(&full, &cache()).unwrap();
    assert_eq!(arch, Arch::Amd64);
    let machine = node::machine(&lab, "kube1", Firmware::Bios, medium);
    let guest = Guest::boot(&lab, "initrd", machine);
    node::check_health(&guest);
    guest.ask("grep -w lab.bench=7 /proc/cmdline");
}

/// Kernel, base initrd and payload, each a file of its own.
#[test]
#[ignore = "boots a machine: cargo xtask test --all"]
fn base_initrd_and_payload() {
    let lab = Lab::new();
    let tree = lab.build(&node::spec(&lab, ""), "tree", &["--format", "pxe"]);
    let (medium, _) = Medium::from_tree(&tree, "kube1").unwrap();
    let Medium::Kernel { initrds, .. } = &medium else {
        panic!("{medium:?}");
    };
    assert_eq!(initrds.len(), 2, "{initrds:?}");
    let machine = node::machine(&lab, "kube1", Firmware::Bios, medium);
    node::check_health(&Guest::boot(&lab, "payload", machine));
}

/// What was built is booted by the command, too.
#[test]
#[ignore = "boots machines: cargo xtask test --all"]
fn run_boots_initrds_and_trees() {
    let lab = Lab::new();
    let spec = lab.write(
        "node.yaml",
        "version: 1\nkernel_arguments: [no_timer_check]\nhostname: small1\n",
    );
    lab.build(&spec, "node.initrd", &[]);
    lab.build(&spec, "tree", &["--format", "pxe"]);
    for what in [&["node.initrd"] as &[_], &["tree", "--medium", "kernel"]] {
        let child = Command::new(program())
            .arg("run")
            .args(what)
            .args(["--exit-when", "ready"])
            .current_dir(lab.path("."))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let process = child.id();
        let run = guest::AMD64.finish("`imgbuild run`", child, || computed(process));
        let said = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{what:?}: {said}");
        assert!(said.contains(": ready"), "{what:?}: {said}");
    }
}

/// A node with nothing but a user: it says that it is ready once its network is up, whatever else
/// it waits for or not.
#[test]
#[ignore = "boots a machine: cargo xtask test --all"]
fn small_node() {
    let lab = Lab::new();
    let key = &lab.public_key;
    let text = format!(
        "version: 1\nkernel_arguments: [{UNTIMED}]\nhostname: small1\nusers: [{{name: core, ssh_authorized_keys: ['{key}']}}]\n"
    );
    let spec = lab.write("node.yaml", &text);
    let iso = lab.build(&spec, "node.iso", &[]);
    let address = "192.168.79.10/24";
    let machine = guest::machine("small1", Firmware::Bios, Medium::Cd(iso), address);
    let guest = Guest::boot(&lab, "small", machine);
    guest.says("systemctl is-system-running", "running");
    let online = guest.ask("systemctl show -P ActiveEnterTimestampMonotonic network-online.target");
    let online: f64 = online.parse().unwrap();
    let ready = guest.console.kernel_time_of_ready().unwrap();
    assert!(online > 0.0, "nothing waited for the network");
    // In microseconds, of the clock that the kernel's messages have.
    assert!(
        online / 1e6 <= ready,
        "ready at {ready} s, online at {online} µs"
    );
    let address = guest.ask("ip -4 -brief address show up scope global");
    assert!(address.contains("192.168.79."), "{address}");
    guest.ask("ping -c 1 -W 5 127.0.0.1");
    guest.ask("ping -c 1 -W 5 ::1");
}

/// A clock without a battery: the node says so, and its certificates are valid all the same.
#[test]
#[ignore = "boots a machine: cargo xtask test --all"]
fn clock_in_the_past() {
    let lab = Lab::new();
    let iso = lab.build(&node::spec(&lab, ""), "node.iso", &[]);
    let mut machine = node::machine(&lab, "kube1", Firmware::Bios, Medium::Cd(iso));
    machine.clock = Some("1970-01-01");
    let guest = Guest::boot(&lab, "clock", machine);
    guest.shows("the clock was wrong: it showed 1970-01-01 ", 0);
    node::check_health(&guest);
    let certificate = "/etc/kubernetes/pki/etcd/server.crt";
    guest.ask(&format!(
        "test $(date +%s) -ge $(date -d \"$(sudo openssl x509 -in {certificate} -noout -startdate | cut -d = -f 2)\" +%s)"
    ));
}

/// Built on this machine, whatever its own architecture is.
#[test]
#[ignore = "boots a machine: cargo xtask test --all"]
fn arm64_iso() {
    let lab = Lab::new();
    let iso = lab.build(&node::spec(&lab, "arch: arm64\n"), "node.iso", &[]);
    let mut machine = node::machine(&lab, "kube1", Firmware::Uefi, Medium::Cd(iso));
    machine.arch = Arch::Arm64;
    let guest = Guest::boot(&lab, "arm64", machine);
    guest.says("uname -m", "aarch64");
    node::check_health(&guest);
}

/// See [`etcd_care`].
#[test]
#[ignore = "boots machines: cargo xtask test --all"]
fn a_snapshot_moves_to_another_node() {
    etcd_care::a_snapshot_moves_to_another_node();
}

#[test]
#[ignore = "boots two machines: cargo xtask test --all"]
fn a_node_serves_another() {
    links::one_node_serves_another();
}
