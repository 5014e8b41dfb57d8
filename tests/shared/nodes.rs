//! Nodes for the tests: decided by hand, so that no other room is needed.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;

use imgbuild::diagnostic::{Located, SourceId, Span};
use imgbuild::facts::firmware::Firmware;
use imgbuild::facts::kernel::KernelFlavor;
use imgbuild::facts::network::{Dhcp, Protocol};
use imgbuild::facts::systems::Target;
use imgbuild::names::Arch;
use imgbuild::node::etcd::{EtcdBackup, EtcdMember, Snapshot};
use imgbuild::node::firewall::{Firewall, FirewallRule, Masquerade};
use imgbuild::node::fragment::Fragment;
use imgbuild::node::network::{DhcpClient, Interface, InterfaceMatch, LinkKind, Network, Route};
use imgbuild::node::{Node, Ntp, Swap, User};
use imgbuild::pki::bundles::{EtcdTls, KeyPair};

/// A value of line `line` of the spec; byte offsets stand for lines here.
pub fn at<T: std::str::FromStr<Err: std::fmt::Debug>>(line: u32, text: &str) -> Located<T> {
    Located::new(text.parse().expect("valid"), span(line))
}

/// A value of line `line` of the spec that no text stands for.
pub fn located<T>(line: u32, value: T) -> Located<T> {
    Located::new(value, span(line))
}

/// The place that stands for line `line`.
pub fn span(line: u32) -> Span {
    Span {
        source: SourceId(0),
        start: line,
        end: line + 1,
    }
}

/// A valid name or path.
pub fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("valid")
}

/// A node with a name and nothing else.
pub fn bare() -> Node {
    Node {
        target: Target::Debian,
        ignition: Target::Debian.facts().ignition[0],
        arch: Arch::Amd64,
        kernel: KernelFlavor::Generic,
        firmware: Firmware::default(),
        hostname: at(3, "kube1.lab.example"),
        is_named: true,
        users: Vec::new(),
        network: Network::default(),
        ntp: None,
        hosts: Vec::new(),
        firewall: None,
        proxy: None,
        sysctls: BTreeMap::new(),
        modules: Vec::new(),
        kernel_arguments: Vec::new(),
        removed_kernel_arguments: Vec::new(),
        ca_certificates: Vec::new(),
        swap: None,
        storage_device: None,
        etcd: None,
        flannel: None,
        containerd: None,
        kubernetes: None,
        container_linux: None,
        base: None,
        user_sections: Fragment::default(),
    }
}

/// A node with what the first example of the product has: a user, a static address, etcd.
pub fn small() -> Node {
    Node {
        users: vec![user("core")],
        network: Network {
            interfaces: vec![Interface {
                addresses: vec![at(12, "192.168.1.10/24")],
                gateways: vec![at(13, "192.168.1.1")],
                dns: vec![at(14, "192.168.1.1"), at(14, "192.168.1.2")],
                search: vec![at(14, "lab.example")],
                ..interface("eth0")
            }],
        },
        etcd: Some(etcd()),
        ..bare()
    }
}

/// A physical link without addresses.
pub fn interface(text: &str) -> Interface {
    Interface {
        matching: InterfaceMatch::Name(name(text)),
        kind: LinkKind::Physical,
        dhcp: Dhcp::No,
        dhcp_client: DhcpClient::default(),
        dhcp_server: None,
        addresses: Vec::new(),
        gateways: Vec::new(),
        dns: Vec::new(),
        search: Vec::new(),
        routes: Vec::new(),
        rules: Vec::new(),
        shares_address: false,
        pod_routes: None,
        mtu: None,
        required_for_online: true,
        span: span(11),
    }
}

/// A user who may become root.
pub fn user(text: &str) -> User {
    User {
        name: at(5, text),
        uid: None,
        groups: vec![name("sudo"), name("docker")],
        shell: None,
        home_dir: None,
        ssh_authorized_keys: vec!["ssh-ed25519 AAAA lab".to_owned()],
        password_hash: None,
        span: span(5),
    }
}

/// The only member of its cluster, with TLS.
pub fn etcd() -> EtcdMember {
    let pair = |what: &str| KeyPair {
        certificate: format!("certificate of {what}\n"),
        key: format!("key of {what}\n"),
    };
    EtcdMember {
        image: None,
        pod: None,
        name: Located::new("kube1".to_owned(), span(20)),
        data_dir: name("/var/lib/etcd"),
        listen_client_urls: vec![
            "https://192.168.1.10:2379".to_owned(),
            "https://127.0.0.1:2379".to_owned(),
        ],
        advertise_client_urls: vec!["https://192.168.1.10:2379".to_owned()],
        listen_peer_urls: vec!["https://192.168.1.10:2380".to_owned()],
        initial_advertise_peer_urls: vec!["https://192.168.1.10:2380".to_owned()],
        initial_cluster: vec![("kube1".to_owned(), "https://192.168.1.10:2380".to_owned())],
        initial_cluster_token: "lab".to_owned(),
        initial_cluster_state: "new".to_owned(),
        settings: BTreeMap::from([("heartbeat-interval".to_owned(), "200".to_owned())]),
        backup: Some(EtcdBackup {
            schedule: "Mon..Fri 03:30".to_owned(),
            keep: 7,
            span: span(20),
        }),
        restore: Some(Snapshot {
            bytes: b"snapshot".to_vec(),
            span: span(20),
        }),
        tls: Some(EtcdTls {
            ca_certificate: "certificate of the CA\n".to_owned(),
            server: pair("server"),
            peer: pair("peer"),
            healthcheck_client: pair("client"),
        }),
        span: span(20),
    }
}

/// Cards in every way to name and address them.
fn cards() -> Vec<Interface> {
    vec![
        Interface {
            matching: mac("52:54:00:12:34:56", Some("lan0")),
            addresses: vec![at(12, "192.168.1.10/24"), at(12, "fd00::10/64")],
            gateways: vec![at(13, "192.168.1.1"), at(13, "fe80::1")],
            dns: vec![at(14, "192.168.1.1")],
            routes: vec![
                Route {
                    destination: at(15, "10.45.0.0/16"),
                    gateway: Some(at(15, "192.168.1.124")),
                    metric: Some(at(15, "50")),
                    table: None,
                },
                Route {
                    destination: at(15, "10.46.0.0/16"),
                    gateway: Some(at(15, "10.99.0.1")),
                    metric: None,
                    table: None,
                },
                Route {
                    destination: at(15, "10.47.0.0/16"),
                    gateway: None,
                    metric: None,
                    table: None,
                },
            ],
            mtu: Some(at(15, "9000")),
            ..interface("unused")
        },
        Interface {
            matching: mac("52:54:00:12:34:57", None),
            dhcp: Dhcp::V4,
            dns: vec![at(16, "192.168.1.1")],
            required_for_online: false,
            ..interface("unused")
        },
        Interface {
            dhcp: Dhcp::Both,
            ..interface("enp9s0")
        },
        Interface {
            dhcp: Dhcp::V6,
            ..interface("enp10s0")
        },
        Interface {
            addresses: vec![at(17, "203.0.113.7/32")],
            gateways: vec![at(17, "198.51.100.1")],
            ..interface("enp11s0")
        },
    ]
}

/// Links made of others, and what is left of the cards.
fn made_links() -> Vec<Interface> {
    vec![
        Interface {
            kind: LinkKind::Bond {
                mode: "active-backup".to_owned(),
                members: vec![at(30, "enp1s0"), at(30, "enp2s0")],
                options: BTreeMap::from([
                    ("primary".to_owned(), "enp1s0".to_owned()),
                    ("miimon".to_owned(), "200".to_owned()),
                ]),
            },
            mtu: Some(at(30, "1400")),
            ..interface("bond0")
        },
        Interface {
            kind: LinkKind::Vlan {
                id: at(31, "42"),
                parent: at(31, "bond0"),
            },
            addresses: vec![at(31, "10.42.0.10/24")],
            ..interface("vlan42")
        },
        Interface {
            kind: LinkKind::Bridge {
                members: vec![at(32, "enp3s0")],
                stp: true,
            },
            addresses: vec![at(32, "10.43.0.10/24")],
            ..interface("br0")
        },
        Interface {
            matching: InterfaceMatch::AnyEthernet,
            dhcp: Dhcp::Both,
            required_for_online: false,
            ..interface("unused")
        },
    ]
}

/// A node that uses every part, and every kind of link.
pub fn full() -> Node {
    Node {
        network: Network {
            interfaces: [cards(), made_links()].concat(),
        },
        ntp: Some(Ntp {
            servers: vec![Located::new("ntp.nict.jp".to_owned(), span(40))],
            fallback: vec![Located::new("time.google.com".to_owned(), span(41))],
            span: span(40),
        }),
        hosts: vec![(
            at(42, "192.168.1.11"),
            vec![name("kube2"), name("kube2.lab.example")],
        )],
        firewall: Some(firewall()),
        sysctls: BTreeMap::from([(
            "vm.swappiness".to_owned(),
            Located::new("10".to_owned(), span(60)),
        )]),
        modules: vec![Located::new("br_netfilter".to_owned(), span(61))],
        swap: Some(Swap::Zram {
            size: 512 << 20,
            span: span(62),
        }),
        storage_device: Some(at(63, "/dev/disk/by-id/ata-DISK_1")),
        ..small()
    }
}

fn mac(address: &str, rename: Option<&str>) -> InterfaceMatch {
    InterfaceMatch::Mac {
        mac: name(address),
        rename: rename.map(name),
    }
}

/// A filter with every kind of rule.
pub fn firewall() -> Firewall {
    Firewall {
        allow_from: vec![
            at(50, "192.168.1.0/24"),
            at(50, "192.168.1.128/25"),
            at(50, "fd00::/64"),
        ],
        role_rules: Vec::new(),
        role_protocols: Vec::new(),
        pods: None,
        allow: vec![
            FirewallRule {
                protocol: Protocol::Tcp,
                ports: (80, 80),
                from: Vec::new(),
                span: span(51),
            },
            FirewallRule {
                protocol: Protocol::Udp,
                ports: (8000, 8010),
                from: vec![name("10.0.0.7/8")],
                span: span(52),
            },
        ],
        role_ports: vec![
            (22, "SSH".to_owned()),
            (2379, "etcd's \"clients\"".to_owned()),
            (2380, "etcd peers".to_owned()),
        ],
        masquerade: vec![
            Masquerade {
                source: at(53, "10.244.0.0/16"),
                interface: at(53, "lan0"),
            },
            Masquerade {
                source: at(54, "fd01::/64"),
                interface: at(54, "lan0"),
            },
        ],
        span: span(50),
    }
}

/// Files, links and units of all the parts of `node` in one fragment.
pub fn parts_of(node: &Node) -> Fragment {
    let mut all = Fragment::default();
    for fragment in imgbuild::parts::all(node) {
        all.files.extend(fragment.files);
        all.links.extend(fragment.links);
        all.units.extend(fragment.units);
    }
    all
}

/// The text of the file at `path`.
pub fn text(fragment: &Fragment, path: &str) -> String {
    let file = fragment
        .files
        .iter()
        .find(|file| file.path.as_str() == path)
        .unwrap_or_else(|| panic!("no {path}"));
    match &file.contents {
        Some(imgbuild::node::fragment::Contents::Inline(data)) => {
            String::from_utf8(data.clone()).expect("text")
        }
        other => panic!("{path}: {other:?}"),
    }
}
