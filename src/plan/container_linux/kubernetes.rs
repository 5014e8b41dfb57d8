//! `kubernetes:` of Container Linux with every default filled in, and checked across its nodes.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, Result};
use ipnet::IpNet;

use super::super::Decider;
use super::super::kubernetes::static_address;
use super::{flags, place};
use crate::check::overlap;
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::facts::container_linux::hyperkube::HYPERKUBE;
use crate::facts::kubernetes::choices::Role;
use crate::facts::kubernetes::tables::Component;
use crate::names::authority;
use crate::node::container_linux::{
    HyperkubeApi, HyperkubeApiKeys, HyperkubeClients, HyperkubeExtraArgs, HyperkubeNode,
    HyperkubeTls,
};
use crate::node::{Cluster, Node};
use crate::pki::Keys;
use crate::pki::bundles::KeyPair;
use crate::spec::{self, CtValue, HyperkubeNetwork, HyperkubeProxyMode};

/// The port on which the API is served without TLS.
const INSECURE_PORT: u16 = 8080;

/// Returns the URL for programs on the node, of an API server that listens at `insecure`.
pub(super) fn local_host(insecure: IpAddr) -> IpAddr {
    if insecure.is_unspecified() {
        Ipv4Addr::LOCALHOST.into()
    } else {
        insecure
    }
}

/// Returns whether the cluster's API is served over TLS.
fn has_tls(written: &spec::HyperkubeNode) -> bool {
    written
        .tls
        .map_or(written.insecure_bind_address.is_none(), |tls| tls.value)
}

impl Decider<'_> {
    /// Decides Kubernetes on `nodes`, which are those of `written`.
    pub(super) fn hyperkubes(&mut self, written: &[spec::ContainerLinux], nodes: &mut [Node]) {
        for (written, node) in written.iter().zip(&mut *nodes) {
            if let Some(kubernetes) = &written.kubernetes {
                let decided = self.hyperkube(written, kubernetes, node);
                if let Some(own) = &mut node.container_linux {
                    if decided.flannel && own.flannel.is_none() {
                        own.flannel = Some(flannel_for(&decided));
                    }
                    own.kubernetes = Some(decided);
                }
            }
        }
        self.workers(written, nodes);
        for node in nodes.iter() {
            self.hyperkube_networks(node);
        }
    }

    fn hyperkube_extra_args(&mut self, written: &spec::HyperkubeNode) -> HyperkubeExtraArgs {
        type Flags = spec::decode::Table<spec::SettingName, Located<spec::Setting>>;
        let Some(extra) = &written.extra_args else {
            return HyperkubeExtraArgs::default();
        };
        let mut list = |component: Component, written: &Flags| {
            flags::check(component, written, &mut self.found);
            written
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), value.as_str().to_owned()))
                .collect()
        };
        HyperkubeExtraArgs {
            api_server: list(Component::ApiServer, &extra.api_server),
            controller_manager: list(Component::ControllerManager, &extra.controller_manager),
            scheduler: list(Component::Scheduler, &extra.scheduler),
            proxy: list(Component::Proxy, &extra.proxy),
            kubelet: list(Component::Kubelet, &extra.kubelet),
        }
    }

    fn hyperkube(
        &mut self,
        node_written: &spec::ContainerLinux,
        written: &spec::HyperkubeNode,
        node: &Node,
    ) -> HyperkubeNode {
        let role = written.role.value;
        let api = role
            .has_control_plane()
            .then(|| self.hyperkube_api(written, node))
            .flatten();
        let etcd_servers = self.hyperkube_etcd(node_written, written, role);
        let flannel = written.cni().value == HyperkubeNetwork::Flannel && role != Role::Standalone;
        let said = node_written.flannel.as_ref().map(|flannel| &flannel.0);
        let own_config = said.is_some_and(|flannel| flannel.network_config.is_some());
        let version = written.version.as_ref().map(|version| version.0);
        HyperkubeNode {
            image: written.image().value.0,
            image_tag: written.image_tag.as_ref().map_or_else(
                || format!("v{}{}", version.value, HYPERKUBE.tag_suffix),
                |tag| tag.as_str().to_owned(),
            ),
            version,
            role,
            server: api.as_ref().map_or_else(String::new, |api| {
                let host = local_host(api.insecure).to_string();
                format!("http://{}", authority(&host, INSECURE_PORT))
            }),
            api,
            clients: None,
            etcd_servers,
            pod_network: written.pod_network(),
            service_network: written.service_network(),
            flannel,
            tells_network: flannel && role.has_control_plane() && !own_config,
            ipvs: written.proxy().mode().value == HyperkubeProxyMode::Ipvs,
            hostname_override: written.hostname_override().value,
            schedulable: written
                .schedulable
                .map_or(role != Role::ControlPlane, |it| it.value),
            admission_control: (written.admission_control().iter())
                .map(|one| one.as_str().to_owned())
                .collect(),
            extra_args: self.hyperkube_extra_args(written),
            span: written.span,
        }
    }

    fn hyperkube_api(
        &mut self,
        written: &spec::HyperkubeNode,
        node: &Node,
    ) -> Option<HyperkubeApi> {
        let of_endpoint = written
            .endpoint
            .as_ref()
            .and_then(|endpoint| endpoint.host.parse().ok());
        let Some(advertise) = of_endpoint.or_else(|| static_address(&node.network)) else {
            self.found.push(
                Diagnostic::error(
                    codes::NO_STATIC_ADDRESS,
                    written.role.span,
                    format!(
                        "control plane node `{}` has no static address",
                        node.hostname.value
                    ),
                )
                .help("give one of its interfaces an entry under `addresses:`, or set `endpoint:`"),
            );
            return None;
        };
        let insecure = written.insecure_bind_address;
        if let Some(open) = insecure.filter(|address| !address.is_loopback()) {
            self.found.push(
                Diagnostic::warning(
                    codes::OPEN_API,
                    open.span,
                    format!(
                        "ANYONE who reaches port {INSECURE_PORT} of `{}` is root on every node of \
                         the cluster",
                        node.hostname.value
                    ),
                )
                .label("no password, no certificate, no TLS: the API executes every request")
                .help(
                    "remove `insecure_bind_address` to serve the API over TLS, or restrict \
                       access to machines that you trust as much as root",
                ),
            );
        }
        let port = written.endpoint.as_ref().and_then(|endpoint| endpoint.port);
        Some(HyperkubeApi {
            advertise,
            insecure: insecure.map_or(Ipv4Addr::LOCALHOST.into(), |address| address.value),
            secure_port: has_tls(written).then(|| port.unwrap_or(spec::API_PORT)),
            keys: None,
        })
    }

    /// Returns the endpoints that are set, or else the client URLs of the node's own member.
    fn hyperkube_etcd(
        &mut self,
        node: &spec::ContainerLinux,
        written: &spec::HyperkubeNode,
        role: Role,
    ) -> Vec<String> {
        let servers: Vec<_> = written
            .etcd_servers
            .iter()
            .map(|url| url.as_str().to_owned())
            .collect();
        if !servers.is_empty() || !role.has_control_plane() {
            return servers;
        }
        let Some(etcd) = &node.etcd else {
            self.found.push(
                Diagnostic::error(
                    codes::NO_ETCD_FOR_API,
                    written.role.span,
                    "the control plane has no etcd to store its objects in",
                )
                .help(
                    "add `etcd: ~` to run a member on this node, or specify others as \
                       `etcd_servers:`",
                ),
            );
            return Vec::new();
        };
        let advertised = etcd
            .0
            .flags
            .iter()
            .find_map(|(flag, value)| match &value.value {
                CtValue::Text(urls) if *flag == "advertise-client-urls" => Some(urls),
                _ => None,
            });
        // A value that only the node knows at boot is of no use to another program.
        match advertised.filter(|urls| !super::dynamic_data::is_in(urls)) {
            Some(urls) => urls.split(',').map(|url| url.trim().to_owned()).collect(),
            None => vec!["http://127.0.0.1:2379".to_owned()],
        }
    }

    /// Connects workers to the API and etcd on the control planes in the file, unless they set the
    /// URLs themselves.
    fn workers(&mut self, written: &[spec::ContainerLinux], nodes: &mut [Node]) {
        let plane = nodes.iter().find_map(|node| {
            let kubernetes = node.container_linux.as_ref()?.kubernetes.as_ref()?;
            Some((kubernetes.api.clone()?, kubernetes.etcd_servers.clone()))
        });
        for (written, node) in written.iter().zip(nodes) {
            let own = node.container_linux.as_mut();
            let Some(own) = own.filter(|own| own.kubernetes.is_some()) else {
                continue;
            };
            let (Some(kubernetes), Some(written)) = (&mut own.kubernetes, &written.kubernetes)
            else {
                continue;
            };
            if kubernetes.role != Role::Worker {
                continue;
            }
            match server_for(written, plane.as_ref().map(|(api, _)| api)) {
                Ok(server) => kubernetes.server = server,
                Err((span, why)) => self.found.push(
                    Diagnostic::error(
                        codes::NO_API_TO_REACH,
                        span,
                        format!(
                            "worker `{}` has no API server to connect to",
                            node.hostname.value
                        ),
                    )
                    .label(why)
                    .help(
                        "set `endpoint:`, or have a control plane in this file serve the API \
                           over TLS (`tls: true`)",
                    ),
                ),
            }
            if kubernetes.etcd_servers.is_empty()
                && let Some((_, servers)) = &plane
            {
                kubernetes.etcd_servers.clone_from(servers);
            }
            if !kubernetes.flannel {
                continue;
            }
            let said = written_endpoints(own.flannel.as_ref());
            if kubernetes.etcd_servers.is_empty() && !said {
                self.found.push(
                    Diagnostic::error(
                        codes::NO_ETCD_FOR_API,
                        written.role.span,
                        "flannel reads its network from etcd, and no etcd is specified",
                    )
                    .help("specify it as `etcd_servers:`, or use `cni: none`"),
                );
            }
            if !said && let Some(flannel) = &mut own.flannel {
                let urls = kubernetes.etcd_servers.join(",");
                flannel
                    .wrapped
                    .arguments
                    .push(format!("--etcd-endpoints=\"{urls}\""));
            }
        }
    }

    /// Reports pod, service and machine networks that overlap.
    fn hyperkube_networks(&mut self, node: &Node) {
        let Some(kubernetes) = node
            .container_linux
            .as_ref()
            .and_then(|own| own.kubernetes.as_ref())
        else {
            return;
        };
        let (pods, services) = (kubernetes.pod_network, kubernetes.service_network);
        self.found
            .extend(crate::check::host_bits(&pods, "the pod network"));
        self.found
            .extend(crate::check::host_bits(&services, "the service network"));
        let mut report = |one: Located<IpNet>, what: &str, other: Located<IpNet>, whose: &str| {
            self.found.push(
                Diagnostic::error(
                    codes::KUBE_NETWORKS_OVERLAP,
                    one.span,
                    format!(
                        "{what} {} overlaps {whose} {}",
                        one.value,
                        other.value.trunc()
                    ),
                )
                .related(other.span, "this network")
                .help(
                    "if the pod network overlaps the machines' network, not even SSH reaches \
                       the node: choose a network that nothing else uses",
                ),
            );
        };
        if overlap(&pods.value, &services.value) {
            report(pods, "the pod network", services, "the service network");
        }
        for address in node.network.interfaces.iter().flat_map(|i| &i.addresses) {
            for (net, what) in [(pods, "the pod network"), (services, "the service network")] {
                if overlap(&net.value, &address.value.trunc()) {
                    report(net, what, *address, "the node's network");
                }
            }
        }
    }
}

/// Returns whether flannel's etcd endpoints are set.
fn written_endpoints(flannel: Option<&crate::node::container_linux::WrappedFlannel>) -> bool {
    flannel.is_some_and(|flannel| {
        let mut arguments = flannel.wrapped.arguments.iter();
        arguments.any(|argument| argument.starts_with("--etcd-endpoints="))
    })
}

/// Returns flannel with the settings of `flannel: ~`.
fn flannel_for(kubernetes: &HyperkubeNode) -> crate::node::container_linux::WrappedFlannel {
    crate::node::container_linux::WrappedFlannel {
        wrapped: crate::node::container_linux::Wrapped {
            version: None,
            arguments: Vec::new(),
            has_dynamic_data: false,
            span: kubernetes.span,
        },
        network_config: None,
    }
}

/// Returns the API server of a worker; or the location and reason if there is none.
fn server_for(
    written: &spec::HyperkubeNode,
    plane: Option<&HyperkubeApi>,
) -> Result<String, (Span, &'static str)> {
    let role = written.role.span;
    let tls = match (plane, written.tls) {
        (_, Some(tls)) => tls.value,
        (Some(api), None) => api.secure_port.is_some(),
        (None, None) => has_tls(written),
    };
    if let Some(endpoint) = &written.endpoint {
        let (scheme, port) = if tls {
            ("https", spec::API_PORT)
        } else {
            ("http", INSECURE_PORT)
        };
        let port = endpoint.port.unwrap_or(port);
        return Ok(format!("{scheme}://{}", authority(&endpoint.host, port)));
    }
    let Some(api) = plane else {
        return Err((
            role,
            "no node in this file is a control plane, and it sets no endpoint",
        ));
    };
    let host = api.advertise.to_string();
    match (tls, api.secure_port) {
        (true, Some(port)) => Ok(format!("https://{}", authority(&host, port))),
        (true, None) => Err((
            place(written.tls.as_ref(), role),
            "the control plane does not serve TLS",
        )),
        (false, _) if api.insecure.is_loopback() => Err((
            role,
            "the control plane's insecure port is reachable from the control plane only",
        )),
        (false, _) => Ok(format!("http://{}", authority(&host, INSECURE_PORT))),
    }
}

/// Returns whether any node of `cluster` has keys.
pub(crate) fn needs_keys(cluster: &Cluster) -> bool {
    cluster.nodes.iter().any(|node| {
        let own = node.container_linux.as_ref();
        let kubernetes = own.and_then(|own| own.kubernetes.as_ref());
        kubernetes.is_some_and(|it| it.api.is_some() || it.server.starts_with("https://"))
    })
}

/// Adds the keys from the key folder.
pub(crate) fn with_keys(cluster: &mut Cluster, keys: &mut Keys) -> Result<()> {
    for node in &mut cluster.nodes {
        let name = node.hostname.to_string();
        let own = node.container_linux.as_mut();
        let Some(kubernetes) = own.and_then(|own| own.kubernetes.as_mut()) else {
            continue;
        };
        keys_of(&name, kubernetes, keys)
            .with_context(|| format!("preparing the Kubernetes keys of {name}"))?;
    }
    Ok(())
}

fn keys_of(name: &str, kubernetes: &mut HyperkubeNode, keys: &mut Keys) -> Result<()> {
    let first_service = kubernetes.service_network.hosts().next();
    if let Some(api) = &mut kubernetes.api {
        let tls = if api.secure_port.is_some() {
            let addresses: BTreeSet<IpAddr> = [Some(api.advertise), first_service]
                .into_iter()
                .flatten()
                .collect();
            let [server, kubelet_client, admin] = keys.hyperkube_api(name, &addresses)?;
            Some(HyperkubeTls {
                authority: keys.kubernetes_authority_certificate()?,
                server,
                kubelet_client,
                admin,
            })
        } else {
            None
        };
        api.keys = Some(HyperkubeApiKeys {
            service_account: keys.service_account()?,
            tls,
        });
    }
    if kubernetes.server.starts_with("https://") {
        let authority = keys.kubernetes_authority_certificate()?;
        let server = kubernetes.server.clone();
        let file = |user: &str, client: &KeyPair| {
            crate::pki::Kubeconfig {
                cluster: "local",
                server: &server,
                certificate_authority: &authority,
                user,
                client,
            }
            .to_yaml()
        };
        kubernetes.clients = Some(HyperkubeClients {
            kubelet: file("kubelet", &keys.kubelet_client(name)?),
            proxy: file("kube-proxy", &keys.kube_proxy(name)?),
        });
    }
    Ok(())
}
