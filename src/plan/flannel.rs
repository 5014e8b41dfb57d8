//! flannel for docker containers, decided, and what it has in common with flannel for pods.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::Decider;
use super::etcd::Draft as EtcdDraft;
use crate::check::{host_bits, unknown_interface};
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::facts::cni::{Cni, FLANNEL_IMAGE, NodeTraffic};
use crate::node::Node;
use crate::node::firewall::ForwardedPods;
use crate::node::flannel::{Flannel, FlannelBackend, FlannelNode, FlannelWriter};
use crate::node::images::{ImageRef, ImageUse};
use crate::node::network::Network;
use crate::node::pod_network::PodNetwork;
use crate::spec;

/// flannel's limits (`pkg/subnet/config.go`): at least four subnets, each a /30 or larger.
const SUBNET_BITS_MIN: u8 = 2;
const SUBNET_LEN_MAX: u8 = 30;

impl Decider<'_> {
    /// flannel in pods of a cluster.
    pub(super) fn flannel_in_pods(&mut self, written: &spec::FlannelCarriage) -> PodNetwork {
        let backend = self.flannel_backend(written);
        let mut network = PodNetwork::from(Cni::Flannel);
        network.modules.extend(backend.module());
        let port = backend.port().map(|port| NodeTraffic::Udp(port, port));
        network.traffic.extend(port);
        let interface = written.interface.as_ref();
        network.flannel = Some(Flannel {
            backend,
            interface: interface.map(|name| name.value.to_string()),
        });
        network
    }

    fn flannel_backend(&mut self, written: &spec::FlannelCarriage) -> FlannelBackend {
        use spec::FlannelBackend as Backend;

        let backend = written.backend;
        let takes: &[&str] = match backend {
            Backend::Vxlan => &["port", "vni", "direct_routing"],
            Backend::HostGw => &[],
            Backend::Wireguard => &["port"],
        };
        for (key, span) in written.given {
            if let Some(span) = span.filter(|_| !takes.contains(&key)) {
                self.found.push(
                    Diagnostic::error(
                        codes::NOT_OF_BACKEND,
                        span,
                        format!(
                            "flannel's `{}` backend has no `{key}` setting",
                            backend.as_str()
                        ),
                    )
                    .help("remove it, or choose another backend"),
                );
            }
        }
        let port = written.port;
        match backend {
            Backend::Vxlan => FlannelBackend::Vxlan {
                port,
                vni: written.vni,
                direct_routing: written.direct_routing,
            },
            Backend::HostGw => FlannelBackend::HostGw,
            Backend::Wireguard => FlannelBackend::Wireguard { port },
        }
    }

    /// Decides flannel for docker containers on each of `nodes` whose spec sets it. Returns which
    /// of them need keys for the file's etcd.
    pub(super) fn flannel(
        &mut self,
        cluster: &spec::Cluster,
        nodes: &mut [Node],
        etcd: &[Option<EtcdDraft>],
    ) -> Vec<bool> {
        let mut need_keys = vec![false; nodes.len()];
        let mut with_member: Vec<usize> = Vec::new();
        let mut of_file: Vec<usize> = Vec::new();
        for (at, (spec, own)) in cluster.nodes.iter().zip(etcd).enumerate() {
            let Some(written) = &spec.flannel else {
                continue;
            };
            if let Some(kubernetes) = &spec.kubernetes {
                self.found.push(
                    Diagnostic::error(
                        codes::FLANNEL_AND_KUBERNETES,
                        written.span,
                        "`flannel:` and `kubernetes:` would both set up a container network on \
                         this node",
                    )
                    .related(kubernetes.span, "`kubernetes` is here")
                    .help("to run flannel for pods, use `kubernetes: {cni: flannel}`"),
                );
            }
            let backend = self.flannel_backend(&written.carriage());
            let interface = self.flannel_interface(written, &nodes[at].network);
            let network = self.flannel_network(written);
            let source = self.flannel_etcd(written, own.as_ref(), etcd);
            let (Some((network, subnet_len)), Some(source)) = (network, source) else {
                continue;
            };
            if source.of_file {
                of_file.push(at);
                need_keys[at] = etcd.iter().flatten().any(|member| member.tls);
                if own.is_some() {
                    with_member.push(at);
                }
            }
            let node = &mut nodes[at];
            if let Some(firewall) = &mut node.firewall {
                if let Some(port) = backend.port() {
                    firewall.admit(NodeTraffic::Udp(port, port), written.span);
                }
                firewall.pods = Some(ForwardedPods {
                    networks: vec![IpNet::V4(*network)],
                    services: Vec::new(),
                    nodes: BTreeSet::new(),
                    links: &[],
                });
            }
            let image = written.image.as_ref();
            node.flannel = Some(FlannelNode {
                network,
                subnet_len,
                backend,
                interface,
                image: image.map_or_else(
                    || ImageRef::new(ImageUse::PodNetwork, FLANNEL_IMAGE).to_string(),
                    |image| image.value.to_string(),
                ),
                endpoints: source.endpoints,
                of_file: source.of_file,
                tls: source.tls,
                writer: (node.target.facts().etcd_image)
                    .map(|image| FlannelWriter::Image(image.to_owned())),
                span: written.span,
            });
        }
        // If nodes have a member, those store the network in etcd, and the others wait for it.
        for at in of_file.iter().filter(|_| !with_member.is_empty()) {
            if let Some(flannel) = &mut nodes[*at].flannel {
                flannel.writer = with_member.contains(at).then_some(FlannelWriter::Member);
            }
        }
        need_keys
    }

    /// Returns the value of `--iface`: the interface that the spec sets, or else the static
    /// address.
    fn flannel_interface(&mut self, written: &spec::Flannel, network: &Network) -> Option<String> {
        if let Some(name) = &written.interface {
            self.found.extend(unknown_interface(
                network,
                name,
                "the interface to the other nodes",
            ));
            return Some(name.value.to_string());
        }
        let addresses = network.interfaces.iter().flat_map(|i| &i.addresses);
        let mut v4 = addresses
            .map(|address| address.addr())
            .filter(IpAddr::is_ipv4);
        v4.next().map(|address| address.to_string())
    }

    /// Returns the network and the prefix length of a node's subnet.
    fn flannel_network(&mut self, written: &spec::Flannel) -> Option<(Located<Ipv4Net>, u8)> {
        self.found
            .extend(host_bits(&written.network, "flannel network"));
        let mut wrong = |span: Span, message: String, help: String| {
            let error = Diagnostic::error(codes::BAD_FLANNEL_NETWORK, span, message);
            self.found.push(error.help(help));
        };
        let IpNet::V4(network) = written.network.value else {
            wrong(
                written.network.span,
                format!("{} is not an IPv4 network", written.network.value),
                "with etcd, flannel supports only IPv4: use a private network such as 10.244.0.0/16"
                    .to_owned(),
            );
            return None;
        };
        let prefix = network.prefix_len();
        let shortest = prefix + SUBNET_BITS_MIN;
        if shortest > SUBNET_LEN_MAX {
            wrong(
                written.network.span,
                format!("{network} is too small for four subnets"),
                format!(
                    "flannel requires at least a /{}",
                    SUBNET_LEN_MAX - SUBNET_BITS_MIN
                ),
            );
            return None;
        }
        let len = match written.subnet_len {
            Some(len) if (shortest..=SUBNET_LEN_MAX).contains(&len.value) => len.value,
            Some(len) => {
                wrong(
                    len.span,
                    format!("a node's subnet of {network} cannot be a /{}", len.value),
                    format!(
                        "use /{shortest} to /{SUBNET_LEN_MAX}: flannel requires at least four \
                             subnets of at least four addresses"
                    ),
                );
                return None;
            }
            None => spec::FLANNEL_SUBNET_LEN.max(shortest),
        };
        Some((written.network.map(|_| network.trunc()), len))
    }
}
