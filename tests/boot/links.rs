//! Two nodes, one of which gives the other its address, and a tunnel between them.

use std::path::Path;
use std::process::Command;

use imgbuild::qemu::{Firmware, Medium, Switch, mac_of};

use crate::guest::{self, Guest};
use crate::lab::{Lab, UNTIMED};

/// The node that serves, and the one that asks.
const NAMES: [&str; 2] = ["router1", "client1"];

/// What the server has for the client's card, outside of the range for others.
const LEASE: &str = "10.7.0.20";

fn address(index: usize) -> String {
    format!("192.168.76.{}/24", 11 + index)
}

/// Makes a key pair of WireGuard in `file`, and returns the public key. Needs `openssl` and
/// `base64` (Debian packages openssl, coreutils).
fn key_pair(file: &Path) -> String {
    // The last 32 bytes of an X25519 key in DER are the key itself (RFC 8410 §7).
    let script = "
        umask 077
        openssl genpkey -algorithm X25519 -outform DER -out \"$1.der\"
        tail -c 32 \"$1.der\" | base64 > \"$1\"
        openssl pkey -inform DER -in \"$1.der\" -pubout -outform DER | tail -c 32 | base64";
    let made = Command::new("sh")
        .args(["-euc", script, "sh"])
        .arg(file)
        .output()
        .expect("starting sh");
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

fn spec(lab: &Lab) -> std::path::PathBuf {
    let [router, client] = NAMES.map(|name| key_pair(&lab.path(&format!("{name}.wg"))));
    let [router_mac, client_mac] = NAMES.map(mac_of);
    let (key, untimed) = (&lab.public_key, UNTIMED);
    // On a VLAN: the network that QEMU gives each machine has a DHCP server of its own.
    let text = format!(
        "\
version: 1
kernel_arguments: [{untimed}]
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
nodes:
  - hostname: router1
    network:
      interfaces:
        - {{name: lan0, mac: '{router_mac}', addresses: [192.168.76.11/24], gateway: 192.168.76.1}}
        - name: lan0.7
          vlan: {{id: 7, parent: lan0}}
          addresses: [10.7.0.1/24]
          dhcp_server: {{range: 10.7.0.100-10.7.0.109, leases: {{'{client_mac}': {LEASE}}}}}
        - {{name: lan0.8, vlan: {{id: 8, parent: lan0}}, addresses: [10.7.0.2/24], gateway: 10.7.0.9}}
        - {{name: red, vrf: {{table: 80, members: [lan0.8]}}}}
        - name: wg0
          addresses: [10.9.0.1/24]
          wireguard:
            private_key_file: router1.wg
            port: 51820
            peers: [{{public_key: '{client}', allowed_ips: [10.9.0.2/32]}}]
      firewall: {{allow_from: [192.168.76.0/24, 10.9.0.0/24]}}
  - hostname: client1
    network:
      interfaces:
        - name: lan0
          mac: '{client_mac}'
          addresses: [192.168.76.12/24]
          gateway: 192.168.76.1
          routes: [{{destination: 10.50.0.0/16, gateway: 192.168.76.11, table: 90}}]
          rules: [{{from: 10.9.0.2/32, table: 90}}]
        - {{name: lan0.7, vlan: {{id: 7, parent: lan0}}, dhcp: {{versions: ipv4, metric: 4000}}}}
        - name: wg0
          addresses: [10.9.0.2/24]
          wireguard:
            private_key_file: client1.wg
            peers:
              - public_key: '{router}'
                endpoint: 192.168.76.11:51820
                allowed_ips: [10.9.0.1/32]
                keepalive: 25
"
    );
    lab.write("links.yaml", &text)
}

/// The client is ready once it has the address that the server keeps for its card, and each
/// reaches the other's SSH through the tunnel.
pub fn one_node_serves_another() {
    let lab = Lab::new();
    let tree = lab.build(&spec(&lab), "tree", &["--format", "pxe"]);
    let switch = Switch::new().unwrap();
    let start = |index: usize| {
        let name = NAMES[index];
        let (medium, _) = Medium::from_tree(&tree, name).unwrap();
        let mut machine = guest::machine(name, Firmware::Bios, medium, &address(index));
        machine.cpus = 1;
        Guest::start(&lab, "links", machine, Some(&switch))
    };
    let (router, client) = (start(0), start(1));
    router.wait_until_ready();
    client.wait_until_ready();

    client.says(
        "ip -brief -4 address show dev lan0.7 | awk '{print $3}'",
        &format!("{LEASE}/24"),
    );
    let leased = client.ask("ip route show dev lan0.7");
    assert!(
        leased.contains("default via 10.7.0.1 proto dhcp"),
        "{leased}"
    );
    assert!(leased.contains("metric 4000"), "{leased}");
    client.says(
        "ip route get 198.51.100.1 | grep -o 'dev [a-z0-9.]*'",
        "dev lan0",
    );

    client.insist("timeout 5 bash -c '</dev/tcp/10.9.0.1/22'");
    router.insist("timeout 5 bash -c '</dev/tcp/10.9.0.2/22'");
    client.says(
        "sudo stat -c '%a %U %G' /etc/systemd/network/10-wg0.netdev",
        "640 root systemd-network",
    );

    let rules = client.ask("ip rule");
    assert!(rules.contains("from 10.9.0.2 lookup 90"), "{rules}");
    client.says(
        "ip route get 10.50.0.1 from 10.9.0.2 | grep -o 'via [0-9.]*'",
        "via 192.168.76.11",
    );

    let table = router.ask("ip route show vrf red");
    assert!(table.contains("default via 10.7.0.9"), "{table}");
    assert!(table.contains("10.7.0.0/24 dev lan0.8"), "{table}");
    let main = router.ask("ip route");
    assert!(!main.contains("lan0.8"), "{main}");
}
