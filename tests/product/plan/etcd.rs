//! What is decided of etcd: names, addresses, certificates and members.

use imgbuild::node::Cluster;
use imgbuild::pki::Access;

use crate::spec_folder::{Project, spec};

/// etcd's decisions: name, then the URLs it listens on and tells for clients and peers, then the
/// cluster.
fn etcd(cluster: &Cluster, node: usize) -> Vec<String> {
    let member = cluster.nodes[node].etcd.as_ref().expect("a member");
    let pairs = member
        .initial_cluster
        .iter()
        .map(|(name, url)| format!("{name}={url}"));
    vec![
        member.name.value.clone(),
        member.listen_client_urls.join(" "),
        member.advertise_client_urls.join(" "),
        member.listen_peer_urls.join(" "),
        member.initial_advertise_peer_urls.join(" "),
        pairs.collect::<Vec<_>>().join(" "),
        format!(
            "{} {}",
            member.initial_cluster_token, member.initial_cluster_state
        ),
    ]
}

#[allow(clippy::too_many_lines)] // a table
#[test]
fn etcd_defaults() {
    let address =
        "network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24, 'fd00::10/64']}]}\n";
    let cases: [(&str, String, [&str; 7]); 7] = [
        (
            "one member with a static address",
            format!("{address}etcd: {{}}\n"),
            [
                "kube1",
                "https://127.0.0.1:2379 https://192.168.1.10:2379",
                "https://192.168.1.10:2379",
                "https://192.168.1.10:2380",
                "https://192.168.1.10:2380",
                "kube1=https://192.168.1.10:2380",
                "etcd-cluster new",
            ],
        ),
        (
            "one member by DHCP",
            "etcd: {}\n".to_owned(),
            [
                "kube1",
                "https://0.0.0.0:2379",
                "https://kube1:2379",
                "https://127.0.0.1:2380",
                "https://127.0.0.1:2380",
                "kube1=https://127.0.0.1:2380",
                "etcd-cluster new",
            ],
        ),
        (
            "IPv6 alone",
            "network: {interfaces: [{name: eth0, addresses: ['fe80::5/64', 'fd00::10/64']}]}\netcd: {}\n".to_owned(),
            [
                "kube1",
                "https://127.0.0.1:2379 https://[fd00::10]:2379",
                "https://[fd00::10]:2379",
                "https://[fd00::10]:2380",
                "https://[fd00::10]:2380",
                "kube1=https://[fd00::10]:2380",
                "etcd-cluster new",
            ],
        ),
        (
            "plain HTTP",
            format!("{address}etcd: {{tls: false, name: m1}}\n"),
            [
                "m1",
                "http://127.0.0.1:2379 http://192.168.1.10:2379",
                "http://192.168.1.10:2379",
                "http://192.168.1.10:2380",
                "http://192.168.1.10:2380",
                "m1=http://192.168.1.10:2380",
                "etcd-cluster new",
            ],
        ),
        (
            "a port of one's own is told too",
            format!("{address}etcd: {{listen_client_urls: ['https://0.0.0.0:4001'], listen_peer_urls: ['https://0.0.0.0:7001']}}\n"),
            [
                "kube1",
                "https://0.0.0.0:4001",
                "https://192.168.1.10:4001",
                "https://0.0.0.0:7001",
                "https://192.168.1.10:7001",
                "kube1=https://192.168.1.10:7001",
                "etcd-cluster new",
            ],
        ),
        (
            "a member that joins a cluster elsewhere",
            format!(
                "cluster: {{name: lab}}\n{address}etcd: {{initial_cluster: 'kube1=https://192.168.1.10:2380,a=https://192.168.1.11:2380', \
                 initial_cluster_state: existing}}\n"
            ),
            [
                "kube1",
                "https://127.0.0.1:2379 https://192.168.1.10:2379",
                "https://192.168.1.10:2379",
                "https://192.168.1.10:2380",
                "https://192.168.1.10:2380",
                "kube1=https://192.168.1.10:2380 a=https://192.168.1.11:2380",
                "lab existing",
            ],
        ),
        (
            "DHCP, and a name that peers know",
            "etcd: {initial_advertise_peer_urls: ['https://kube1.lab:2380'], initial_cluster: {kube1: 'https://kube1.lab:2380', \
             kube2: 'https://kube2.lab:2380', kube3: 'https://kube3.lab:2380'}}\n"
                .to_owned(),
            [
                "kube1",
                "https://0.0.0.0:2379",
                "https://kube1:2379",
                "https://0.0.0.0:2380",
                "https://kube1.lab:2380",
                "kube1=https://kube1.lab:2380 kube2=https://kube2.lab:2380 kube3=https://kube3.lab:2380",
                "etcd-cluster new",
            ],
        ),
    ];
    for (case, text, expected) in cases {
        let cluster = Project::new(&spec(&text), &[]).cluster(Access::Look);
        assert_eq!(etcd(&cluster, 0), expected, "{case}");
    }
}

/// Names and addresses of the member's server certificate.
fn server_names(cluster: &Cluster, node: usize) -> String {
    let tls = cluster.nodes[node]
        .etcd
        .as_ref()
        .and_then(|member| member.tls.as_ref());
    let pem = &tls.expect("TLS is on").server.certificate;
    let certificate = imgbuild::pki::Certificate::from_pem(pem).expect("a certificate");
    certificate.names().texts().join(" ")
}

#[test]
fn certificates_have_the_names_that_a_member_is_reached_by() {
    for (case, text, expected) in [
        (
            "static addresses",
            "network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24]}, {name: eth1, addresses: [10.0.0.10/24]}]}\netcd: {}\n",
            "kube1 localhost 10.0.0.10 127.0.0.1 192.168.1.10 ::1",
        ),
        ("DHCP", "etcd: {}\n", "kube1 localhost 127.0.0.1 ::1"),
        (
            "a name that is told",
            "etcd: {advertise_client_urls: ['https://etcd.lab.example:2379']}\n",
            "etcd.lab.example kube1 localhost 127.0.0.1 ::1",
        ),
    ] {
        let cluster = Project::new(&spec(text), &[]).cluster(Access::Look);
        assert_eq!(server_names(&cluster, 0), expected, "{case}");
    }
}

const THREE: &str = "version: 1
cluster: {name: lab}
etcd: {}
storage_device: /dev/vda
nodes:
  - {hostname: a, network: {interfaces: [{name: lan0, mac: '52:54:00:00:00:01', addresses: [10.0.0.1/24]}]}}
  - {hostname: b, network: {interfaces: [{name: lan0, mac: '52:54:00:00:00:02', addresses: [10.0.0.2/24]}]}}
  - {hostname: c, network: {interfaces: [{name: lan0, mac: '52:54:00:00:00:03', addresses: [10.0.0.3/24]}]}}
";

#[test]
fn three_nodes_know_each_other() {
    let mut project = Project::new(THREE, &[]);
    assert_eq!(project.found(), [""; 0]);
    let cluster = project.cluster(Access::Write);
    for node in 0..3 {
        let decided = etcd(&cluster, node);
        assert_eq!(
            decided[5],
            "a=https://10.0.0.1:2380 b=https://10.0.0.2:2380 c=https://10.0.0.3:2380"
        );
        assert_eq!(decided[6], "lab new");
    }
    let tls = |node: usize| {
        cluster.nodes[node]
            .etcd
            .as_ref()
            .and_then(|m| m.tls.clone())
            .expect("TLS is on")
    };
    assert_eq!(tls(0).ca_certificate, tls(2).ca_certificate);
    assert_ne!(tls(0).peer.key, tls(2).peer.key);

    let again = project.cluster(Access::Write);
    let tls_again = again.nodes[1]
        .etcd
        .as_ref()
        .and_then(|m| m.tls.clone())
        .expect("TLS is on");
    assert_eq!(
        tls(1).server.certificate,
        tls_again.server.certificate,
        "a second build has the same keys"
    );
}

/// A system that has a disk of its own keeps snapshots, and takes no `storage_device`.
#[test]
fn snapshots_in_memory_are_told_where_they_are() {
    let warned = |target: &str| {
        let text = format!(
            "version: 1\ntarget: {target}\nhostname: kube1\n\
             network: {{interfaces: [{{name: ens3, addresses: [192.168.1.10/24]}}]}}\n\
             etcd: {{backup: {{}}}}\n"
        );
        let found = Project::new(&text, &[]).found();
        found.iter().any(|one| one.contains("W0580"))
    };
    assert!(warned("debian"));
    assert!(!warned("flatcar"));
    assert!(!warned("fedora-coreos"));
}
