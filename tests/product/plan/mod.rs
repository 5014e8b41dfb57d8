//! From a spec in a folder to decided nodes, and to every mistake that only shows across fields.

mod etcd;

use imgbuild::node::Cluster;
use imgbuild::node::fragment::Contents;
use imgbuild::node::images::ImageUse;
use imgbuild::node::needed_images::needed_images;
use imgbuild::node::network::Interface;
use imgbuild::pki::Access;

use crate::spec_folder::{Project, spec};

#[test]
fn a_wrong_spec_and_a_check_leave_no_keys_behind() {
    let mut wrong = Project::new(&spec("etcd: {tls: true, data_dir: /usr}\n"), &[]);
    assert!(wrong.decide().is_err());
    assert!(!wrong.keys_folder().exists());
    let mut right = Project::new(&spec("etcd: {}\n"), &[]);
    right.cluster(Access::Look);
    assert!(!right.keys_folder().exists());
}

#[test]
fn passwords_from_files_are_hashed_the_same_in_every_build() {
    let text = spec("users: [{name: core, password_file: pw}, {name: ops, password_file: pw}]\n");
    let mut project = Project::new(&text, &[("pw", "correct horse\n")]);
    assert!(project.decide().expect("the spec is right").needs_keys());
    let hashes = |cluster: &Cluster| -> Vec<String> {
        let users = cluster.nodes[0].users.iter();
        users
            .map(|user| user.password_hash.clone().expect("a hash"))
            .collect()
    };
    let first = hashes(&project.cluster(Access::Write));
    assert_eq!(first, hashes(&project.cluster(Access::Write)));
    assert_ne!(first[0], first[1], "two users have two salts");
}

#[test]
fn without_a_network_every_wired_card_asks_dhcp() {
    use imgbuild::facts::network::Dhcp;
    use imgbuild::node::network::InterfaceMatch;
    let cluster = Project::new(&spec(""), &[]).cluster(Access::Look);
    let [interface] = cluster.nodes[0].network.interfaces.as_slice() else {
        panic!("one entry for all cards");
    };
    assert_eq!(interface.matching, InterfaceMatch::AnyEthernet);
    assert_eq!(interface.dhcp, Dhcp::Both);
    assert!(interface.required_for_online);
}

/// The DNS of a cluster that others made is theirs, unless the spec says otherwise.
#[test]
fn nodes_that_join_the_cluster_of_others_bring_no_dns() {
    let brings_dns = |more: &str| {
        let text = spec(&format!(
            "\
network: {{interfaces: [{{name: eth0, addresses: [10.0.0.20/24], gateway: 10.0.0.1}}]}}
kubernetes:
  version: 1.36.2
  endpoint: 10.0.0.10
  join: token
  bootstrap_token: abcdef.0123456789abcdef
  artifacts: {{images: [./mine.tar]}}
  {more}
"
        ));
        let cluster = Project::new(&text, &[("mine.tar", "")]).cluster(Access::Write);
        let kubernetes = cluster.nodes[0].kubernetes.as_ref().expect("Kubernetes");
        let images = needed_images(kubernetes);
        images
            .iter()
            .any(|image| image.used_for == ImageUse::CoreDns)
    };
    assert!(!brings_dns("role: worker"));
    assert!(brings_dns("role: worker\n  dns: coredns"));
}

/// In a network without a way out, a node finds the services and the pods of others all the same.
#[test]
fn routes_of_a_cluster_in_both_families() {
    let node = |name: &str, number: u32, gateway: &str, more: &str| {
        format!(
            "  - hostname: {name}
    network: {{interfaces: [{{name: eth0, addresses: [10.0.0.{number}/24, 'fd00::{number}/64']{gateway}}}]}}
    {more}
"
        )
    };
    let text = [
        "version: 1
kubernetes:
  version: 1.36.2
  pod_network: [10.244.0.0/16, 'fd01::/56']
  service_network: [10.96.0.0/16, 'fd02::/112']
nodes:
"
        .to_owned(),
        node(
            "a",
            1,
            "",
            "etcd: {}\n    kubernetes: {role: control-plane}",
        ),
        node(
            "b",
            2,
            ", gateway: 10.0.0.254",
            "kubernetes: {role: worker}",
        ),
    ];
    let cluster = Project::new(&text.concat(), &[]).cluster(Access::Look);
    let routes = |node: usize| -> Vec<String> {
        let interfaces = &cluster.nodes[node].network.interfaces;
        let routes = interfaces.iter().flat_map(Interface::all_routes);
        routes
            .map(|route| match route.gateway {
                Some(gateway) => format!("{} {}", route.destination.value, gateway.value),
                None => route.destination.value.to_string(),
            })
            .collect()
    };
    assert_eq!(
        routes(0),
        [
            "10.96.0.0/16",
            "fd02::/112",
            "10.244.1.0/24 10.0.0.2",
            "fd01:0:0:1::/64 fd00::2"
        ]
    );
    assert_eq!(
        routes(1),
        ["fd02::/112", "10.244.0.0/24 10.0.0.1", "fd01::/64 fd00::1"]
    );
}

#[test]
fn links_that_only_carry_others_are_not_waited_for() {
    let text = "network:
  interfaces:
    - {name: eth0}
    - {name: eth1, required_for_online: true}
    - {name: bond0, bond: {members: [eth0, eth1]}}
    - {name: bond0.5, vlan: {id: 5, parent: bond0}, addresses: [10.0.0.1/24]}
";
    let cluster = Project::new(&spec(text), &[]).cluster(Access::Look);
    let waited: Vec<bool> = cluster.nodes[0]
        .network
        .interfaces
        .iter()
        .map(|i| i.required_for_online)
        .collect();
    assert_eq!(waited, [false, true, false, true]);
}

#[test]
fn the_firewall_knows_the_ports_of_the_roles() {
    let ports = |text: &str| {
        let cluster = Project::new(&spec(text), &[]).cluster(Access::Look);
        let firewall = cluster.nodes[0].firewall.clone().expect("a firewall");
        firewall
            .role_ports
            .into_iter()
            .map(|(port, _)| port)
            .collect::<Vec<_>>()
    };
    assert_eq!(ports("network: {firewall: {}}\n"), [22]);
    assert_eq!(
        ports("network: {firewall: {}}\netcd: {}\n"),
        [22, 2379, 2380]
    );
    let own = "network: {firewall: {}}\netcd: {listen_client_urls: ['https://0.0.0.0:4001']}\n";
    assert_eq!(ports(own), [22, 4001, 2380]);
}

const STORAGE: &str = r"
storage:
  disks:
    - {device: /dev/vdb, wipe_table: true, partitions: [{label: data, size_mib: 100}, {label: swap}]}
  luks:
    - {name: safe, device: /dev/disk/by-partlabel/safe, clevis: {tang: [{url: 'http://10.0.0.1', thumbprint: x}]}, key_file: {inline: k}}
  filesystems:
    - {device: /dev/disk/by-partlabel/data, format: ext4, path: /srv/my-data, with_mount_unit: true, mount_options: [noatime, nodev]}
    - {device: /dev/disk/by-partlabel/swap, format: swap, with_mount_unit: true}
    - {device: /dev/mapper/safe, format: xfs, path: /srv/safe, with_mount_unit: true}
  files:
    - path: /etc/lab/a
      mode: 0600
      user: {id: 500}
      group: {name: adm}
      contents: {local: files/a}
      append: [{inline: more}]
    - path: /opt/fetched
      contents: {source: 'https://example.com/x', verification: {hash: sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855}}
    - {path: /usr/local/bin/tool, mode: 0700}
  trees:
    - {local: tree, path: /usr/local}
  directories: [{path: /srv/x}]
  links: [{path: /etc/lab/b, target: a}]
systemd:
  units:
    - {name: hello.service, enabled: true, contents_local: files/hello.service, dropins: [{name: 10-a.conf, contents_local: files/a}]}
passwd:
  users: [{name: lab, uid: 1500, groups: [adm], system: true}]
  groups: [{name: labs, gid: 2000}]
";

#[test]
fn own_sections_become_fragments() {
    let files = [
        ("files/a", "local\n"),
        ("files/hello.service", "[Service]\n"),
        ("tree/bin/tool", "#!/bin/sh\n"),
        ("tree/share/note", "note\n"),
    ];
    let mut project = Project::new(&spec(STORAGE), &files);
    assert_eq!(project.found(), [""; 0]);
    let cluster = project.cluster(Access::Look);
    let own = &cluster.nodes[0].user_sections;
    let bytes = |contents: &Contents| match contents {
        Contents::Inline(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
        Contents::Remote(resource) => format!("{resource:?}"),
    };
    let mut lines = Vec::new();
    for file in &own.files {
        let all: Vec<_> = file
            .contents
            .iter()
            .chain(&file.append)
            .map(bytes)
            .collect();
        lines.push(format!("{} {:o} {:?}", file.path, file.mode, file.owner));
        lines.push(format!("    {}", all.join(" + ")));
    }
    for unit in &own.units {
        lines.push(format!("=== {} {:?}", unit.name, unit.enabled));
        lines.extend(unit.contents.clone());
        for (name, contents) in &unit.dropins {
            lines.push(format!("--- {name}\n{contents}"));
        }
    }
    lines.extend(own.disks.iter().map(|(disk, _)| format!("{disk:?}")));
    lines.extend(own.luks.iter().map(|(luks, _)| format!("{luks:?}")));
    lines.extend(
        own.filesystems
            .iter()
            .map(|(filesystem, _)| format!("{filesystem:?}")),
    );
    lines.push(format!("{} -> {}", own.links[0].path, own.links[0].target));
    lines.push(format!(
        "{} {:o}",
        own.directories[0].path, own.directories[0].mode
    ));
    lines.push(format!("{:?}", own.users[0].0));
    lines.push(format!("{:?}", own.groups[0].0));
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn one_run_shows_the_mistakes_of_every_room() {
    let text = "network:
  interfaces:
    - {name: eth0, addresses: [10.0.0.1/24], gateway: 10.0.1.1}
storage:
  files:
    - {path: /etc/hostname, contents: {inline: a}}
    - {path: /etc/hostname, contents: {inline: b}}
systemd:
  units: [{name: a.service, contents: \"[Servce]\\nExecStart=/bin/true\\n\"}]
";
    let project = Project::new(&spec(text), &[]);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args(["check", "--message-format", "json", "node.yaml"])
        .current_dir(project.folder.path())
        .output()
        .expect("imgbuild runs");
    assert_eq!(output.status.code(), Some(2));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    for code in ["E0216", "E0235", "E0300", "E0311"] {
        assert!(said.contains(code), "{code} is not in {said}");
    }
}
