//! Manifests of our own that the first boot applies: flannel and CoreDNS.

use ipnet::IpNet;
use serde_json::{Map, Value, json};

use crate::parts::template::fill;
use crate::plan::{CoreDns, Flannel, FlannelBackend, Kubernetes, ProxyMode};

/// flannel's namespace, rights, settings and pods.
pub fn flannel(kubernetes: &Kubernetes, flannel: &Flannel) -> String {
    let settings = settings(kubernetes, flannel);
    // Pretty JSON, indented as the block of the template that it stands in.
    let network = format!("{settings:#}").replace('\n', "\n    ");
    fill(
        include_str!("../../../manifests/flannel.yaml"),
        &[
            ("network", &network),
            ("settings", &settings.to_string().replace(['"', '\\'], "")),
            ("image", &flannel.image.to_string()),
            ("plugin_image", &flannel.plugin_image.to_string()),
            (
                "interface",
                flannel.interface.as_deref().unwrap_or("$(NODE_ADDRESS)"),
            ),
        ],
    )
}

/// `net-conf.json` (flannel, Documentation/configuration.md and backends.md).
fn settings(kubernetes: &Kubernetes, flannel: &Flannel) -> Value {
    let mut settings = Map::new();
    let network = kubernetes.pod_network.to_string();
    match kubernetes.pod_network {
        IpNet::V4(_) => {
            settings.insert("Network".to_owned(), network.into());
        }
        IpNet::V6(_) => {
            settings.insert("EnableIPv4".to_owned(), false.into());
            settings.insert("EnableIPv6".to_owned(), true.into());
            settings.insert("IPv6Network".to_owned(), network.into());
        }
    }
    // As kube-proxy: rules of one kind are easier to read than of two.
    if (kubernetes.proxy.as_ref()).is_some_and(|proxy| proxy.mode == ProxyMode::Nftables) {
        settings.insert("EnableNFTables".to_owned(), true.into());
    }
    // Never left out: the code's default is `udp`, the documentation's `vxlan`.
    let backend = match &flannel.backend {
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

/// CoreDNS' rights, settings, pods and service.
pub fn core_dns(kubernetes: &Kubernetes, dns: &CoreDns) -> String {
    let forward = if dns.forwards {
        "forward . /etc/resolv.conf {\n            max_concurrent 1000\n        }"
    } else {
        ""
    };
    fill(
        include_str!("../../../manifests/coredns.yaml"),
        &[
            ("domain", &kubernetes.domain),
            ("forward", forward),
            ("replicas", &dns.replicas.to_string()),
            ("image", &dns.image.to_string()),
            ("address", &kubernetes.dns_ip.to_string()),
        ],
    )
}
