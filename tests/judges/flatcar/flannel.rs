//! flannel of docker's containers: its config, unit and keys, and the scripts of its nodes with a
//! real etcd. Needs the Debian packages dash, ignition, openssl, squashfs-tools, systemd and
//! util-linux.

use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild::node::fragment::{Origin, Unit};
use serde_json::{Value, json};

use crate::base_root::Root;
use crate::flatcar::project::{Config, Project};
use crate::units::systemd_takes;

/// A node with a member of etcd, and one without.
const SPEC: &str = "\
version: 1
target: flatcar
flannel: {network: 10.244.0.0/16, image: 'mirror.example/flannel:v0.28.9'}
nodes:
  - hostname: kube1
    network:
      interfaces: [{name: eth0, addresses: [192.168.1.11/24]}]
      firewall: {allow_from: [192.168.1.0/24]}
    etcd: {}
  - hostname: kube2
    network: {interfaces: [{name: eth0, addresses: [192.168.1.12/24]}, {name: eth1, addresses: [10.1.0.12/24]}]}
    flannel: {interface: eth1}
";

impl Config {
    /// The unit of flannel, which systemd takes.
    fn service(&self) -> &str {
        let unit = self.unit("flanneld.service");
        assert_eq!(unit["enabled"], true);
        let text = unit["contents"].as_str().unwrap();
        let origin = Origin::new("flannel", imgbuild::diagnostic::Span::default());
        systemd_takes(&Unit::enabled(
            "flanneld.service".parse().unwrap(),
            text,
            origin,
        ));
        text
    }

    fn mode(&self, path: &str) -> u64 {
        let files = self.json["storage"]["files"].as_array().unwrap();
        let file = files.iter().find(|file| file["path"] == path);
        file.unwrap_or_else(|| panic!("{path} is missing"))["mode"]
            .as_u64()
            .unwrap()
    }

    /// What the node tells etcd.
    fn network(&self) -> Value {
        let script = &self.files["/opt/bin/imgbuild-flannel-config"];
        let line = script.lines().find_map(|l| l.strip_prefix("network='"));
        serde_json::from_str(line.unwrap().trim_end_matches('\'')).unwrap()
    }
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
}

#[test]
fn nodes_with_and_without_a_member_are_accepted_and_complete() {
    let project = Project::new(SPEC);
    let (first, second) = (Config::of(&project, "kube1"), Config::of(&project, "kube2"));
    for config in [&first, &second] {
        assert_eq!(config.unit("flannel-docker-opts.service")["mask"], true);
        for (path, text) in [
            ("/etc/modules-load.d/flannel.conf", "br_netfilter\nvxlan\n"),
            ("/etc/sysctl.d/50-flannel.conf", "net.ipv4.ip_forward = 1\n"),
            (
                "/etc/systemd/network/05-flannel.network",
                "[Match]\nName=flannel* docker-flannel veth*\n\n[Link]\nUnmanaged=yes\n",
            ),
        ] {
            assert_eq!(config.files[path], text, "{path}");
        }
        assert_eq!(config.mode("/etc/flannel/etcd/client.key"), 0o600);
        let scripts = config
            .files
            .iter()
            .filter(|(path, _)| path.contains("imgbuild-flannel"));
        for (path, text) in scripts {
            assert_eq!(config.mode(path), 0o755);
            let script = project.path("script");
            fs::write(&script, text).unwrap();
            let read = Command::new("dash")
                .arg("-n")
                .arg(&script)
                .status()
                .expect("starting dash (Debian package dash)");
            assert!(read.success(), "{path}");
        }
    }
    has(
        first.service(),
        &[
            "After=network-online.target docker.service etcd.service\n",
            "ExecStartPre=/opt/bin/imgbuild-flannel-config\n",
            " --entrypoint=/opt/bin/flanneld mirror.example/flannel:v0.28.9 \\\n",
            "--volume=/etc/flannel/etcd:/etc/flannel/etcd:ro",
            "  --ip-masq --etcd-endpoints=https://127.0.0.1:2379 --etcd-cafile=/etc/flannel/etcd/ca.crt",
            " --iface=192.168.1.11\n",
        ],
    );
    let service = second.service();
    has(
        service,
        &[
            "After=network-online.target docker.service\n",
            "--etcd-endpoints=https://192.168.1.11:2379 ",
            " --iface=eth1\n",
        ],
    );
    // It reads what the other writes, and has no other key than its own.
    assert!(!service.contains("imgbuild-flannel-config"), "{service}");
    let keys: Vec<_> = second
        .files
        .keys()
        .filter(|path| path.contains(".key"))
        .collect();
    assert_eq!(keys, ["/etc/flannel/etcd/client.key"]);
    assert_ne!(
        first.files["/etc/flannel/etcd/client.key"],
        second.files["/etc/flannel/etcd/client.key"]
    );
    assert_eq!(
        first.network(),
        json!({
            "Network": "10.244.0.0/16",
            "SubnetLen": 24,
            "Backend": {"Type": "vxlan", "Port": 8472, "VNI": 1, "DirectRouting": false},
        })
    );
    has(
        &first.files["/etc/nftables.conf"],
        &["ip saddr { 192.168.1.0/24 } udp dport 8472 accept\n"],
    );
}

#[test]
fn its_certificates_are_those_of_clients_of_the_files_etcd() {
    let project = Project::new(SPEC);
    let config = Config::of(&project, "kube2");
    for name in ["ca.crt", "client.crt"] {
        let text = &config.files[&format!("/etc/flannel/etcd/{name}")];
        fs::write(project.path(name), text).unwrap();
    }
    let openssl = |arguments: &[&str]| {
        let done = Command::new("openssl")
            .current_dir(project.path(""))
            .args(arguments)
            .output()
            .expect("starting openssl (Debian package openssl)");
        assert!(done.status.success(), "{arguments:?}: {done:?}");
        String::from_utf8(done.stdout).unwrap()
    };
    let client = [
        "verify",
        "-purpose",
        "sslclient",
        "-CAfile",
        "ca.crt",
        "client.crt",
    ];
    assert_eq!(openssl(&client), "client.crt: OK\n");
    let subject = openssl(&["x509", "-in", "client.crt", "-noout", "-subject"]);
    // Its spaces depend on the version of openssl.
    assert_eq!(subject.trim().replace(' ', ""), "subject=CN=flannel");
    assert_eq!(
        openssl(&["x509", "-in", "ca.crt", "-noout", "-fingerprint"]),
        openssl(&["x509", "-in", "keys/etcd/ca.crt", "-noout", "-fingerprint"]),
    );
    let kept = project.path("keys/nodes/kube2/etcd/flannel-client.crt");
    assert_eq!(
        fs::read_to_string(kept).unwrap(),
        config.files["/etc/flannel/etcd/client.crt"]
    );
}

/// Each backend, and etcds that are not of the file.
#[test]
fn other_etcds_and_backends() {
    const HEAD: &str = "version: 1\ntarget: flatcar\nhostname: kube1\n";
    let pem = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shared/etcd-ca.crt");
    let plain = "etcd_endpoints: ['http://10.9.0.1:2379', 'http://10.9.0.2:2379']";
    let tls = "external_etcd: {endpoints: ['https://etcd.example:2379'], ca: ca.pem, cert: ca.pem, key: key.pem}";
    let ipv4 = |backend: Value, len: u8| json!({"Network": "10.244.0.0/20", "SubnetLen": len, "Backend": backend});
    for (settings, network, modules, parts) in [
        (
            format!("{plain}, backend: host-gw"),
            ipv4(json!({"Type": "host-gw"}), 24),
            "br_netfilter\n",
            [
                "--etcd-endpoints=http://10.9.0.1:2379,http://10.9.0.2:2379\n",
                " --env=ETCDCTL_ENDPOINTS=http://10.9.0.1:2379,http://10.9.0.2:2379 gcr.io/etcd-development/etcd:v3.",
            ],
        ),
        (
            format!("{tls}, backend: wireguard, port: 4000, subnet_len: 26"),
            ipv4(json!({"Type": "wireguard", "ListenPort": 4000}), 26),
            "br_netfilter\nwireguard\n",
            [
                "--etcd-endpoints=https://etcd.example:2379 --etcd-cafile=/etc/flannel/etcd/ca.crt --etcd-certfile=",
                " --env=ETCDCTL_CACERT=/etc/flannel/etcd/ca.crt ",
            ],
        ),
        (
            format!("{plain}, vni: 7, direct_routing: true"),
            ipv4(
                json!({"Type": "vxlan", "Port": 8472, "VNI": 7, "DirectRouting": true}),
                24,
            ),
            "br_netfilter\nvxlan\n",
            [
                " ghcr.io/flannel-io/flannel:v0.28.9 ",
                "/usr/local/bin/etcdctl \"$@\"",
            ],
        ),
    ] {
        let project = Project::new(&format!(
            "{HEAD}flannel: {{network: 10.244.0.0/20, {settings}}}\n"
        ));
        fs::copy(&pem, project.path("ca.pem")).unwrap();
        let key = "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n";
        fs::write(project.path("key.pem"), key).unwrap();
        let config = Config::of(&project, "kube1");
        assert_eq!(config.network(), network, "{settings}");
        assert_eq!(config.files["/etc/modules-load.d/flannel.conf"], modules);
        let script = &config.files["/opt/bin/imgbuild-flannel-config"];
        for part in parts {
            let service = config.service();
            assert!(
                service.contains(part) || script.contains(part),
                "{part}: {service}{script}"
            );
        }
        assert!(
            !project.path("keys").exists(),
            "{settings}: nothing needs keys"
        );
    }
}

/// docker for the scripts: what etcd's image has is run on the node itself, with the variables that
/// it is given; of networks and containers there is a record in /tmp.
const DOCKER: &str = r#"#!/bin/bash -eu
case $1 in
    exec | run)
        while [[ $1 != /usr/local/bin/* ]]; do
            case $1 in --env=*) export "${1#--env=}" ;; esac
            shift
        done
        exec "/usr/bin/${1##*/}" "${@:2}" ;;
    ps) cat /tmp/containers ;;
    inspect) for one in "${@:3}"; do echo "$one-whole --alias=$one-name"; done ;;
    network)
        case $2 in
            ls) test -e /tmp/network || exit 0
                for word; do case $word in --filter=label=*) grep -qxe "--label=${word#--filter=label=}" /tmp/network || exit 0 ;; esac; done
                echo 0123 ;;
            create) if [[ ${OLD-} && $* == *gateway_mode* ]]; then exit 1; fi; printf '%s\n' "${@:3}" > /tmp/network ;;
            rm) rm /tmp/network ;;
            *) echo "$*" >> /tmp/moves ;;
        esac ;;
esac
"#;

/// The base with all files of `kube1` in it.
fn root() -> Root {
    let project = Project::new(SPEC);
    let config = Config::of(&project, "kube1");
    let root = Root::new();
    for (path, text) in &config.files {
        let mode = u32::try_from(config.mode(path)).unwrap();
        // Of those below /etc only what the scripts use.
        if ["/opt/", "/etc/etcd/", "/etc/flannel/", "/etc/kubernetes/"]
            .iter()
            .any(|start| path.starts_with(start))
        {
            root.lay(path, text.as_bytes(), mode);
        }
    }
    root.lay("/usr/bin/docker", DOCKER.as_bytes(), 0o755);
    fs::create_dir_all(root.path("var/lib/etcd")).unwrap();
    root
}

/// The node's script and the node's etcd: it waits, writes, leaves alone what is right, mends what
/// is wrong; and flannel's certificate opens that etcd, which no other does.
#[test]
#[ignore = "needs a base: cargo xtask test"]
fn a_member_tells_etcd_the_network() {
    let said = root().run(
        "export PATH=/opt/bin:/usr/sbin:/usr/bin; ip address add 192.168.1.11/24 dev lo; tell=imgbuild-flannel-config; key=/coreos.com/network/config",
        "$tell > /tmp/first & first=$!; (while IFS= read -r line; do export \"$line\"; done < /etc/etcd/environment; exec etcd) > /tmp/etcd.log 2>&1 & \
         wait $first; cat /tmp/first; etcdctl get --print-value-only $key; \
         $tell; echo revision $(etcdctl get $key --write-out fields | grep '^\"ModRevision\"'); \
         etcdctl put $key '{}'; $tell; etcdctl get --print-value-only $key; \
         own() { etcdctl --endpoints https://192.168.1.11:2379 --cacert /etc/flannel/etcd/ca.crt \"$@\"; }; \
         own --cert /etc/flannel/etcd/client.crt --key /etc/flannel/etcd/client.key put /coreos.com/network/subnets/10.244.9.0-24 '{}' | sed 's/^/flannel: /'; \
         if own --command-timeout 2s get $key 2> /dev/null; then echo open; fi",
    );
    let network = r#"{"Network":"10.244.0.0/16","Backend":{"Type":"vxlan","Port":8472,"VNI":1,"DirectRouting":false},"SubnetLen":24}"#;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines,
        [
            "OK",
            &format!("changed flannel's network from none to {network}"),
            network,
            "revision \"ModRevision\" : 2",
            "OK",
            "OK",
            &format!("changed flannel's network from {{}} to {network}"),
            network,
            "flannel: OK",
        ]
    );
}

/// docker's network follows what flannel got, and containers move with it.
#[test]
#[ignore = "needs a base: cargo xtask test"]
fn dockers_network_follows_flannels_lease() {
    let said = root().run(
        "mkdir -p /run/flannel; cd /run/flannel; touch -d '1 minute ago' starting; : > /tmp/containers; export MAINPID=$$; make=/opt/bin/imgbuild-flannel-network; \
         lease() { printf 'FLANNEL_NETWORK=10.244.0.0/16\\nFLANNEL_SUBNET=%s\\nFLANNEL_MTU=1450\\nFLANNEL_IPMASQ=true\\n' $1 > subnet.env; }",
        // Old leases do not count, and a flannel that is gone is not waited for.
        "lease 10.244.7.1/24; touch -d '1 hour ago' subnet.env; ! MAINPID=999999 $make 2> /dev/null; ls /tmp/network 2> /dev/null || echo none; \
         lease 10.244.7.1/24; $make; cat /tmp/network; rm /tmp/moves 2> /dev/null || true; $make; ls /tmp/moves 2> /dev/null || echo stays; \
         lease 10.244.9.129/26; printf 'a\\nb\\n' > /tmp/containers; OLD=1 $make; cat /tmp/moves; ls moving 2> /dev/null || echo moved; tail -n +2 /tmp/network | head -3; \
         grep -c gateway_mode /tmp/network || true",
    );
    let want = "\
none
--driver=bridge
--subnet=10.244.7.0/24
--gateway=10.244.7.1
--label=imgbuild.flannel=10.244.7.0/24-1450
--opt=com.docker.network.bridge.name=docker-flannel
--opt=com.docker.network.driver.mtu=1450
--opt=com.docker.network.bridge.enable_ip_masquerade=false
--opt=com.docker.network.bridge.gateway_mode_ipv4=nat-unprotected
flannel
stays
network disconnect --force flannel a
network disconnect --force flannel b
network connect --alias=a-name flannel a-whole
network connect --alias=b-name flannel b-whole
moved
--subnet=10.244.9.128/26
--gateway=10.244.9.129
--label=imgbuild.flannel=10.244.9.128/26-1450
0
";
    assert_eq!(said, want);
}
