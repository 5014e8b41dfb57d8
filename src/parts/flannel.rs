//! flannel for docker's containers: its unit, which replaces the system's own, and a docker network
//! on top of it.
//!
//! On Container Linux, docker itself waited for flannel. Here etcd runs in docker and flannel reads
//! from etcd, so docker starts first, and its network `flannel` is created last: nothing has to
//! restart.

use std::fmt::Write;

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use super::etcd::container::appended;
use super::names::{path, unit};
use super::network::left_alone;
use super::template::fill;
use crate::facts::systems::{ContainerEngine, Facts};
use crate::node::Node;
use crate::node::flannel::{FlannelBackend, FlannelNode, FlannelWriter};
use crate::node::fragment::{File, Fragment, Origin, Unit};
use crate::pki::bundles::EtcdClient;

/// The folder of its keys for etcd.
const PKI: &str = "/etc/flannel/etcd";

/// The bridge of docker's network.
const BRIDGE: &str = "docker-flannel";

/// The properties of a container that is moved: its id, and its names in the network as options of
/// `docker network connect`.
const ALIASES: &str =
    r#"{{.Id}}{{range (index .NetworkSettings.Networks "flannel").Aliases}} --alias={{.}}{{end}}"#;

/// Nothing if the spec has no `flannel:`.
pub fn flannel(node: &Node) -> Fragment {
    let target = node.target.facts();
    let (Some(flannel), Some(engine)) = (&node.flannel, target.containers) else {
        return Fragment::default();
    };
    let origin = Origin::new("flannel", flannel.span);
    let program = |name: &str, text: String| {
        let path = path(&format!("{}/{name}", target.paths.admin_programs));
        File::text(path, text, origin.clone()).mode(0o755)
    };
    let mut fragment = Fragment::default();
    fragment.files.push(program(
        "imgbuild-flannel-network",
        fill(
            include_str!("../../manifests/flannel-network.sh"),
            &[
                ("engine", engine.program),
                ("bridge", BRIDGE),
                ("aliases", ALIASES),
            ],
        ),
    ));
    if let Some(writer) = &flannel.writer {
        let network = IpNet::V4(flannel.network.value);
        let mut settings = settings(&[network], false, &flannel.backend);
        settings["SubnetLen"] = flannel.subnet_len.into();
        fragment.files.push(program(
            "imgbuild-flannel-config",
            fill(
                include_str!("../../manifests/flannel-config.sh"),
                &[
                    ("network", &settings.to_string()),
                    ("etcdctl", &etcdctl(flannel, writer, target, engine)),
                ],
            ),
        ));
    }
    let modules = ["br_netfilter"]
        .into_iter()
        .chain(flannel.backend.module())
        .fold(String::new(), |lines, module| lines + module + "\n");
    fragment.files.extend([
        File::text(
            path("/etc/modules-load.d/flannel.conf"),
            modules,
            origin.clone(),
        ),
        // Before the spec's own, which take precedence.
        File::text(
            path("/etc/sysctl.d/50-flannel.conf"),
            "net.ipv4.ip_forward = 1\n",
            origin.clone(),
        ),
    ]);
    let links = left_alone(target, "flannel", &["flannel*", BRIDGE, "veth*"], &origin);
    fragment.files.extend(links);
    if let Some(tls) = &flannel.tls {
        fragment.files.extend(keys(tls, &origin));
    }
    fragment.units.push(Unit::enabled(
        unit("flanneld.service"),
        service(node, flannel, engine),
        origin.clone(),
    ));
    let disturbing = target.units.beside_flannel.iter();
    fragment.units.extend(disturbing.map(|name| Unit {
        enabled: None,
        mask: Some(true),
        ..Unit::enable(unit(name), origin.clone())
    }));
    fragment
}

/// The volume of the keys, as an option of a container.
fn volume(flannel: &FlannelNode) -> String {
    match &flannel.tls {
        Some(_) => format!(" --volume={PKI}:{PKI}:ro"),
        None => String::new(),
    }
}

/// The etcdctl command, without arguments.
fn etcdctl(
    flannel: &FlannelNode,
    writer: &FlannelWriter,
    target: &Facts,
    engine: ContainerEngine,
) -> String {
    let image = match writer {
        FlannelWriter::Member => return format!("{}/etcdctl", target.paths.user_programs),
        FlannelWriter::Image(image) => image,
    };
    let mut command = format!(
        "{} run --rm --network=host --cap-drop=ALL --security-opt=no-new-privileges{}{} --env=ETCDCTL_ENDPOINTS={}",
        engine.program,
        appended(engine.files),
        volume(flannel),
        flannel.endpoints.join(","),
    );
    if flannel.tls.is_some() {
        for (name, file) in [
            ("CACERT", "ca.crt"),
            ("CERT", "client.crt"),
            ("KEY", "client.key"),
        ] {
            // Writing to a String does not fail.
            let _ = write!(command, " --env=ETCDCTL_{name}={PKI}/{file}");
        }
    }
    format!("{command} {image} /usr/local/bin/etcdctl")
}

fn service(node: &Node, flannel: &FlannelNode, engine: ContainerEngine) -> String {
    let programs = node.target.facts().paths.admin_programs;
    let etcd = node.etcd.as_ref().map(|_| node.target.facts().units.etcd);
    let mut flags = vec![
        "--ip-masq".to_owned(),
        format!("--etcd-endpoints={}", flannel.endpoints.join(",")),
    ];
    if flannel.tls.is_some() {
        for (flag, file) in [
            ("cafile", "ca.crt"),
            ("certfile", "client.crt"),
            ("keyfile", "client.key"),
        ] {
            flags.push(format!("--etcd-{flag}={PKI}/{file}"));
        }
    }
    flags.extend((flannel.interface.as_ref()).map(|interface| format!("--iface={interface}")));
    let tell = match &flannel.writer {
        Some(_) => format!("ExecStartPre={programs}/imgbuild-flannel-config"),
        None => String::new(),
    };
    let daemon = engine.daemon;
    fill(
        include_str!("../../manifests/flanneld.service"),
        &[
            (
                "requires",
                &daemon.map_or(String::new(), |unit| format!("Requires={unit}")),
            ),
            ("after", &(appended(daemon) + &appended(etcd))),
            ("tell", &tell),
            ("engine", engine.program),
            ("files", &appended(engine.files)),
            ("keys", &volume(flannel)),
            ("image", &flannel.image),
            ("flags", &flags.join(" ")),
            ("programs", programs),
        ],
    )
}

fn keys(tls: &EtcdClient, origin: &Origin) -> [File; 3] {
    let file =
        |name: &str, text: &str| File::text(path(&format!("{PKI}/{name}")), text, origin.clone());
    [
        file("ca.crt", &tls.authority),
        file("client.crt", &tls.client.certificate),
        file("client.key", &tls.client.key).mode(0o600),
    ]
}

/// flannel's settings, as `net-conf.json` in pods and as a value in etcd (flannel,
/// Documentation/configuration.md and backends.md).
pub(super) fn settings(networks: &[IpNet], nftables: bool, backend: &FlannelBackend) -> Value {
    let mut settings = Map::new();
    if !networks.iter().any(|network| network.addr().is_ipv4()) {
        settings.insert("EnableIPv4".to_owned(), false.into());
    }
    for network in networks {
        match network {
            IpNet::V4(_) => {
                settings.insert("Network".to_owned(), network.to_string().into());
            }
            IpNet::V6(_) => {
                settings.insert("EnableIPv6".to_owned(), true.into());
                settings.insert("IPv6Network".to_owned(), network.to_string().into());
            }
        }
    }
    if nftables {
        settings.insert("EnableNFTables".to_owned(), true.into());
    }
    // Never left out: the code's default is `udp`, the documentation's `vxlan`.
    let backend = match backend {
        FlannelBackend::Vxlan {
            port,
            vni,
            direct_routing,
        } => json!({
            "Type": "vxlan",
            "Port": port,
            "VNI": vni,
            "DirectRouting": direct_routing,
        }),
        FlannelBackend::HostGw => json!({ "Type": "host-gw" }),
        FlannelBackend::Wireguard { port } => json!({ "Type": "wireguard", "ListenPort": port }),
    };
    settings.insert("Backend".to_owned(), backend);
    Value::Object(settings)
}
