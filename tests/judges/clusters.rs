//! Nodes with Kubernetes for the tests: decided by hand, so that no other room is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use std::time::SystemTime;

use imgbuild::diagnostic::Located;
use imgbuild::facts::cni::Cni;
use imgbuild::facts::kubernetes::choices::{Join, ProxyMode, Role};
use imgbuild::facts::kubernetes::version::RELEASES;
use imgbuild::facts::runtimes::Runtime;
use imgbuild::node::Node;
use imgbuild::node::cluster_networks::Networks;
use imgbuild::node::etcd::EtcdMember;
use imgbuild::node::kubernetes::{
    ApiEndpoint, ControlPlane, Images, Kubelet, Kubernetes, Member, NodeSettings, PlaneSettings,
    Proxy, ProxyPod,
};
use imgbuild::node::kubernetes_keys::{EncryptionKeys, KubeletIdentity, KubeletKeys, PlaneKeys};
use imgbuild::node::pod_network::PodNetwork;
use imgbuild::pki::{Access, ControlPlaneNames, KeyFolder, Keys, NodeNames, system_random};

use imgbuild::facts::systems::Target;

use crate::nodes::{at, bare, name, span};

/// A cluster of one at 192.168.1.10, with keys from `folder`.
pub fn single(folder: &Path) -> Node {
    let ip: IpAddr = "192.168.1.10".parse().expect("valid");
    let mut rng = system_random();
    let mut keys = Keys::new(
        KeyFolder::open(folder, Access::Write).expect("opened"),
        SystemTime::now(),
        &mut rng,
    );
    let plane = keys
        .kubernetes_control_plane(ControlPlaneNames {
            node: "kube1",
            dns: &BTreeSet::new(),
            addresses: &BTreeSet::from([ip, "10.96.0.1".parse().expect("valid")]),
            cluster_domain: "cluster.local",
            external_etcd: None,
        })
        .expect("keys");
    let kubernetes = Kubernetes {
        settings: settings(ip),
        member: Some(Member {
            join: Join::Certificate,
            proxy: Proxy {
                mode: ProxyMode::Iptables,
                settings: BTreeMap::new(),
                extra_args: BTreeMap::new(),
            },
            proxy_pod: ProxyPod::Static {
                client: keys.kube_proxy("kube1").expect("keys"),
            },
            keys: KubeletKeys {
                identity: KubeletIdentity::Certificates {
                    client: keys.kubelet_client("kube1").expect("keys"),
                    serving: keys
                        .kubelet_server(NodeNames {
                            node: "kube1",
                            addresses: &BTreeSet::from([ip]),
                        })
                        .expect("keys"),
                },
                certificate_authority: keys.kubernetes_authority_certificate().expect("keys"),
            },
            control_plane: Some(ControlPlane {
                settings: plane_settings(),
                keys: PlaneKeys {
                    pki: plane,
                    bootstrap_token: None,
                    encryption: EncryptionKeys::default(),
                },
            }),
        }),
    };
    Node {
        hostname: at(3, "kube1"),
        etcd: Some(etcd(&mut keys, ip)),
        kubernetes: Some(kubernetes),
        ..bare()
    }
}

fn settings(ip: IpAddr) -> NodeSettings {
    NodeSettings {
        version: at(2, "1.36.2"),
        release: RELEASES[RELEASES.len() - 1].clone(),
        role: Role::Single,
        node_name: "kube1".to_owned(),
        node_ip: Some(ip),
        runtime: Located::new(Runtime::Containerd, span(2)),
        endpoint: ApiEndpoint {
            host: ip.to_string(),
            port: 6443,
            addresses: Vec::new(),
            span: None,
            shared: None,
        },
        second_node_ip: None,
        pod_networks: Networks {
            first: at(2, "10.244.0.0/16"),
            second: None,
        },
        service_networks: Networks {
            first: at(2, "10.96.0.0/12"),
            second: None,
        },
        domain: "cluster.local".to_owned(),
        cni: PodNetwork {
            node_pods: vec!["10.244.0.0/24".parse().expect("valid")],
            ..PodNetwork::from(Cni::Bridge)
        },
        core_dns: None,
        default_dns: None,
        add_ons: Vec::new(),
        kubelet: Kubelet {
            labels: BTreeMap::new(),
            api_labels: BTreeMap::new(),
            taints: Vec::new(),
            settings: BTreeMap::new(),
            max_pods: None,
            extra_args: BTreeMap::new(),
        },
        images: Images::Embedded {
            programs: None,
            images: None,
            cni_plugins: None,
        },
        system: Target::Debian.facts(),
        static_pods: Vec::new(),
        span: span(2),
    }
}

fn plane_settings() -> PlaneSettings {
    PlaneSettings {
        advertise: "192.168.1.10:6443".parse().expect("valid"),
        earlier: Vec::new(),
        later: Vec::new(),
        verifies_kubelets: true,
        extra_names: BTreeSet::new(),
        extra_addresses: BTreeSet::new(),
        etcd_servers: vec!["https://127.0.0.1:2379".to_owned()],
        etcd_pod: None,
        external_etcd: None,
        api_server_args: BTreeMap::new(),
        controller_manager_args: BTreeMap::new(),
        scheduler_args: BTreeMap::new(),
        audit: None,
        encryption: None,
        runtime_classes: Vec::new(),
        manifests: Vec::new(),
    }
}

/// The one member of that cluster's etcd.
fn etcd(keys: &mut Keys<'_>, ip: IpAddr) -> EtcdMember {
    EtcdMember {
        image: None,
        pod: None,
        name: at(1, "kube1"),
        data_dir: name("/var/lib/etcd"),
        listen_client_urls: vec![
            "https://127.0.0.1:2379".to_owned(),
            "https://192.168.1.10:2379".to_owned(),
        ],
        advertise_client_urls: vec!["https://192.168.1.10:2379".to_owned()],
        listen_peer_urls: vec!["https://192.168.1.10:2380".to_owned()],
        initial_advertise_peer_urls: vec!["https://192.168.1.10:2380".to_owned()],
        initial_cluster: vec![("kube1".to_owned(), "https://192.168.1.10:2380".to_owned())],
        initial_cluster_token: "lab".to_owned(),
        initial_cluster_state: "new".to_owned(),
        settings: BTreeMap::new(),
        backup: None,
        restore: None,
        tls: Some(
            keys.etcd_member("kube1", &BTreeSet::new(), &BTreeSet::from([ip]))
                .expect("keys"),
        ),
        span: span(1),
    }
}
