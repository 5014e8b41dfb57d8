//! Nodes for the tests: decided by hand, so that no other room is needed.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;

use imgbuild::diagnostic::{Located, SourceId, Span};
use imgbuild::names::Arch;
use imgbuild::parts::Fragment;
use imgbuild::plan::{
    Dhcp, EtcdMember, EtcdTls, Interface, InterfaceMatch, KernelFlavour, KeyPair, LinkKind,
    Network, Node, Target, User,
};

/// A value of line `line` of the spec; byte offsets stand for lines here.
pub fn at<T: std::str::FromStr<Err: std::fmt::Debug>>(line: u32, text: &str) -> Located<T> {
    Located::new(text.parse().expect("valid"), span(line))
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
        arch: Arch::Amd64,
        kernel: KernelFlavour::Generic,
        hostname: at(3, "kube1.lab.example"),
        users: Vec::new(),
        network: Network::default(),
        ntp: None,
        hosts: Vec::new(),
        firewall: None,
        sysctls: BTreeMap::new(),
        modules: Vec::new(),
        kernel_arguments: Vec::new(),
        ca_certificates: Vec::new(),
        swap: None,
        storage_device: None,
        etcd: None,
        own: Fragment::default(),
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
                search: vec!["lab.example".to_owned()],
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
        addresses: Vec::new(),
        gateways: Vec::new(),
        dns: Vec::new(),
        search: Vec::new(),
        routes: Vec::new(),
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
        tls: Some(EtcdTls {
            ca_certificate: "certificate of the CA\n".to_owned(),
            server: pair("server"),
            peer: pair("peer"),
            healthcheck_client: pair("client"),
        }),
        span: span(20),
    }
}
