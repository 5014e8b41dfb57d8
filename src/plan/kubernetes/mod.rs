//! `kubernetes:` with every default filled in, and what it requires of the node's network.

mod endpoints;
mod finished;
mod keys;
mod no_control_plane;
mod openings;
mod pods;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

pub(super) use endpoints::static_address;
pub(super) use keys::{key_algorithm, prepare, with_keys};

use super::Decider;
use super::etcd::Draft as EtcdDraft;
use super::kubernetes_addons::{cni_span, role_of};
use super::kubernetes_settings::Settings;
use crate::check::{SharedProxy, component_flags};
use crate::diagnostic::{Diagnostic, Located, Sources, Span, codes};
use crate::facts::kubernetes::tables::Component;
use crate::facts::kubernetes::version::KubeVersion;
use crate::facts::runtimes::Runtime;
use crate::facts::systems::Facts;
use crate::node::Node;
use crate::node::addons::{CoreDns, Manifest};
use crate::node::containers::{ContainerRuntime, runtime_label};
use crate::node::etcd::EtcdPod;
use crate::node::images::ImageUse;
use crate::node::kubernetes::{Cni, Images, ProxyImage, ProxyMode, Role};
use crate::spec;

/// A node's Kubernetes while the cluster is being put together: everything but keys.
#[derive(Debug)]
pub(super) struct Draft {
    version: Located<KubeVersion>,
    role: Role,
    node_name: String,
    node_ip: Option<IpAddr>,
    port: u16,
    endpoint_host: String,
    /// The name that `SHARED_NAME` stands for, if it is used.
    api_servers: Vec<IpAddr>,
    /// On a control plane, the API servers of the others: those before it in the file, and those
    /// after it.
    other_api_servers: (Vec<SocketAddr>, Vec<SocketAddr>),
    pod_network: Located<IpNet>,
    service_network: Located<IpNet>,
    domain: String,
    cni: Cni,
    core_dns: Option<CoreDns>,
    /// On a control plane, the runtimes of the cluster's nodes in addition to runc.
    runtime_classes: Vec<String>,
    manifests: Vec<Manifest>,
    images: Images,
    runtime: Located<Runtime>,
    system: &'static Facts,
    proxy: ProxyMode,
    /// What the pods of a `DaemonSet` run; `None`: kube-proxy is a static pod.
    proxy_image: Option<ProxyImage>,
    etcd_servers: Vec<String>,
    etcd_pod: Option<EtcdPod>,
    extra: ExtraArgs,
    keys: keys::Written,
    settings: Settings,
    /// The location of the endpoint, if the spec sets it.
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
    /// Decides Kubernetes on each of `nodes`, and adds the host names, routes and firewall rules
    /// that it requires.
    pub(super) fn kubernetes(
        &mut self,
        cluster: &spec::Cluster,
        nodes: &mut [Node],
        etcd: &[Option<EtcdDraft>],
        sources: &Sources,
    ) -> Vec<Option<Draft>> {
        let mut drafts: Vec<Option<Draft>> = (cluster.nodes.iter().zip(&*nodes))
            .map(|(spec, node)| {
                let written = spec.kubernetes.as_ref()?;
                Some(self.draft(written, spec.containerd.as_ref(), node, sources))
            })
            .collect();
        // Nodes of Container Linux come after those that have drafts.
        drafts.resize_with(nodes.len(), || None);
        self.without_control_plane(cluster, &drafts);
        self.endpoints(cluster, &mut drafts);
        endpoints::order_api_servers(&mut drafts);
        self.etcd_servers(&mut drafts, etcd);
        self.pod_networks(&mut drafts);
        self.check_keys(&drafts);
        self.check_manifests(cluster);
        let classes = self.runtime_classes(cluster);
        for draft in drafts.iter_mut().flatten() {
            if draft.role.has_control_plane() {
                draft.runtime_classes.clone_from(&classes);
            }
        }
        super::super::check::kubernetes(&drafts_of(&drafts), nodes, &mut self.found);
        let pods = pods::of_all(&drafts);
        for (node, draft) in nodes.iter_mut().zip(&drafts) {
            if let Some(draft) = draft {
                pods::route(node, draft, &pods);
                openings::open(node, draft);
            }
        }
        drafts
    }

    fn draft(
        &mut self,
        written: &spec::Kubernetes,
        containerd: Option<&spec::Containerd>,
        node: &Node,
        sources: &Sources,
    ) -> Draft {
        let role = role_of(written);
        let images = self.artifacts(written, node.target, sources);
        let runtime = self.runtime(written, containerd, node.target, &images);
        let cni = self.cni(written);
        if matches!(cni, Cni::Flannel(_)) && role.has_control_plane() {
            self.not_given(&images, ImageUse::Flannel, "flannel", cni_span(written));
        }
        let core_dns = self.core_dns(written, *written.version, role, &node.network, &images);
        let manifests = self.manifests(written.manifests.as_deref());
        let proxy_image = self.proxy_image(written, role, &images);
        let node_ip = self.own_address(written, role, node);
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
        let mut settings = self.component_settings(written, node, role);
        if role != Role::Standalone {
            let runtimes = node.containerd.iter().flat_map(|own| &own.runtimes);
            let label = |runtime: &ContainerRuntime| runtime_label(&runtime.name);
            (settings.labels).extend(runtimes.map(|runtime| (label(runtime), "true".to_owned())));
        }
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
            port: spec::API_PORT,
            endpoint_host: String::new(),
            api_servers: Vec::new(),
            other_api_servers: (Vec::new(), Vec::new()),
            pod_network: written.pod_network().map(|net| net.trunc()),
            service_network: written.service_network().map(|net| net.trunc()),
            domain: written.domain().to_string(),
            cni,
            core_dns,
            runtime_classes: Vec::new(),
            manifests,
            images,
            runtime,
            system: node.target.facts(),
            proxy: self.proxy_mode(written),
            proxy_image,
            etcd_servers: Vec::new(),
            etcd_pod: None,
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

    /// Returns the node's static address, which a control plane requires.
    fn own_address(
        &mut self,
        written: &spec::Kubernetes,
        role: Role,
        node: &Node,
    ) -> Option<IpAddr> {
        let node_ip = static_address(&node.network);
        if role.has_control_plane() && node_ip.is_none() {
            self.found.push(
                Diagnostic::error(
                    codes::NO_STATIC_ADDRESS,
                    written.role.span,
                    format!(
                        "control plane node `{}` has no static address",
                        node.hostname.value
                    ),
                )
                .help("give one of its interfaces an entry under `addresses:`"),
            );
        }
        node_ip
    }
}

/// Returns the existing drafts, for the checks.
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
                proxy: draft.shared_proxy(),
                span: draft.span,
            })
        })
        .collect()
}

impl Draft {
    /// Returns what a `DaemonSet` has in common on all nodes; `None`: each node runs its own
    /// kube-proxy.
    fn shared_proxy(&self) -> Option<SharedProxy<'_>> {
        Some(SharedProxy {
            image: self.proxy_image?,
            mode: self.proxy,
            settings: &self.settings.proxy,
            flags: &self.extra.proxy,
            programs: self.system.paths.programs,
        })
    }
}

/// Returns the settings that the nodes of a cluster have in common.
fn cni_name(cni: &Cni) -> &'static str {
    match cni {
        Cni::Bridge { .. } => "bridge",
        Cni::Flannel(_) => "flannel",
        Cni::Manifests(_) => "manifests",
        Cni::None => "none",
    }
}
