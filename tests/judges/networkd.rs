//! The files of links before systemd-networkd itself.

use std::path::Path;
use std::process::{Command, Stdio};

use imgbuild::facts::network::{ClientId, Dhcp};
use imgbuild::node::Node;
use imgbuild::node::fragment::Contents;
use imgbuild::node::network::{
    DhcpClient, DhcpServer, Interface, InterfaceMatch, LinkKind, Network, Route, RoutingRule,
    WireGuard, WireGuardPeer,
};

use crate::nodes::{self, parts_of as all};
use crate::parts::said;
use crate::patience::{PROGRAM, computed};

/// What networkd says of the files in `folder` until it says `until`, and the address and routes of
/// `enp11s0`, a link with carrier, by then.
fn networkd(folder: &Path, until: &str) -> String {
    networkd_and(
        folder,
        until,
        "ip -oneline address show dev enp11s0; ip route",
    )
}

/// What networkd says of the files in `folder` until it says `until`, and what the commands `then`
/// say: in a network and a tree of mounts of their own, so that the test machine stays as it is.
/// `enp11s0` is a link with carrier, whose other end is `far`.
fn networkd_and(folder: &Path, until: &str, then: &str) -> String {
    // networkd changes to its user, which may be missing, and waits for udev unless /sys is
    // read-only.
    let script = "
        mount -t sysfs -o ro none /sys
        mount -t tmpfs none /run
        mkdir -p /run/systemd/network
        echo 'systemd-network:x:0:0::/:/bin/false' > /run/passwd
        mount --bind /run/passwd /etc/passwd
        cp \"$1\"/* /run/systemd/network/
        if [ -d /etc/systemd/network ]; then mount -t tmpfs none /etc/systemd/network; fi
        ip link add enp11s0 type veth peer far
        ip link set far up
        mkfifo /run/said
        exec 3<>/run/said
        SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console /lib/systemd/systemd-networkd >/run/said 2>&1 &
        sed \"/$2/q\" <&3
        cat <&3 >/run/later &
        eval \"$3\"";
    let child = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--mount"])
        .args(["--pid", "--fork", "--kill-child"])
        .args(["sh", "-euc", script, "networkd"])
        .arg(folder)
        .arg(until)
        .arg(then)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starting unshare (Debian package util-linux)");
    let process = child.id();
    let output = PROGRAM.finish("networkd's word", child, || computed(process));
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

/// Lines in which networkd names a place in one of its files: what it does not understand there.
fn complaints(said: &str) -> Vec<&str> {
    said.lines()
        .filter(|line| {
            line.strip_prefix("/run/systemd/network/")
                .and_then(|line| line.split_once(':'))
                .is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()))
                // Since systemd 256.
                && !line.contains("'PersistLeases'")
        })
        .collect()
}

#[test]
fn networkd_takes_its_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_networks(nodes::full().network.interfaces, folder.path());
    let said = networkd(
        folder.path(),
        "enp11s0: State changed: configuring -> configured",
    );
    assert_eq!(complaints(&said), Vec::<&str>::new());
    for want in [
        "inet 203.0.113.7/32",
        "default via 198.51.100.1 dev enp11s0 proto static onlink",
    ] {
        assert!(said.contains(want), "{want} is missing in\n{said}");
    }

    // The other way round: it does complain.
    std::fs::write(
        folder.path().join("10-enp11s0.network"),
        "[Match]\nName=enp11s0\n\n[Network]\nAdress=203.0.113.7/32\n",
    )
    .expect("writing a file");
    assert_eq!(
        complaints(&networkd(folder.path(), "Enumeration completed")).len(),
        1
    );
}

/// Writes the files of systemd-networkd that a node with `interfaces` has to `folder`.
fn write_networks(interfaces: Vec<Interface>, folder: &Path) {
    let node = Node {
        network: Network { interfaces },
        ..nodes::bare()
    };
    for file in all(&node).files {
        if let (Some(name), Some(Contents::Inline(data))) = (
            file.path.as_str().strip_prefix("/etc/systemd/network/"),
            &file.contents,
        ) {
            // The card of the test is one end of a pair, which has a kind.
            let text = String::from_utf8(data.clone()).expect("text");
            let text = text.replace("Kind=!*\n", "");
            std::fs::write(folder.join(name), text).expect("writing a file");
        }
    }
}

/// A card that the spec names has its own settings, not those of a pattern that matches it too;
/// and a narrower pattern precedes a wider one, and all precede what matches every card.
#[test]
fn networkd_takes_the_narrowest_match() {
    let with_address = |name: &str| Interface {
        addresses: vec![nodes::at(17, "203.0.113.7/32")],
        ..nodes::interface(name)
    };
    let by_dhcp = |matching| Interface {
        matching,
        dhcp: Dhcp::Both,
        ..nodes::interface("unused")
    };
    let named = |name: &str| InterfaceMatch::Name(nodes::name(name));
    let cases = [
        vec![by_dhcp(named("en*")), with_address("enp11s0")],
        vec![by_dhcp(named("en*")), with_address("enp*")],
        vec![by_dhcp(InterfaceMatch::AnyEthernet), with_address("e*")],
        // The user's own file.
        vec![by_dhcp(InterfaceMatch::AnyEthernet)],
    ];
    for interfaces in cases {
        let folder = tempfile::tempdir().expect("a temporary folder");
        if interfaces.len() == 1 {
            std::fs::write(
                folder.path().join("static.network"),
                "[Match]\nName=enp11s0\n\n[Network]\nAddress=203.0.113.7/32\n",
            )
            .expect("writing a file");
        }
        write_networks(interfaces, folder.path());
        let said = networkd(
            folder.path(),
            "enp11s0: State changed: configuring -> configured",
        );
        assert!(said.contains("inet 203.0.113.7/32"), "{said}");
        assert_eq!(complaints(&said), Vec::<&str>::new());
    }
}

/// A link on which networkd serves DHCP.
fn served() -> Interface {
    Interface {
        addresses: vec![nodes::at(17, "10.0.0.1/24")],
        dhcp_server: Some(DhcpServer {
            range: Some(nodes::located(
                18,
                ("10.0.0.100".parse().unwrap(), "10.0.0.109".parse().unwrap()),
            )),
            leases: vec![(
                nodes::at(19, "52:54:00:00:00:20"),
                nodes::at(19, "10.0.0.20"),
            )],
            gateway: Some(nodes::at(20, "10.0.0.254")),
            dns: vec![nodes::at(21, "10.0.0.253")],
            lease_time: 7200,
            span: nodes::span(18),
        }),
        ..nodes::interface("enp11s0")
    }
}

/// A client gets what the spec says: a known card its own address, another one of the range.
#[test]
fn networkd_serves_what_the_spec_says() {
    let folder = tempfile::tempdir().unwrap();
    write_networks(vec![served()], folder.path());
    std::fs::write(
        folder.path().join("asked"),
        "#!/bin/sh\n[ $1 != bound ] || echo got $ip of $subnet for $lease, $router, $dns\n",
    )
    .unwrap();
    let ask = |card: &str| {
        format!(
            "ip link set far address {card}; \
             busybox udhcpc -i far -n -q -f -t 20 -T 1 -s /run/asked 2>&1 || true; "
        )
    };
    let then = format!(
        "cp /run/systemd/network/asked /run/asked; chmod +x /run/asked; {}{}",
        ask("52:54:00:00:00:20"),
        ask("52:54:00:00:00:21")
    );
    let said = networkd_and(
        folder.path(),
        "enp11s0: State changed: configuring -> configured",
        &then,
    );
    assert_eq!(complaints(&said), Vec::<&str>::new());
    let got: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("got "))
        .collect();
    let [known, other] = got[..] else {
        panic!("{said}");
    };
    let rest = " of 255.255.255.0 for 7200, 10.0.0.254, 10.0.0.253";
    assert_eq!(known, format!("got 10.0.0.20{rest}"));
    let other = other.strip_prefix("got 10.0.0.10").unwrap();
    assert!(
        other.ends_with(rest) && other.len() == rest.len() + 1,
        "{other}"
    );
}

/// Without a range, all of the network is given but the node's own address.
#[test]
fn networkd_serves_the_whole_network() {
    let folder = tempfile::tempdir().unwrap();
    let mut link = served();
    link.addresses = vec![nodes::at(17, "10.0.0.1/30")];
    if let Some(server) = &mut link.dhcp_server {
        (server.range, server.leases, server.gateway) = (None, Vec::new(), None);
    }
    write_networks(vec![link], folder.path());
    let said = networkd_and(
        folder.path(),
        "enp11s0: State changed: configuring -> configured",
        "printf '#!/bin/sh\\n[ $1 != bound ] || echo got $ip, $router\\n' > /run/asked; \
         chmod +x /run/asked; busybox udhcpc -i far -n -q -f -t 20 -T 1 -s /run/asked 2>&1 || true",
    );
    assert!(said.contains("got 10.0.0.2, 10.0.0.1"), "{said}");
}

/// Rules and routes of a table of their own are the kernel's afterwards.
#[test]
fn networkd_makes_rules_and_tables() {
    let folder = tempfile::tempdir().unwrap();
    let table = Some(nodes::at(19, "100"));
    let link = Interface {
        addresses: vec![nodes::at(17, "10.0.0.2/24")],
        routes: vec![Route {
            destination: nodes::at(18, "0.0.0.0/0"),
            gateway: Some(nodes::at(18, "10.0.0.1")),
            metric: None,
            table,
        }],
        rules: vec![
            RoutingRule {
                from: Some(nodes::at(19, "10.0.0.0/24")),
                to: None,
                incoming: None,
                table: 100,
                priority: 1000,
                span: nodes::span(19),
            },
            RoutingRule {
                from: None,
                to: Some(nodes::at(20, "fd00::/8")),
                incoming: Some(nodes::at(20, "enp11s0")),
                table: 100,
                priority: 7,
                span: nodes::span(20),
            },
        ],
        ..nodes::interface("enp11s0")
    };
    write_networks(vec![link], folder.path());
    let said = networkd_and(
        folder.path(),
        "enp11s0: State changed: configuring -> configured",
        "ip rule; ip -6 rule; ip route show table 100",
    );
    assert_eq!(complaints(&said), Vec::<&str>::new());
    for want in [
        "1000:\tfrom 10.0.0.0/24 lookup 100 proto static",
        "7:\tfrom all to fd00::/8 iif enp11s0 lookup 100 proto static",
        "default via 10.0.0.1 dev enp11s0 proto static",
    ] {
        assert!(said.contains(want), "{want} is missing in\n{said}");
    }
}

/// Every kind of link that the machine's kernel may not have is understood.
#[test]
fn networkd_reads_tunnels_and_tables() {
    let folder = tempfile::tempdir().unwrap();
    let key = |byte: &str| "A".repeat(42) + byte + "=";
    let tunnel = WireGuard {
        private_key: key("A"),
        port: Some(nodes::at(17, "51820")),
        peers: vec![WireGuardPeer {
            public_key: nodes::at(18, &key("E")),
            preshared_key: Some(key("I")),
            endpoint: Some("[2001:db8::1]:51820".to_owned()),
            allowed_ips: vec![nodes::at(18, "10.9.0.2/32"), nodes::at(18, "fd00::/64")],
            keepalive: Some(25),
        }],
    };
    let links = vec![
        Interface {
            addresses: vec![nodes::at(17, "10.9.0.1/24")],
            kind: LinkKind::WireGuard(tunnel),
            ..nodes::interface("wg0")
        },
        Interface {
            kind: LinkKind::Vrf {
                table: nodes::at(19, "100"),
                members: vec![nodes::at(19, "enp11s0")],
            },
            required_for_online: false,
            ..nodes::interface("vrf0")
        },
        Interface {
            dhcp: Dhcp::Both,
            dhcp_client: DhcpClient {
                id: ClientId::Duid,
                metric: Some(200),
            },
            ..nodes::interface("enp11s0")
        },
    ];
    write_networks(links, folder.path());
    let said = networkd_and(folder.path(), "Enumeration completed", "true");
    assert_eq!(complaints(&said), Vec::<&str>::new());
}
