//! `kubernetes:` with every default filled, and what it asks of the node's network.

mod keys;

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Result;
use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

pub(super) use keys::{key_algorithm, prepare};

use super::Decider;
use super::etcd::Draft as EtcdDraft;
use super::flannel::flannel_port;
use super::kubernetes_addons::{cni_span, role_of};
use super::kubernetes_settings::Settings;
use crate::diagnostic::{Diagnostic, Located, Sources, Span, codes};
use crate::names::Hostname;
use crate::pki::{BootstrapToken, ControlPlaneNames, Keys, NodeNames};
use crate::plan::check::component_flags;
use crate::plan::{
    Cni, Component, ControlPlane, CoreDns, Encryption, EncryptionKeys, FirewallRule, ImageUse,
    Images, KubeVersion, Kubelet, KubeletApi, KubeletIdentity, Kubernetes, Manifest, Network, Node,
    NodePods, PodRoutes, Protocol, Proxy, ProxyMode, Role, Taint,
};
use crate::spec;
use crate::target::Facts;

/// IANA has it for SUN's SRC; Kubernetes' own choice.
const API_PORT: u16 = 6443;

/// What nodes know all control planes of a file by, where the spec has no name for them.
const SHARED_NAME: &str = "kubernetes-api";

/// Address bits of a node's pods, at the least: a /28 of IPv4, with 13 pods.
const LEAST_POD_BITS: u8 = 4;

/// The taint, and the label, of a node with a control plane.
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

/// A node's Kubernetes while the cluster is put together: everything but keys.
#[derive(Debug)]
pub(super) struct Draft {
    version: Located<KubeVersion>,
    role: Role,
    node_name: String,
    node_ip: Option<IpAddr>,
    port: u16,
    endpoint_host: String,
    /// What [`SHARED_NAME`] stands for, where it is used.
    api_servers: Vec<IpAddr>,
    /// On a control plane, the API servers of the others: those before it in the file, and those behind it.
    other_api_servers: (Vec<SocketAddr>, Vec<SocketAddr>),
    pod_network: Located<IpNet>,
    service_network: Located<IpNet>,
    domain: String,
    cni: Cni,
    core_dns: Option<CoreDns>,
    manifests: Vec<Manifest>,
    images: Images,
    system: &'static Facts,
    proxy: ProxyMode,
    etcd_servers: Vec<String>,
    extra: ExtraArgs,
    keys: keys::Written,
    settings: Settings,
    /// Where the endpoint is written, where it is.
    endpoint_span: Option<Span>,
    span: Span,
}

#[derive(Debug, Default)]
struct ExtraArgs {
    api_server: BTreeMap<String, String>,
    controller_manager: BTreeMap<String, String>,
    scheduler: BTreeMap<String, String>,
    proxy: BTreeMap<String, String>,
    kubelet: BTreeMap<String, String>,
}

impl Decider<'_> {
    /// The Kubernetes of each of `nodes`, which get the names, routes and openings that it needs.
    pub(super) fn kubernetes(
        &mut self,
        cluster: &spec::Cluster,
        nodes: &mut [Node],
        etcd: &[Option<EtcdDraft>],
        sources: &Sources,
    ) -> Vec<Option<Draft>> {
        let mut drafts: Vec<Option<Draft>> = (cluster.nodes.iter().zip(&*nodes))
            .map(|(written, node)| {
                let written = written.kubernetes.as_ref()?;
                Some(self.draft(written, node, sources))
            })
            .collect();
        // Nodes of Container Linux follow those that have drafts.
        drafts.resize_with(nodes.len(), || None);
        self.without_control_plane(cluster, &drafts);
        self.endpoints(cluster, &mut drafts);
        order_api_servers(&mut drafts);
        self.etcd_servers(&mut drafts, etcd);
        self.pod_networks(&mut drafts);
        self.check_keys(&drafts);
        self.check_manifests(cluster);
        super::super::check::kubernetes(&drafts_of(&drafts), nodes, &mut self.found);
        let pods = pods_of_all(&drafts);
        for (node, draft) in nodes.iter_mut().zip(&drafts) {
            if let Some(draft) = draft {
                network(node, draft, &pods);
            }
        }
        drafts
    }

    fn draft(&mut self, written: &spec::Kubernetes, node: &Node, sources: &Sources) -> Draft {
        let role = role_of(written);
        let images = self.artifacts(written, node.target, sources);
        let cni = self.cni(written);
        if matches!(cni, Cni::Flannel(_)) && role.has_control_plane() {
            self.not_given(&images, ImageUse::Flannel, "flannel", cni_span(written));
        }
        let core_dns = self.core_dns(written, *written.version, role, &node.network, &images);
        let manifests = self.manifests(written.manifests.as_deref());
        let node_ip = static_address(&node.network);
        if role.has_control_plane() && node_ip.is_none() {
            self.found.push(
                Diagnostic::error(
                    codes::NO_STATIC_ADDRESS,
                    written.role.span,
                    format!(
                        "`{}` runs a control plane and has no address that stays",
                        node.hostname.value
                    ),
                )
                .help("give one of its interfaces an entry under `addresses:`"),
            );
        }
        let default = |text: &str| {
            let net = text.parse().expect("the constant is a network");
            Located::new(net, written.span)
        };
        let extra = written.extra_args.as_ref();
        if let Some(extra) = extra {
            for (component, flags) in [
                (Component::ApiServer, &extra.api_server),
                (Component::ControllerManager, &extra.controller_manager),
                (Component::Scheduler, &extra.scheduler),
                (Component::Proxy, &extra.proxy),
                (Component::Kubelet, &extra.kubelet),
            ] {
                component_flags(component, flags, written.version.value, &mut self.found);
            }
        }
        let settings = self.component_settings(written, node, role);
        let table = |pick: fn(
            &spec::KubernetesExtraArgs,
        )
            -> &spec::Table<spec::SettingName, Located<spec::Setting>>| {
            extra.map_or_else(BTreeMap::new, |extra| {
                let flags = pick(extra).iter();
                flags
                    .map(|(flag, value)| (flag.as_str().to_owned(), value.as_str().to_owned()))
                    .collect()
            })
        };
        Draft {
            version: written.version,
            role,
            node_name: node.hostname.to_string(),
            node_ip,
            port: API_PORT,
            endpoint_host: String::new(),
            api_servers: Vec::new(),
            other_api_servers: (Vec::new(), Vec::new()),
            pod_network: (written
                .pod_network
                .unwrap_or_else(|| default("10.244.0.0/16")))
            .map(|net| net.trunc()),
            service_network: (written
                .service_network
                .unwrap_or_else(|| default("10.96.0.0/12")))
            .map(|net| net.trunc()),
            domain: (written.domain.as_ref()).map_or_else(
                || "cluster.local".to_owned(),
                |domain| domain.value.to_string(),
            ),
            cni,
            core_dns,
            manifests,
            images,
            system: node.target.facts(),
            proxy: self.proxy_mode(written),
            etcd_servers: Vec::new(),
            extra: ExtraArgs {
                api_server: table(|extra| &extra.api_server),
                controller_manager: table(|extra| &extra.controller_manager),
                scheduler: table(|extra| &extra.scheduler),
                proxy: table(|extra| &extra.proxy),
                kubelet: table(|extra| &extra.kubelet),
            },
            keys: keys::Written::new(written),
            settings,
            endpoint_span: written.endpoint.as_ref().map(|endpoint| endpoint.span),
            span: written.span,
        }
    }

    /// Reports settings of the control plane in a file that has none.
    fn without_control_plane(&mut self, cluster: &spec::Cluster, drafts: &[Option<Draft>]) {
        if (drafts.iter().flatten()).any(|draft| draft.role.has_control_plane()) {
            return;
        }
        for written in cluster
            .nodes
            .iter()
            .filter_map(|node| node.kubernetes.as_ref())
        {
            let kubelet = (written.kubelet.as_ref())
                .filter(|_| written.role.value == spec::KubernetesRole::Standalone);
            let label = kubelet.and_then(|kubelet| Some(kubelet.labels.first()?.0.span));
            let taint = kubelet.and_then(|kubelet| Some(kubelet.taints.first()?.span));
            for (key, span) in [("labels", label), ("taints", taint)] {
                if let Some(span) = span {
                    self.found.push(
                        Diagnostic::error(
                            codes::NO_SUCH_ROLE,
                            span,
                            format!("a standalone kubelet has no API server that keeps its {key}"),
                        )
                        .help("leave them out"),
                    );
                }
            }
            for (key, span) in [
                (
                    "extra_sans",
                    written.extra_sans.first().map(|name| name.span),
                ),
                ("audit", written.audit.as_ref().map(|audit| audit.span)),
                ("encryption", written.encryption.as_ref().map(|e| e.span)),
                (
                    "external_etcd",
                    written.external_etcd.as_ref().map(|e| e.span),
                ),
            ] {
                if let Some(span) = span {
                    self.found.push(
                        Diagnostic::error(
                            codes::NO_SUCH_ROLE,
                            span,
                            format!(
                                "`{key}` is for control planes, and no node of the file is one"
                            ),
                        )
                        .help("leave it out, or add a node with `role: control-plane`"),
                    );
                }
            }
        }
    }

    /// Where each node reaches the API: where the spec says, else at the one control plane of the file, else at a name that
    /// every node has for all of them. (Clients try all addresses of a name, so no more is needed to outlive one of them.)
    fn endpoints(&mut self, cluster: &spec::Cluster, drafts: &mut [Option<Draft>]) {
        let planes: Vec<IpAddr> = drafts
            .iter()
            .flatten()
            .filter(|draft| draft.role.has_control_plane())
            .filter_map(|draft| draft.node_ip)
            .collect();
        for (written, draft) in cluster.nodes.iter().zip(drafts) {
            let (Some(written), Some(draft)) = (&written.kubernetes, draft) else {
                continue;
            };
            if let Some(endpoint) = &written.endpoint {
                draft.endpoint_host.clone_from(&endpoint.host);
                draft.port = endpoint.port.unwrap_or(API_PORT);
                continue;
            }
            match planes.as_slice() {
                [] if draft.role == Role::Worker => self.found.push(
                    Diagnostic::error(
                        codes::NO_CONTROL_PLANE,
                        written.role.span,
                        format!("`{}` has no control plane to work for", draft.node_name),
                    )
                    .help("add a node with `role: control-plane` to the file, or `endpoint:`"),
                ),
                [] => {}
                [one] => draft.endpoint_host = one.to_string(),
                several => {
                    SHARED_NAME.clone_into(&mut draft.endpoint_host);
                    draft.api_servers = several.to_vec();
                }
            }
        }
    }

    fn etcd_servers(&mut self, drafts: &mut [Option<Draft>], etcd: &[Option<EtcdDraft>]) {
        let everywhere: Vec<String> = etcd
            .iter()
            .flatten()
            .flat_map(|etcd| etcd.member.advertise_client_urls.iter().cloned())
            .collect();
        for (draft, own) in drafts.iter_mut().zip(etcd) {
            let Some(draft) = draft
                .as_mut()
                .filter(|draft| draft.role.has_control_plane())
            else {
                continue;
            };
            let error = |code, message: &str, help: &str| {
                Diagnostic::error(code, draft.span, format!("`{}` {message}", draft.node_name))
                    .help(help)
            };
            if let Some(external) = &draft.settings.external_etcd {
                if !everywhere.is_empty() {
                    self.found.push(
                        Diagnostic::error(
                            codes::BAD_EXTERNAL_ETCD,
                            draft.span,
                            format!("`{}` has two etcds", draft.node_name),
                        )
                        .label("`external_etcd` is for a file of which no node runs etcd")
                        .help("keep `etcd:` or `external_etcd:`"),
                    );
                }
                draft.etcd_servers.clone_from(&external.endpoints);
                continue;
            }
            if everywhere.is_empty() {
                self.found.push(error(
                    codes::NO_ETCD_FOR_API,
                    "runs a control plane, and no node of the file runs etcd",
                    "add `etcd: {}` to the node, or `external_etcd:`",
                ));
            }
            if etcd.iter().flatten().any(|etcd| !etcd.tls) {
                self.found.push(error(
                    codes::PLAIN_ETCD_FOR_API,
                    "runs a control plane on an etcd without TLS",
                    "leave `tls: false` out",
                ));
            }
            // Its own member answers as long as the cluster has a quorum, as kubeadm has it.
            let own = own.iter().flat_map(|etcd| &etcd.member.listen_client_urls);
            let own = own
                .clone()
                .find(|url| url.contains("//127.0.0.1:"))
                .or_else(|| {
                    own.clone()
                        .find(|url| !url.contains("//0.0.0.0:") && !url.contains("//[::]:"))
                });
            draft.etcd_servers = own.map_or_else(|| everywhere.clone(), |url| vec![url.clone()]);
        }
    }

    /// Gives each node its part of the pod network, in the order of the file.
    fn pod_networks(&mut self, drafts: &mut [Option<Draft>]) {
        let count = drafts.iter().flatten().count();
        for (index, draft) in drafts.iter_mut().flatten().enumerate() {
            let part = part(draft.pod_network.value, index)
                .filter(|part| part.max_prefix_len() - part.prefix_len() >= LEAST_POD_BITS);
            match (&mut draft.cni, part) {
                (Cni::Bridge { node_pods }, Some(part)) => *node_pods = part,
                (Cni::Flannel(_) | Cni::Manifests(_), Some(_)) | (Cni::None, _) => {}
                (_, None) => self.found.push(
                    Diagnostic::error(
                        codes::POD_NETWORK_TOO_SMALL,
                        draft.pod_network.span,
                        if count == 1 {
                            format!("{} is too small for a node's pods", draft.pod_network.value)
                        } else {
                            format!(
                                "{} is too small for the pods of {count} nodes",
                                draft.pod_network.value
                            )
                        },
                    )
                    .help("each node takes a /24 of IPv4 or a /64 of IPv6"),
                ),
            }
        }
    }
}

/// Tells each control plane which API servers start before its own, and which after.
fn order_api_servers(drafts: &mut [Option<Draft>]) {
    let all: Vec<SocketAddr> = (drafts.iter().flatten())
        .filter_map(Draft::advertise)
        .collect();
    let planes = (drafts.iter_mut().flatten()).filter(|draft| draft.advertise().is_some());
    for (index, plane) in planes.enumerate() {
        plane.other_api_servers = (all[..index].to_vec(), all[index + 1..].to_vec());
    }
}

/// The drafts that there are, for the checks.
fn drafts_of(drafts: &[Option<Draft>]) -> Vec<super::super::check::KubernetesNode<'_>> {
    drafts
        .iter()
        .enumerate()
        .filter_map(|(index, draft)| {
            let draft = draft.as_ref()?;
            Some(super::super::check::KubernetesNode {
                index,
                version: draft.version,
                role: draft.role,
                endpoint: (&draft.endpoint_host, draft.port),
                endpoint_span: draft.endpoint_span,
                node_ip: draft.node_ip,
                names: draft.api_server_names(),
                encryption: (draft.settings.encryption.as_ref())
                    .map(|(provider, resources, span)| (*provider, resources.as_slice(), *span)),
                pod_network: draft.pod_network,
                service_network: draft.service_network,
                domain: &draft.domain,
                cni: cni_name(&draft.cni),
                span: draft.span,
            })
        })
        .collect()
}

/// What nodes of one cluster have in common.
fn cni_name(cni: &Cni) -> &'static str {
    match cni {
        Cni::Bridge { .. } => "bridge",
        Cni::Flannel(_) => "flannel",
        Cni::Manifests(_) => "manifests",
        Cni::None => "none",
    }
}

/// The `index`th /24, or /64, of `network`; all of a network that is no larger, for the first.
fn part(network: IpNet, index: usize) -> Option<IpNet> {
    match network {
        IpNet::V4(net) => {
            Ipv4Subnets::new(net.network(), net.broadcast(), net.prefix_len().max(24))
                .nth(index)
                .map(IpNet::V4)
        }
        IpNet::V6(net) => {
            Ipv6Subnets::new(net.network(), net.broadcast(), net.prefix_len().max(64))
                .nth(index)
                .map(IpNet::V6)
        }
    }
}

/// The first address that stays and that others can route to.
pub(super) fn static_address(network: &Network) -> Option<IpAddr> {
    let all = network.interfaces.iter().flat_map(|i| &i.addresses);
    all.map(|address| address.addr())
        .find(|address| !matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()))
}

/// Which pods are behind which node, where the bridge knows it.
fn pods_of_all(drafts: &[Option<Draft>]) -> Arc<[NodePods]> {
    let pods = drafts.iter().flatten().filter_map(|draft| match draft.cni {
        // Two nodes of one address are reported as such.
        Cni::Bridge { node_pods } => Some(NodePods {
            pods: node_pods,
            node: draft.node_ip?,
            span: draft.span,
        }),
        Cni::Flannel(_) | Cni::Manifests(_) | Cni::None => None,
    });
    pods.collect()
}

/// Routes to the pods of the other nodes, and openings in the packet filter.
fn network(node: &mut Node, own: &Draft, pods: &Arc<[NodePods]>) {
    if matches!(own.cni, Cni::Bridge { .. }) && own.role != Role::Standalone {
        let interface = (node.network.interfaces.iter_mut())
            .find(|i| i.addresses.iter().any(|a| Some(a.addr()) == own.node_ip));
        if let (Some(interface), Some(own)) = (interface, own.node_ip) {
            let everywhere = Arc::clone(pods);
            interface.pod_routes = Some(PodRoutes { everywhere, own });
        }
    }
    let Some(firewall) = &mut node.firewall else {
        return;
    };
    if own.role.has_control_plane() {
        firewall
            .role_ports
            .push((own.port, "Kubernetes API".to_owned()));
    }
    if own.role != Role::Standalone {
        firewall.role_ports.push((10250, "kubelet".to_owned()));
        let from: Vec<IpNet> = firewall.allow_from.iter().map(|net| net.value).collect();
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            // NodePorts: --service-node-port-range's default.
            firewall.role_rules.push(FirewallRule {
                protocol,
                ports: (30000, 32767),
                from: from.clone(),
                span: own.span,
            });
        }
    }
    if let (Cni::Flannel(flannel), true) = (&own.cni, own.role != Role::Standalone) {
        flannel_port(&flannel.backend, firewall, own.span);
    }
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        firewall.role_rules.push(FirewallRule {
            protocol,
            ports: (1, u16::MAX),
            from: vec![own.pod_network.value],
            span: own.span,
        });
    }
}

fn url(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("https://[{host}]:{port}")
    } else {
        format!("https://{host}:{port}")
    }
}

impl Draft {
    /// Lines of `/etc/hosts` for the name that all control planes share. Not for the checks: a name with several addresses is
    /// meant here, and the clients of the API try each.
    pub(super) fn hosts(&self) -> Vec<(Located<IpAddr>, Vec<Hostname>)> {
        let name: Hostname = SHARED_NAME.parse().expect("the constant is a name");
        let servers = self.api_servers.iter();
        servers
            .map(|address| (Located::new(*address, self.span), vec![name.clone()]))
            .collect()
    }

    /// Everything that the certificate of the API server on this node names; none where there is none.
    fn api_server_names(&self) -> BTreeSet<String> {
        if !self.role.has_control_plane() {
            return BTreeSet::new();
        }
        let mut names = self.settings.dns.clone();
        names.extend(self.settings.addresses.iter().map(ToString::to_string));
        names.extend(self.node_ip.iter().map(ToString::to_string));
        names.insert(self.node_name.clone());
        names.insert(self.endpoint_host.clone());
        names
    }

    /// Where the API server on this node is reached; `None` where there is none.
    fn advertise(&self) -> Option<SocketAddr> {
        let node_ip = self.node_ip.filter(|_| self.role.has_control_plane())?;
        Some(SocketAddr::new(node_ip, self.port))
    }

    /// Whether keys are read or made.
    pub(super) fn needs_keys(&self) -> bool {
        self.role != Role::Standalone
    }

    /// The control plane on this node, which takes its settings out of the draft.
    fn control_plane(
        &mut self,
        advertise: SocketAddr,
        keys: &mut Keys,
        token: Option<&BootstrapToken>,
    ) -> Result<ControlPlane> {
        let (earlier, later) = take(&mut self.other_api_servers);
        let mut dns = take(&mut self.settings.dns);
        let mut addresses = take(&mut self.settings.addresses);
        addresses.insert(advertise.ip());
        addresses.insert(nth(self.service_network.value, 1));
        match self.endpoint_host.parse::<IpAddr>() {
            Ok(address) => addresses.insert(address),
            Err(_) => dns.insert(self.endpoint_host.clone()),
        };
        let encryption = match self.settings.encryption.take() {
            Some((provider, resources, _)) => Some(Encryption {
                provider,
                resources,
                keys: EncryptionKeys(keys.encryption_keys()?),
            }),
            None => None,
        };
        if let Some(gates) = &self.settings.feature_gates {
            for flags in [
                &mut self.extra.api_server,
                &mut self.extra.controller_manager,
                &mut self.extra.scheduler,
            ] {
                flags.insert("feature-gates".to_owned(), gates.clone());
            }
        }
        Ok(ControlPlane {
            advertise,
            earlier,
            later,
            etcd_servers: take(&mut self.etcd_servers),
            outside: match self.api_servers.first() {
                Some(address) => url(&address.to_string(), self.port),
                None => url(&self.endpoint_host, self.port),
            },
            bootstrap_token: token.cloned(),
            keys: keys.kubernetes_control_plane(ControlPlaneNames {
                node: &self.node_name,
                dns: &dns,
                addresses: &addresses,
                cluster_domain: &self.domain,
                external_etcd: self.settings.external_etcd.as_ref(),
            })?,
            api_server_args: take(&mut self.extra.api_server),
            controller_manager_args: take(&mut self.extra.controller_manager),
            scheduler_args: take(&mut self.extra.scheduler),
            audit: self.settings.audit.take(),
            encryption,
            manifests: take(&mut self.manifests),
        })
    }

    /// The finished Kubernetes of the node, its keys from `keys`.
    ///
    /// `token`: what [`prepare`] gave.
    pub(super) fn with_keys(
        mut self,
        keys: &mut Keys,
        token: Option<&BootstrapToken>,
    ) -> Result<Kubernetes> {
        let name = &*self.node_name.clone();
        let in_cluster = self.role != Role::Standalone;
        let own: BTreeSet<IpAddr> = self.node_ip.into_iter().collect();
        let endpoint = url(&self.endpoint_host, self.port);
        let control_plane = match self.advertise() {
            Some(advertise) => Some(self.control_plane(advertise, keys, token)?),
            None => None,
        };
        let api = if in_cluster {
            Some(KubeletApi {
                server: control_plane.as_ref().map_or_else(
                    || endpoint.clone(),
                    |plane| format!("https://{}", plane.advertise),
                ),
                identity: match token.filter(|_| self.keys.joins_by_token()) {
                    Some(token) => KubeletIdentity::Token(token.clone()),
                    None => KubeletIdentity::Certificates {
                        client: keys.kubelet_client(name)?,
                        serving: keys.kubelet_server(NodeNames {
                            node: name,
                            addresses: &own,
                        })?,
                    },
                },
                certificate_authority: keys.kubernetes_authority_certificate()?,
            })
        } else {
            None
        };
        let proxy = if in_cluster {
            Some(Proxy {
                mode: self.proxy,
                client: keys.kube_proxy(name)?,
                settings: self.settings.proxy,
                extra_args: self.extra.proxy,
            })
        } else {
            None
        };
        let mut taints = self.settings.taints;
        if self.role == Role::ControlPlane {
            let taint = Taint {
                key: CONTROL_PLANE.to_owned(),
                value: None,
                effect: "NoSchedule".to_owned(),
            };
            if !taints.contains(&taint) {
                taints.insert(0, taint);
            }
        }
        Ok(Kubernetes {
            version: self.version,
            role: self.role,
            node_name: self.node_name,
            node_ip: self.node_ip,
            cluster_name: "kubernetes".to_owned(),
            endpoint,
            pod_network: self.pod_network.value,
            service_network: self.service_network.value,
            dns_ip: nth(self.service_network.value, 10),
            domain: self.domain,
            cni: self.cni,
            core_dns: self.core_dns,
            proxy,
            kubelet: Kubelet {
                api,
                labels: self.settings.labels,
                api_labels: self.settings.api_labels,
                taints,
                settings: self.settings.kubelet,
                extra_args: self.extra.kubelet,
            },
            control_plane,
            images: self.images,
            system: self.system,
            static_pods: self.settings.static_pods,
            span: self.span,
        })
    }
}

/// The address `offset` behind the first of `network`, which is checked to be large enough.
fn nth(network: IpNet, offset: u8) -> IpAddr {
    match network {
        IpNet::V4(net) => {
            Ipv4Addr::from_bits(net.network().to_bits().saturating_add(offset.into())).into()
        }
        IpNet::V6(net) => {
            std::net::Ipv6Addr::from_bits(net.network().to_bits().saturating_add(offset.into()))
                .into()
        }
    }
}
