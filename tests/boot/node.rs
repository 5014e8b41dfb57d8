//! A node whose spec asks for all that the main job can do, and the questions that show that it got
//! it.

use std::path::PathBuf;
use std::process::Command;

use imgbuild::qemu::{Disk, Firmware, Machine, Medium, create_disk};

use crate::guest::{self, Guest};
use crate::lab::{Lab, UNTIMED};

/// The node's address and the length of its network's prefix.
const ADDRESS: &str = "192.168.77.10/24";

/// The password of the user `core`.
const PASSWORD: &str = "correct horse";

/// `etcdctl` as a user of the node types it: it knows endpoint and certificates by itself.
pub const ETCDCTL: &str = "sudo etcdctl";

/// Writes the spec, and what it names, into `lab`; `more` is added at its top level.
pub fn spec(lab: &Lab, more: &str) -> PathBuf {
    let key = &lab.public_key;
    lab.write("password", &format!("{PASSWORD}\n"));
    site_ca(lab);
    let text = format!(
        "\
version: 1
hostname: kube1
users:
  - name: core
    groups: [sudo]
    ssh_authorized_keys: ['{key}']
    password_file: password
  - {{name: ops, uid: 1500, groups: [adm], shell: /bin/sh, home_dir: /var/ops}}
network:
  interfaces:
    - name: enp0s3
      addresses: [{ADDRESS}]
      gateway: 192.168.77.1
      dns: [192.168.77.2, 192.168.77.3]
      search: [lab.example]
      routes: [{{destination: 10.45.0.0/16, gateway: 192.168.77.124}}]
  ntp: {{servers: [ntp1.lab.example], fallback: [ntp2.lab.example]}}
  hosts: {{192.168.77.11: [kube2, etcd2]}}
  firewall:
    allow_from: [192.168.77.0/24]
    allow: [{{port: 8080, from: [10.1.0.0/16]}}]
    masquerade: {{source: 10.244.0.0/16, interface: enp0s3}}
proxy: {{http: 'http://192.168.77.4:3128', no_proxy: [.lab.example]}}
sysctls: {{vm.max_map_count: 262144}}
modules: [br_netfilter]
kernel_arguments: [lab.bench=7, {UNTIMED}]
ca_certificates: [{{name: site, local: site.crt}}]
swap: {{zram: {{size: 64MiB}}}}
storage_device: /dev/vda
etcd: {{}}
storage:
  files:
    - {{path: /etc/lab/greeting, mode: 0640, contents: {{inline: hello}}}}
systemd:
  units:
    - name: lab.service
      enabled: true
      contents: |
        [Service]
        Type=oneshot
        RemainAfterExit=yes
        ExecStart=/bin/sh -c 'echo ran > /run/lab'
        [Install]
        WantedBy=multi-user.target
{more}"
    );
    lab.write("node.yaml", &text)
}

/// A certificate authority of the site, in `site.crt`; needs `openssl` (Debian package of that
/// name).
fn site_ca(lab: &Lab) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args(["-nodes", "-days", "3650", "-subj", "/CN=site", "-keyout"])
        .arg(lab.path("site.key"))
        .arg("-out")
        .arg(lab.path("site.crt"))
        .output()
        .expect("starting openssl (Debian package openssl)");
    let complaint = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "openssl failed: {complaint}");
}

/// A machine for the node, with an empty disk for its state.
pub fn machine(lab: &Lab, name: &str, firmware: Firmware, medium: Medium) -> Machine {
    let disk = lab.path(&format!("{name}.raw"));
    create_disk(&disk, 4 << 30).unwrap();
    let mut machine = guest::machine(name, firmware, medium, ADDRESS);
    machine.disks = vec![Disk::Raw(disk)];
    machine
}

/// Asks for the little that shows a healthy node of the spec, on whatever it was booted from.
pub fn check_health(node: &Guest) {
    node.says("hostname", "kube1");
    node.says("systemctl is-system-running", "running");
    node.ask(&format!("{ETCDCTL} endpoint health"));
    node.says("cat /run/lab", "ran");
}

/// Asks for everything of the spec.
pub fn check_everything(node: &Guest) {
    check_health(node);
    network(node);
    system(node);
    storage(node);
    etcd(node);
    console_login(node);
}

fn network(node: &Guest) {
    let address = node.ask("ip -4 -brief address show dev enp0s3");
    assert!(address.contains(ADDRESS), "{address}");
    let route = node.ask("ip route show default");
    assert!(
        route.starts_with("default via 192.168.77.1 dev enp0s3"),
        "{route}"
    );
    let route = node.ask("ip route show 10.45.0.0/16");
    assert!(route.contains("via 192.168.77.124"), "{route}");
    let dns = node.ask("resolvectl dns enp0s3");
    assert!(dns.ends_with("192.168.77.2 192.168.77.3"), "{dns}");
    let search = node.ask("resolvectl domain enp0s3");
    assert!(search.ends_with("lab.example"), "{search}");
    let time = "timedatectl show-timesync -p SystemNTPServers -p FallbackNTPServers --value";
    node.says(time, "ntp1.lab.example\nntp2.lab.example");
    for name in ["kube2", "etcd2"] {
        let hosts = node.ask(&format!("getent hosts {name}"));
        assert!(hosts.starts_with("192.168.77.11 "), "{hosts}");
    }
    // Services have the proxy, and people who log in.
    node.says(
        "sudo cat /proc/$(pidof etcd)/environ | tr '\\0' '\\n' | grep -i ^https_proxy= | LC_ALL=C sort",
        "HTTPS_PROXY=http://192.168.77.4:3128\nhttps_proxy=http://192.168.77.4:3128",
    );
    let exceptions = node.ask("sh -lc 'echo $no_proxy'");
    for exception in ["kube1", "192.168.77.0/24", ".lab.example"] {
        let mut all = exceptions.split(',');
        assert!(all.any(|one| one == exception), "{exceptions}");
    }
    let rules = node.ask("sudo nft list ruleset");
    for rule in [
        "policy drop",
        "192.168.77.0/24",
        "2379",
        "8080",
        "10.1.0.0/16",
        "10.244.0.0/16",
        "masquerade",
    ] {
        assert!(
            rules.contains(rule),
            "no `{rule}` in the packet filter:\n{rules}"
        );
    }
}

fn system(node: &Guest) {
    node.says("cat /proc/sys/vm/max_map_count", "262144");
    node.ask("grep -w br_netfilter /proc/modules");
    node.ask("grep -w lab.bench=7 /proc/cmdline");
    node.refuses("sudo touch /usr/written", "Read-only file system");
    node.says("id -un 1500; id -nG ops", "ops\nops adm");
    let ops = node.ask("getent passwd ops");
    assert!(ops.ends_with(":/var/ops:/bin/sh"), "{ops}");
    let swap = node.ask("tail -n 1 /proc/swaps");
    let swap: Vec<&str> = swap.split_whitespace().collect();
    // In KiB; one page of it is the swap area's header.
    assert_eq!(swap[..3], ["/dev/zram0", "partition", "65532"]);
    // Udev locks a device that appears or changes, and may not be done with it by then.
    node.ask("sudo systemctl restart zram-swap");
    node.ask("sudo flock --shared /dev/zram0 systemctl restart zram-swap");
    node.ask("sudo systemctl stop zram-swap");
    node.ask("sudo flock --shared /dev/zram0 systemctl start zram-swap");
    node.says("grep -c /dev/zram0 /proc/swaps", "1");
    node.says("sudo cat /etc/lab/greeting", "hello");
    node.says("stat -c %a /etc/lab/greeting", "640");
    let site = "sed -n 2p /usr/local/share/ca-certificates/site.crt";
    node.ask(&format!(
        "grep -F \"$({site})\" /etc/ssl/certs/ca-certificates.crt"
    ));
    node.says(
        "stat -c '%a %U %G' /etc/kubernetes/pki/etcd/server.key",
        "640 root etcd",
    );
}

fn storage(node: &Guest) {
    let label = node.ask("lsblk --noheadings --nodeps --output PARTLABEL,LABEL /dev/vda1");
    let labels: Vec<&str> = label.split_whitespace().collect();
    assert_eq!(labels, ["imgbuild-state"; 2]);
    for folder in ["/var/lib/imgbuild", "/var/lib/etcd", "/var/lib/containerd"] {
        let mount = node.ask(&format!(
            "findmnt --noheadings --output SOURCE,FSTYPE {folder}"
        ));
        assert!(mount.starts_with("/dev/vda1"), "{folder}: {mount}");
        assert!(mount.ends_with("ext4"), "{folder}: {mount}");
    }
}

fn etcd(node: &Guest) {
    node.ask(&format!("{ETCDCTL} put greeting hello"));
    node.says(
        &format!("{ETCDCTL} get greeting --print-value-only"),
        "hello",
    );
    let stranger = "etcdctl --endpoints https://127.0.0.1:2379 --cacert /etc/kubernetes/pki/etcd/ca.crt \
                    --command-timeout 5s endpoint health";
    node.refuses(stranger, "unhealthy");
    let in_the_clear = "env -i PATH=$PATH etcdctl --endpoints http://127.0.0.1:2379 --command-timeout 5s endpoint health";
    node.refuses(in_the_clear, "unhealthy");
}

/// The password of the spec opens the serial console, and another does not.
fn console_login(node: &Guest) {
    let mut from = node.console.length();
    // getty asks anew, so that its question stands behind `from`. After a wrong password login(1)
    // asks by itself.
    node.type_keys("\r");
    for (password, answer) in [
        ("wrong", "Login incorrect"),
        (PASSWORD, "logged in as core"),
    ] {
        let mut type_after = |words: &str, keys: &str| {
            node.shows(words, from);
            from = node.console.length();
            node.type_keys(keys);
        };
        type_after("login: ", "core\r");
        type_after("Password: ", &format!("{password}\r"));
        if password == PASSWORD {
            type_after("$ ", "echo logged in as $(id -un)\r");
        }
        node.shows(answer, from);
    }
    node.type_keys("exit\r");
}
