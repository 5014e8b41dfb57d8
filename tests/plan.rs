//! From a spec in a folder to decided nodes, and to every mistake that only shows across fields.

use std::fs;
use std::time::{Duration, SystemTime};

use imgbuild::diagnostic::{Diagnostic, Sources};
use imgbuild::node::Cluster;
use imgbuild::node::fragment::Contents;
use imgbuild::pki::{Access, KeyFolder, Keys, system_random};
use imgbuild::plan::{Decided, decide};
use imgbuild::spec::load;

/// A spec in a folder of its own, with files beside it.
struct Project {
    folder: tempfile::TempDir,
    sources: Sources,
}

impl Project {
    fn new(spec: &str, files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [("node.yaml", spec)].iter().chain(files) {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("has a parent")).expect("a folder");
            fs::write(path, text).expect("writes");
        }
        Self {
            folder,
            sources: Sources::default(),
        }
    }

    fn decide(&mut self) -> Result<Decided, Vec<Diagnostic>> {
        let loaded = load(
            &self.folder.path().join("node.yaml"),
            None,
            &mut self.sources,
        )?;
        decide(&loaded, &self.sources)
    }

    /// What was found, each as `line:column code message`.
    fn found(&mut self) -> Vec<String> {
        let diagnostics = match self.decide() {
            Ok(decided) => decided.warnings,
            Err(diagnostics) => diagnostics,
        };
        diagnostics
            .iter()
            .map(|diagnostic| {
                let (line, column) = diagnostic
                    .span
                    .map_or((0, 0), |span| self.sources.position(span));
                format!(
                    "{line}:{column} {} {}",
                    diagnostic.code.0, diagnostic.message
                )
            })
            .collect()
    }

    fn keys_folder(&self) -> std::path::PathBuf {
        self.folder.path().join("keys")
    }

    fn cluster(&mut self, access: Access) -> Cluster {
        let decided = self
            .decide()
            .unwrap_or_else(|wrong| panic!("the spec is right: {wrong:#?}"));
        let mut random = system_random();
        let folder = KeyFolder::open(self.keys_folder(), access).expect("opens");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045);
        let mut keys = Keys::new(folder, now, &mut random);
        decided.with_keys(&mut keys).expect("keys are there")
    }
}

/// `text`, or a whole spec around it.
fn spec(text: &str) -> String {
    if text.starts_with("version:") {
        text.to_owned()
    } else {
        format!("version: 1\nhostname: kube1\n{text}")
    }
}

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
                "node new",
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
                "node new",
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
                "node new",
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
                "node new",
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
                "node new",
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
                "node new",
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

    // The C library that the node logs in with is the judge: libcrypt, by way of Perl's crypt().
    for hash in &first {
        let output = std::process::Command::new("perl")
            .args([
                "-e",
                "print crypt($ARGV[0], $ARGV[1])",
                "correct horse",
                hash,
            ])
            .output()
            .expect("perl runs (Debian package perl-base)");
        assert_eq!(String::from_utf8_lossy(&output.stdout), *hash);
    }
}

#[test]
fn without_a_network_every_wired_card_asks_dhcp() {
    use imgbuild::node::network::{Dhcp, InterfaceMatch};
    let cluster = Project::new(&spec(""), &[]).cluster(Access::Look);
    let [interface] = cluster.nodes[0].network.interfaces.as_slice() else {
        panic!("one entry for all cards");
    };
    assert_eq!(interface.matching, InterfaceMatch::AnyEthernet);
    assert_eq!(interface.dhcp, Dhcp::Both);
    assert!(interface.required_for_online);
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
