//! Reads the keys that a node's Kubernetes needs.

use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::Result;

use super::Draft;
use crate::facts::kubernetes::choices::Join;
use crate::node::kubernetes::{ControlPlane, Kubernetes, Member, NodeSettings, ProxyPod};
use crate::node::kubernetes_keys::{
    EncryptionKeys, KubeletIdentity, KubeletKeys, PlaneKeys, WithoutKeys,
};
use crate::pki::{ClusterToken, ControlPlaneNames, Keys, NodeNames};

impl Draft {
    /// Returns whether keys are read or created.
    pub(crate) fn needs_keys(&self) -> bool {
        self.member.is_some()
    }

    /// Returns the Kubernetes of the node with its keys from `keys`.
    ///
    /// `token`: the cluster's, see [`ClusterKeys::prepare`](super::ClusterKeys::prepare).
    pub(super) fn with_keys(
        self,
        keys: &mut Keys,
        token: Option<&ClusterToken>,
    ) -> Result<Kubernetes> {
        let member = match self.member {
            Some(member) => Some(member_with_keys(&self.settings, member, keys, token)?),
            None => None,
        };
        Ok(Kubernetes {
            settings: self.settings,
            member,
        })
    }
}

fn member_with_keys(
    node: &NodeSettings,
    member: Member<WithoutKeys>,
    keys: &mut Keys,
    token: Option<&ClusterToken>,
) -> Result<Member> {
    let name = &*node.node_name;
    let control_plane = match member.control_plane {
        Some(plane) => Some(plane_with_keys(node, plane, keys, token)?),
        None => None,
    };
    let own: BTreeSet<IpAddr> = node.node_ips().collect();
    let kubelet = KubeletKeys {
        identity: match token.filter(|_| member.join == Join::Token) {
            Some(known) => KubeletIdentity::Token(known.token.clone()),
            None => KubeletIdentity::Certificates {
                client: keys.kubelet_client(name)?,
                serving: keys.kubelet_server(NodeNames {
                    node: name,
                    addresses: &own,
                })?,
            },
        },
        certificate_authority: keys.kubernetes_authority_certificate()?,
    };
    Ok(Member {
        join: member.join,
        keys: kubelet,
        proxy: member.proxy,
        proxy_pod: match member.proxy_pod {
            ProxyPod::DaemonSet(image) => ProxyPod::DaemonSet(image),
            ProxyPod::None => ProxyPod::None,
            ProxyPod::Static { client: () } => ProxyPod::Static {
                client: keys.kube_proxy(name)?,
            },
        },
        control_plane,
    })
}

fn plane_with_keys(
    node: &NodeSettings,
    plane: ControlPlane<WithoutKeys>,
    keys: &mut Keys,
    token: Option<&ClusterToken>,
) -> Result<ControlPlane> {
    let plane = plane.settings;
    let mut dns = plane.extra_names.clone();
    let mut addresses = plane.extra_addresses.clone();
    addresses.insert(plane.advertise.ip());
    addresses.insert(node.api_service_ip());
    addresses.extend((node.endpoint.shared.as_ref()).map(|shared| shared.balancer().ip()));
    match node.endpoint.host.parse::<IpAddr>() {
        Ok(address) => addresses.insert(address),
        Err(_) => dns.insert(node.endpoint.host.clone()),
    };
    let encryption = match plane.encryption {
        Some(_) => EncryptionKeys(keys.encryption_keys()?),
        None => EncryptionKeys::default(),
    };
    let pki = keys.kubernetes_control_plane(ControlPlaneNames {
        node: &node.node_name,
        dns: &dns,
        addresses: &addresses,
        cluster_domain: &node.domain,
        external_etcd: plane.external_etcd.as_ref(),
    })?;
    Ok(ControlPlane {
        settings: plane,
        keys: PlaneKeys {
            pki,
            bootstrap_token: token.cloned(),
            encryption,
        },
    })
}
