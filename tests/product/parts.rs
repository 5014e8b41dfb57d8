//! What the parts write, as people read it; systemd, nft, networkd and OpenSSL judge it in
//! `tests/judges/parts.rs`.

use std::fmt::Write;

use imgbuild::facts::network::Dhcp;
use imgbuild::node::Node;
use imgbuild::node::fragment::Contents;
use imgbuild::node::network::{Interface, InterfaceMatch, Network};

use crate::nodes::{self, parts_of as all};

#[test]
fn the_files_read_well() {
    let fragment = all(&nodes::full());
    let mut shown = String::new();
    for file in &fragment.files {
        let path = file.path.as_str();
        if path.starts_with("/etc/kubernetes") {
            continue;
        }
        let contents = file.contents.iter().chain(&file.append);
        for contents in contents {
            let Contents::Inline(data) = contents else {
                panic!("{path}")
            };
            let _ = writeln!(shown, "==> {path}\n{}", String::from_utf8_lossy(data));
        }
    }
    for unit in &fragment.units {
        let _ = writeln!(
            shown,
            "==> {} {:?}\n{}",
            unit.name,
            unit.enabled,
            unit.contents.as_deref().unwrap_or("(the base's)\n")
        );
        for (name, text) in &unit.dropins {
            let _ = writeln!(shown, "==> {}.d/{name}\n{text}", unit.name);
        }
    }
    insta::assert_snapshot!("files", shown);
}

/// What the node waits for before it says that it is ready.
#[test]
fn online_is_when_what_is_required_is() {
    let required = |required_for_online| Interface {
        required_for_online,
        addresses: vec![nodes::at(12, "192.168.1.10/24")],
        ..nodes::interface("eth0")
    };
    let any = Interface {
        matching: InterfaceMatch::AnyEthernet,
        dhcp: Dhcp::Both,
        ..nodes::interface("eth0")
    };
    for (name, interfaces, expected) in [
        ("every link", vec![required(true), required(false)], None),
        ("no link", vec![required(false)], Some((true, 0))),
        ("the first card", vec![any], Some((false, 1))),
    ] {
        let node = Node {
            network: Network { interfaces },
            ..nodes::bare()
        };
        let units = all(&node).units;
        let unit = units
            .iter()
            .find(|unit| unit.name.as_str() == "systemd-networkd-wait-online.service");
        let seen = unit.map(|unit| (unit.mask == Some(true), unit.dropins.len()));
        assert_eq!(seen, expected, "{name}");
    }
}

/// Keys as `systemd-sysctl` reads them, and the modules without which they would not exist.
#[test]
fn kernel_parameters_are_set() {
    for (key, written, modules) in [
        ("vm.swappiness", "vm.swappiness", None),
        (
            "net.ipv4.conf.all.rp_filter",
            "net.ipv4.conf.all.rp_filter",
            None,
        ),
        (
            "net.ipv4.conf.eth0.100.rp_filter",
            "net.ipv4.conf.eth0/100.rp_filter",
            None,
        ),
        (
            "net.ipv6.conf.eth0.1.2.forwarding",
            "net.ipv6.conf.eth0/1/2.forwarding",
            None,
        ),
        (
            "net.ipv4.conf.eth0/100.rp_filter",
            "net.ipv4.conf.eth0/100.rp_filter",
            None,
        ),
        (
            "net/ipv4/conf/eth0.100/rp_filter",
            "net/ipv4/conf/eth0.100/rp_filter",
            None,
        ),
        (
            "net.netfilter.nf_conntrack_max",
            "net.netfilter.nf_conntrack_max",
            Some("nf_conntrack\n"),
        ),
        (
            "net/bridge/bridge-nf-call-iptables",
            "net/bridge/bridge-nf-call-iptables",
            Some("br_netfilter\n"),
        ),
    ] {
        let node = Node {
            sysctls: [(key.to_owned(), nodes::at(3, "1"))].into(),
            ..nodes::bare()
        };
        let files = all(&node).files;
        let text = |path: &str| {
            let file = files.iter().find(|file| file.path.as_str() == path)?;
            match &file.contents {
                Some(Contents::Inline(text)) => Some(String::from_utf8_lossy(text).into_owned()),
                _ => None,
            }
        };
        let set = text("/etc/sysctl.d/90-imgbuild.conf");
        assert_eq!(set, Some(format!("{written} = 1\n")), "{key}");
        let loaded = text("/etc/modules-load.d/imgbuild.conf");
        assert_eq!(loaded.as_deref(), modules, "{key}");
    }
}
