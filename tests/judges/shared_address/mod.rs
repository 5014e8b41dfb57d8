//! The address that control planes share, held by the real keepalived and reached through the real
//! `HAProxy` with the very files of the nodes: three control planes, a worker and a client, each a
//! network namespace. API servers are stood in for, with the certificates of the real ones.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use imgbuild::facts::debian::{BaseKind, SHARED_ADDRESS};
use serde_json::json;

use crate::base_root::Root;
use crate::generated::Generated;
use crate::patience::{PROGRAM, computed};
use crate::skipped::skipped;
use crate::units::systemd_takes;

const LAB: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/judges/shared_address/lab.py"
);

const NAMES: [&str; 4] = ["control1", "control2", "control3", "worker1"];

/// A network of one address family.
struct Family {
    /// What comes before the last part of an address.
    start: &'static str,
    prefix: u8,
    network: &'static str,
    /// What the cluster's own networks need in the spec.
    networks: &'static str,
}

const V4: Family = Family {
    start: "192.168.1.",
    prefix: 24,
    network: "192.168.1.0/24",
    networks: "",
};

const V6: Family = Family {
    start: "fd00:1::",
    prefix: 64,
    network: "fd00:1::/64",
    networks: ", pod_network: 'fd00:10:244::/56', service_network: 'fd00:10:96::/112'",
};

impl Family {
    fn address(&self, index: usize) -> String {
        format!("{}{}", self.start, 11 + index)
    }

    fn shared(&self) -> String {
        format!("{}10", self.start)
    }

    /// The firewall lets in the client and the nodes, and so VRRP only because the nodes' own
    /// rules do.
    fn spec(&self) -> String {
        let nodes = NAMES.iter().enumerate().map(|(index, name)| {
            let role = if name.starts_with("control") {
                "control-plane"
            } else {
                "worker"
            };
            let etcd = if index == 0 { "\n  etcd: {}" } else { "" };
            format!(
                "\
- hostname: {name}
  network:
    interfaces: [{{name: eth0, addresses: ['{}/{}']}}]
    firewall: {{allow_from: ['{}']}}
  kubernetes: {{role: {role}}}{etcd}
",
                self.address(index),
                self.prefix,
                self.network
            )
        });
        format!(
            "\
version: 1
kubernetes: {{version: 1.36.2, dns: none, endpoint: {{vip: '{}'}}{}}}
nodes:
{}",
            self.shared(),
            self.networks,
            nodes.collect::<String>()
        )
    }

    /// Lays out the nodes' files for the lab.
    fn lay_out(&self, folder: &Path) {
        let spec = self.spec();
        // Keys are of one folder: all nodes come from one cluster.
        let cluster = Generated::all(&spec, &[]);
        let write = |path: String, text: &str, mode: u32| {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(&path, text).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        };
        let accounts = fs::read_to_string("/etc/passwd").expect("accounts")
            + "keepalived_script:x:981:65534::/:/usr/sbin/nologin\n";
        let mut addresses = BTreeMap::new();
        for (index, (name, node)) in NAMES.iter().zip(&cluster).enumerate() {
            addresses.insert(*name, self.address(index));
            for (path, (mode, text)) in &node.files {
                let read_here = ["/etc/haproxy/", "/etc/keepalived/", "/etc/nftables.conf"];
                if path == "/etc/kubernetes/pki/ca.crt"
                    || read_here.iter().any(|start| path.starts_with(start))
                {
                    write(format!("{name}{path}"), text, *mode);
                }
            }
            write(format!("{name}/etc/passwd"), &accounts, 0o644);
            for unit in &node.units {
                let stem = unit.name.as_str().trim_end_matches(".service");
                if ["haproxy", "keepalived"].contains(&stem) {
                    systemd_takes(unit);
                    let text = unit.contents.as_deref().expect("a whole unit");
                    let command = text
                        .lines()
                        .find_map(|line| line.strip_prefix("ExecStart="));
                    write(format!("{name}/{stem}"), command.expect("a command"), 0o644);
                }
            }
            let pki = |file: &str| node.files.get(&format!("/etc/kubernetes/pki/{file}"));
            if let (Some((_, certificate)), Some((_, key))) =
                (pki("apiserver.crt"), pki("apiserver.key"))
            {
                write(
                    format!("{name}/server.pem"),
                    &format!("{certificate}{key}"),
                    0o600,
                );
            }
            write(
                "ca.crt".to_owned(),
                node.text("/etc/kubernetes/pki/ca.crt"),
                0o644,
            );
        }
        let lab = json!({
            "vip": self.shared(),
            "prefix": self.prefix,
            "port": 6443,
            "balancer": 7445,
            "client": self.address(88),
            "nodes": addresses,
        });
        write("lab.json".to_owned(), &lab.to_string(), 0o644);
    }

    /// What the lab says.
    fn run(&self) -> BTreeMap<String, String> {
        let folder = tempfile::tempdir().expect("a folder");
        self.lay_out(folder.path());
        let child = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "--kill-child"])
            .args(["--mount-proc", "python3", LAB])
            .arg(folder.path())
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starting unshare (Debian package util-linux)");
        let process = child.id();
        let output = PROGRAM.finish("the lab's end", child, || computed(process));
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{said}{}(Debian packages haproxy, iproute2, keepalived, nftables, python3-minimal)",
            String::from_utf8_lossy(&output.stderr)
        );
        println!("{said}");
        let lines = said.lines().filter_map(|line| line.split_once(": "));
        lines
            .map(|(what, value)| (what.to_owned(), value.to_owned()))
            .collect()
    }
}

/// The address moves when an API server, a machine or keepalived ends, and at no other time; the
/// nodes' own clients always have an API server.
#[test]
fn the_address_moves_where_it_must() {
    // keepalived drops its rights for the check, which needs several users.
    if fs::metadata("/proc/self").expect("/proc").uid() != 0 {
        skipped("the shared address before keepalived wants root");
        return;
    }
    for family in [V4, V6] {
        let said = family.run();
        for (what, value) in [
            ("holders", "1"),
            ("own clients", "served by another"),
            ("moves back", "no"),
            ("own clients again", "served by their own"),
            ("holders after a return", "1"),
            ("holders after a stop", "1"),
            ("a worker's servers", "3"),
            ("holders without an API server", "1"),
        ] {
            assert_eq!(said[what], value, "{what}: {said:#?}");
        }
        // The page's figures, and as much again for processors that others use.
        for (what, most) in [
            ("API server gone", 10.0),
            ("machine gone", 4.0),
            ("clean stop", 2.0),
            ("a worker's connection to a lost machine ends", 7.0),
        ] {
            let took: f32 = said[what].parse().expect("seconds");
            assert!(took < 2.0 * most, "{what}: {took} s");
        }
    }
}

/// Debian 13's own programs take the files.
#[test]
#[ignore = "slow: builds the real base from packages of the mirror"]
fn the_base_takes_the_files() {
    let root = Root::of(BaseKind {
        packages: SHARED_ADDRESS.map(str::to_owned).into(),
        ..BaseKind::default()
    });
    for family in [V4, V6] {
        for node in Generated::all(&family.spec(), &[]) {
            for (path, (mode, text)) in &node.files {
                let wanted = [
                    "/etc/haproxy/",
                    "/etc/keepalived/",
                    "/etc/kubernetes/pki/ca.crt",
                ];
                if wanted.iter().any(|start| path.starts_with(start)) {
                    root.lay(path, text.as_bytes(), *mode);
                }
            }
            root.run("", "haproxy -c -f /etc/haproxy/haproxy.cfg");
            if node.files.contains_key("/etc/keepalived/keepalived.conf") {
                // The namespace has no user but root, whom the check is given to here: keepalived
                // refuses one that it cannot become.
                root.run(
                    "ip link add eth0 type veth peer name other
                     sed -i 's/script_user .*/script_user root/' /etc/keepalived/keepalived.conf",
                    "keepalived --config-test",
                );
            }
        }
    }
    // The programs run with what the base has of their libraries.
    root.run("", "haproxy -v; keepalived --version 2>&1");
}
