//! Links: keyfiles as they are written, and as `NetworkManager` reads them.

use std::collections::BTreeMap;

use crate::fedora_coreos::network_manager;
use crate::fedora_coreos::project::{HEAD, Project, files, said};

const FOLDER: &str = "/etc/NetworkManager/system-connections/";

/// Nobody's key, in the form that WireGuard's have.
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=";

/// The keyfiles of a node with these interfaces, by name; and its other files.
fn keyfiles(interfaces: &str) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let project = Project::new(&format!("{HEAD}network: {{interfaces: [{interfaces}]}}\n"));
    std::fs::write(project.path("wg0.key"), KEY).unwrap();
    let mut keyfiles = BTreeMap::new();
    let mut others = BTreeMap::new();
    for (path, text) in files(&project.build("node.ign", &[])) {
        match path.strip_prefix(FOLDER) {
            Some(name) => keyfiles.insert(name.to_owned(), text),
            None => others.insert(path, text),
        };
    }
    (keyfiles, others)
}

/// A name and interfaces of a spec, and keyfiles that they become: names and texts.
type Case = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const CASES: &[Case] = &[
    (
        "a static address",
        "{name: ens3, addresses: [192.168.1.10/24], gateway: 192.168.1.1, dns: [192.168.1.1, 192.168.1.2], search: [lab.example, b.example], \
         routes: [{destination: 10.45.0.0/16, gateway: 192.168.1.124}, {destination: 10.46.0.0/16, gateway: 192.168.1.124, metric: 50}, \
         {destination: 10.47.0.0/16}, {destination: 10.48.0.0/16, metric: 7}], mtu: 9000}",
        &[(
            "ens3.nmconnection",
            "[connection]\nid=ens3\ntype=ethernet\ninterface-name=ens3\n\n[ethernet]\nmtu=9000\n\n[ipv4]\nmethod=manual\nmay-fail=false\n\
             address1=192.168.1.10/24,192.168.1.1\ndns=192.168.1.1;192.168.1.2;\ndns-search=lab.example;b.example;\n\
             route1=10.45.0.0/16,192.168.1.124\nroute2=10.46.0.0/16,192.168.1.124,50\nroute3=10.47.0.0/16\nroute4=10.48.0.0/16,0.0.0.0,7\n\n\
             [ipv6]\nmethod=link-local\n",
        )],
    ),
    (
        "both versions, by MAC address",
        "{mac: '52:54:00:12:34:56', addresses: [10.0.0.2/24, 10.0.1.2/24, 'fd00::2/64'], gateway: [10.0.0.1, 'fd00::1'], dns: ['fd00::1'], \
         routes: [{destination: 'fd01::/16', gateway: 'fd00::3'}], required_for_online: false}",
        &[(
            "52-54-00-12-34-56.nmconnection",
            "[connection]\nid=52-54-00-12-34-56\ntype=ethernet\n\n[ethernet]\nmac-address=52:54:00:12:34:56\n\n[ipv4]\nmethod=manual\n\
             address1=10.0.0.2/24,10.0.0.1\naddress2=10.0.1.2/24\n\n[ipv6]\nmethod=manual\naddress1=fd00::2/64,fd00::1\ndns=fd00::1;\n\
             route1=fd01::/16,fd00::3\n",
        )],
    ),
    (
        "DHCP of both versions, and a gateway of one's own",
        "{name: ens3, dhcp: true, gateway: 10.0.0.1, dns: [10.0.0.1], search: [a.example], routes: [{destination: 10.9.0.0/16, gateway: 10.0.0.9}]}",
        &[(
            "ens3.nmconnection",
            "[connection]\nid=ens3\ntype=ethernet\ninterface-name=ens3\n\n[ipv4]\nmethod=auto\ndhcp-client-id=mac\nignore-auto-dns=true\n\
             dns=10.0.0.1;\ndns-search=a.example;\nroute1=0.0.0.0/0,10.0.0.1\nroute2=10.9.0.0/16,10.0.0.9\n\n[ipv6]\nmethod=auto\ndhcp-duid=ll\n\
             ignore-auto-dns=true\n",
        )],
    ),
    (
        "DHCP of IPv4",
        "{name: ens3, dhcp: ipv4}",
        &[(
            "ens3.nmconnection",
            "[connection]\nid=ens3\ntype=ethernet\ninterface-name=ens3\n\n[ipv4]\nmethod=auto\ndhcp-client-id=mac\nmay-fail=false\n\n\
             [ipv6]\nmethod=auto\ndhcp-duid=ll\n",
        )],
    ),
    (
        "DHCP of IPv6 and a domain",
        "{name: ens3, dhcp: ipv6, search: [a.example]}",
        &[(
            "ens3.nmconnection",
            "[connection]\nid=ens3\ntype=ethernet\ninterface-name=ens3\n\n[ipv4]\nmethod=disabled\n\n[ipv6]\nmethod=auto\ndhcp-duid=ll\n\
             may-fail=false\ndns-search=a.example;\n",
        )],
    ),
    (
        "an address that stands alone",
        "{name: ens3, addresses: [203.0.113.7/32], gateway: 198.51.100.1}",
        &[(
            "ens3.nmconnection",
            "[connection]\nid=ens3\ntype=ethernet\ninterface-name=ens3\n\n[ipv4]\nmethod=manual\nmay-fail=false\n\
             address1=203.0.113.7/32,198.51.100.1\n\n[ipv6]\nmethod=link-local\n",
        )],
    ),
    (
        "a card, and all others of a kind",
        "{mac: '52:54:00:12:34:56', dhcp: ipv4}, {name: 'en*', dhcp: ipv4}, {name: 'enp1*', dhcp: ipv4}",
        &[
            (
                "52-54-00-12-34-56.nmconnection",
                "[connection]\nid=52-54-00-12-34-56\ntype=ethernet\n\n[ethernet]\nmac-address=52:54:00:12:34:56\n\n[ipv4]\nmethod=auto\n\
                 dhcp-client-id=mac\nmay-fail=false\n\n[ipv6]\nmethod=auto\ndhcp-duid=ll\n",
            ),
            (
                "en*.nmconnection",
                "[connection]\nid=en*\ntype=ethernet\nautoconnect-priority=-13\nmulti-connect=3\n\n[match]\ninterface-name=en*;\n\n[ipv4]\n\
                 method=auto\ndhcp-client-id=mac\nmay-fail=false\n\n[ipv6]\nmethod=auto\ndhcp-duid=ll\n",
            ),
            (
                "enp1*.nmconnection",
                "[connection]\nid=enp1*\ntype=ethernet\nautoconnect-priority=-11\nmulti-connect=3\n\n[match]\ninterface-name=enp1*;\n\n[ipv4]\n\
                 method=auto\ndhcp-client-id=mac\nmay-fail=false\n\n[ipv6]\nmethod=auto\ndhcp-duid=ll\n",
            ),
        ],
    ),
    (
        "a VLAN on a bond",
        "{name: bond0, bond: {mode: 802.3ad, members: [ens3, ens4], options: {LACPTransmitRate: fast, UpDelaySec: 200ms}}, mtu: 9000}, \
         {name: lab, vlan: {id: 5, parent: bond0}, addresses: [10.0.0.2/24]}",
        &[
            (
                "bond0.nmconnection",
                "[connection]\nid=bond0\ntype=bond\ninterface-name=bond0\n\n[ethernet]\nmtu=9000\n\n[bond]\nmode=802.3ad\nmiimon=100\n\
                 lacp_rate=fast\nupdelay=200\n\n[ipv4]\nmethod=disabled\n\n[ipv6]\nmethod=disabled\n",
            ),
            (
                "ens3.nmconnection",
                "[connection]\nid=ens3\ntype=ethernet\ninterface-name=ens3\nmaster=bond0\nslave-type=bond\n",
            ),
            (
                "ens4.nmconnection",
                "[connection]\nid=ens4\ntype=ethernet\ninterface-name=ens4\nmaster=bond0\nslave-type=bond\n",
            ),
            (
                "lab.nmconnection",
                "[connection]\nid=lab\ntype=vlan\ninterface-name=lab\n\n[vlan]\nid=5\nparent=bond0\n\n[ipv4]\nmethod=manual\nmay-fail=false\n\
                 address1=10.0.0.2/24\n\n[ipv6]\nmethod=link-local\n",
            ),
        ],
    ),
    (
        "a bond that prefers a member and asks addresses",
        "{name: bond0, bond: {mode: active-backup, members: [ens3, ens4], options: {primary: ens3, arp_interval: 100, ARPIPTargets: '10.0.0.1 10.0.0.3'}}, \
         dhcp: true}",
        &[(
            "bond0.nmconnection",
            "[connection]\nid=bond0\ntype=bond\ninterface-name=bond0\n\n[bond]\nmode=active-backup\narp_ip_target=10.0.0.1,10.0.0.3\n\
             arp_interval=100\nprimary=ens3\n\n[ipv4]\nmethod=auto\ndhcp-client-id=mac\n\n[ipv6]\nmethod=auto\ndhcp-duid=ll\n",
        )],
    ),
    (
        "a bridge with a card that is renamed",
        "{name: lan, mac: '52:54:00:ab:cd:ef'}, {name: br0, bridge: {members: [lan]}, addresses: [10.0.0.2/24]}, {name: ens9, mtu: 1400}, \
         {name: v9, vlan: {id: 9, parent: ens9}, dhcp: true}",
        &[
            (
                "br0.nmconnection",
                "[connection]\nid=br0\ntype=bridge\ninterface-name=br0\n\n[bridge]\nstp=false\n\n[ipv4]\nmethod=manual\nmay-fail=false\n\
                 address1=10.0.0.2/24\n\n[ipv6]\nmethod=link-local\n",
            ),
            (
                "lan.nmconnection",
                "[connection]\nid=lan\ntype=ethernet\nmaster=br0\nslave-type=bridge\n\n[ethernet]\nmac-address=52:54:00:ab:cd:ef\n",
            ),
            (
                "ens9.nmconnection",
                "[connection]\nid=ens9\ntype=ethernet\ninterface-name=ens9\n\n[ethernet]\nmtu=1400\n\n[ipv4]\nmethod=disabled\n\n[ipv6]\n\
                 method=disabled\n",
            ),
        ],
    ),
    (
        "a VRF, a table and rules",
        "{name: ens3, addresses: [10.0.0.2/24, 'fd00::2/64'], routes: [{destination: 0.0.0.0/0, gateway: 10.0.0.1, table: 100}], \
         rules: [{from: 10.0.0.0/24, table: 100}, \
         {to: 'fd01::/16', incoming: ens3, table: 100, priority: 7}]}, \
         {name: ens4, addresses: [10.1.0.2/24]}, {name: red, vrf: {table: 200, members: [ens4]}}",
        &[
            (
                "ens3.nmconnection",
                "[connection]\nid=ens3\ntype=ethernet\ninterface-name=ens3\n\n[ipv4]\nmethod=manual\nmay-fail=false\n\
                 address1=10.0.0.2/24\nroute1=0.0.0.0/0,10.0.0.1\nroute1_options=table=100\n\
                 routing-rule1=priority 1000 from 10.0.0.0/24 table 100\n\n\
                 [ipv6]\nmethod=manual\nmay-fail=false\naddress1=fd00::2/64\nrouting-rule1=priority 7 to fd01::/16 iif ens3 table 100\n",
            ),
            (
                "ens4.nmconnection",
                "[connection]\nid=ens4\ntype=ethernet\ninterface-name=ens4\nmaster=red\nslave-type=vrf\n\n[ipv4]\nmethod=manual\n\
                 may-fail=false\naddress1=10.1.0.2/24\n\n[ipv6]\nmethod=link-local\n",
            ),
            (
                "red.nmconnection",
                "[connection]\nid=red\ntype=vrf\ninterface-name=red\n\n[vrf]\ntable=200\n\n[ipv4]\nmethod=disabled\n\n\
                 [ipv6]\nmethod=disabled\n",
            ),
        ],
    ),
    (
        "a tunnel, and DHCP by another name",
        "{name: wg0, addresses: [10.9.0.1/24], wireguard: {private_key_file: wg0.key, port: 51820, peers: [{public_key: 'Q4CvP3Rg7HC5N2oBemm4iXNB4QCt8Rh0C6KWBseTRJk=', \
         preshared_key_file: wg0.key, endpoint: 'vpn.example:51820', allowed_ips: [10.9.0.2/32, 'fd00::/64'], keepalive: 25}]}}, \
         {name: ens3, dhcp: {client_id: duid, metric: 200}}",
        &[
            (
                "wg0.nmconnection",
                "[connection]\nid=wg0\ntype=wireguard\ninterface-name=wg0\n\n[wireguard]\n\
                 private-key=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\nlisten-port=51820\n\n\
                 [wireguard-peer.Q4CvP3Rg7HC5N2oBemm4iXNB4QCt8Rh0C6KWBseTRJk=]\nendpoint=vpn.example:51820\n\
                 preshared-key=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\npreshared-key-flags=0\npersistent-keepalive=25\n\
                 allowed-ips=10.9.0.2/32;fd00::/64;\n\n[ipv4]\nmethod=manual\nmay-fail=false\naddress1=10.9.0.1/24\n\n\
                 [ipv6]\nmethod=link-local\n",
            ),
            (
                "ens3.nmconnection",
                "[connection]\nid=ens3\ntype=ethernet\ninterface-name=ens3\n\n[ipv4]\nmethod=auto\ndhcp-client-id=duid\n\
                 route-metric=200\n\n[ipv6]\nmethod=auto\ndhcp-duid=ll\nroute-metric=200\n",
            ),
        ],
    ),
];

#[test]
fn keyfiles_say_what_the_spec_says() {
    for (case, interfaces, expected) in CASES {
        let (keyfiles, _) = keyfiles(interfaces);
        for (name, text) in *expected {
            assert_eq!(
                keyfiles.get(*name).map(String::as_str),
                Some(*text),
                "{case}"
            );
        }
    }
}

/// Read without a complaint, and nothing that was written is lost: what `NetworkManager` would
/// write itself has it all.
#[test]
fn network_manager_reads_them() {
    let mut named = Vec::new();
    for (case, interfaces, _) in CASES {
        for (name, text) in keyfiles(interfaces).0 {
            named.push((format!("{case}: {name}"), text));
        }
    }
    let texts: Vec<String> = named.iter().map(|(_, text)| text.clone()).collect();
    for ((name, text), read) in named.iter().zip(network_manager::read(&texts)) {
        let read = read.unwrap_or_else(|why| panic!("{name}: {why}\n{text}"));
        for (key, value) in network_manager::settings(text) {
            let found = read.get(&key);
            let is_same = found.is_some_and(|found| found.eq_ignore_ascii_case(&value));
            assert!(is_same, "{name}: {key}={value} became {found:?}");
        }
    }
    // The judge is awake.
    let wrong = "[connection]\nid=a\ntype=ethernet\n[ipv4]\nmethod=manual\naddress1=10.0.0.1/33\n";
    assert!(network_manager::read(&[wrong.to_owned()])[0].is_err());
}

#[test]
fn a_spec_without_interfaces_leaves_the_links_to_the_system() {
    let project = Project::new(HEAD);
    let files = files(&project.build("node.ign", &[]));
    assert!(
        !files.keys().any(|path| path.contains("NetworkManager")),
        "{files:?}"
    );
}

#[test]
fn what_the_spec_does_not_name_is_left_alone_and_names_are_udev_s() {
    let (_, others) = keyfiles("{name: lan, mac: '52:54:00:ab:cd:ef', dhcp: true}");
    assert_eq!(
        others["/etc/NetworkManager/conf.d/10-imgbuild.conf"],
        "[main]\nno-auto-default=*\n"
    );
    let link = &others["/etc/systemd/network/10-lan.link"];
    assert!(
        link.contains("PermanentMACAddress=52:54:00:ab:cd:ef\n") && link.contains("Name=lan\n"),
        "{link}"
    );
    assert!(
        !others.keys().any(|path| path.ends_with(".network")),
        "{others:?}"
    );
}

/// udev leaves a card its name where the kernel's command line says so.
#[test]
fn the_kernel_s_names_are_doubted_unless_it_keeps_them() {
    let interfaces = "network: {interfaces: [{name: eth0, dhcp: true}]}\n";
    for (arguments, is_doubted) in [("[]", true), ("[net.ifnames=0]", false)] {
        let project = Project::new(&format!(
            "{HEAD}{interfaces}kernel_arguments: {arguments}\n"
        ));
        let run = project.imgbuild(&["check", "node.yaml"]);
        assert!(run.status.success());
        assert_eq!(said(&run).contains("W0210"), is_doubted, "{}", said(&run));
    }
}
