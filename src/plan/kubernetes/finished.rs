//! From a draft and the cluster's keys to the node's finished Kubernetes.

use std::collections::BTreeSet;
use std::mem::take;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Result;
use ipnet::IpNet;

use super::Draft;
use crate::node::kubernetes::{
    ControlPlane, Kubelet, KubeletApi, KubeletIdentity, Kubernetes, Proxy, ProxyPod, Role, Taint,
};
use crate::node::kubernetes_settings::{Encryption, EncryptionKeys};
use crate::pki::{BootstrapToken, ControlPlaneNames, Keys, NodeNames};

/// The taint, and the label, of a control plane node.
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

impl Draft {
    /// Returns whether keys are read or created.
    pub(crate) fn needs_keys(&self) -> bool {
        self.role != Role::Standalone
    }

    /// Returns the control plane on this node, moving its settings out of the draft.
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
            etcd_pod: self.etcd_pod.take(),
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
            runtime_classes: take(&mut self.runtime_classes),
            manifests: take(&mut self.manifests),
        })
    }

    /// Returns the finished Kubernetes of the node, with its keys from `keys`.
    ///
    /// `token`: the result of [`prepare`](super::prepare).
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
                pod: match self.proxy_image {
                    Some(image) => ProxyPod::DaemonSet(image),
                    None => ProxyPod::Static {
                        client: keys.kube_proxy(name)?,
                    },
                },
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
            runtime: self.runtime,
            system: self.system,
            static_pods: self.settings.static_pods,
            span: self.span,
        })
    }
}

fn url(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("https://[{host}]:{port}")
    } else {
        format!("https://{host}:{port}")
    }
}

/// Returns the address `offset` after the first of `network`, which is checked to be large enough.
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
