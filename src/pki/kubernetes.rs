//! The keys of Kubernetes, with kubeadm's names and places (as from `kubeadm init phase certs
//! all`).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::keys::{Authority, Keys};
use super::private_key::PrivateKey;
use super::profile::{Names, Profile};
use super::rotate::{NEXT, OLD};
use crate::pki::bundles::{ControlPlaneKeys, ExternalEtcd, KeyPair, ServiceAccountKeys};

/// The folder of the certificates issued by the cluster's authority, below a node's folder.
const FOLDER: &str = "kubernetes";

/// The group whose members the API server allows everything, regardless of RBAC.
const MASTERS: &str = "system:masters";

/// The names and addresses of an API server.
#[derive(Debug, Clone, Copy)]
pub struct ControlPlaneNames<'a> {
    pub node: &'a str,
    /// In addition to the node's name and those of the service `kubernetes`.
    pub dns: &'a BTreeSet<String>,
    /// The node's own, the endpoint's, the first of the service network.
    pub addresses: &'a BTreeSet<IpAddr>,
    /// `cluster.local`
    pub cluster_domain: &'a str,
    /// How an external etcd is reached, if there is one. Then no authority is made for etcd.
    pub external_etcd: Option<&'a ExternalEtcd>,
}

/// The names and addresses of a kubelet.
#[derive(Debug, Clone, Copy)]
pub struct NodeNames<'a> {
    pub node: &'a str,
    pub addresses: &'a BTreeSet<IpAddr>,
}

impl Keys<'_> {
    /// The keys of the control plane on a node. The private keys of the authorities of the front
    /// proxy and etcd are not included, since nothing on a node signs with them.
    pub fn kubernetes_control_plane(
        &mut self,
        names: ControlPlaneNames,
    ) -> Result<ControlPlaneKeys> {
        let node = Path::new("nodes").join(names.node);
        let own = node.join(FOLDER);
        let authority = self.kubernetes_authority()?;
        let front_proxy = self.authority(
            Path::new("front-proxy-ca"),
            &Profile::authority("front-proxy-ca"),
            "front-proxy",
        )?;
        let etcd = match names.external_etcd {
            Some(etcd) => etcd.keys.clone(),
            None => self.etcd_client(
                names.node,
                "apiserver-etcd-client",
                "kube-apiserver-etcd-client",
            )?,
        };

        let domain = names.cluster_domain;
        let mut server = Names {
            dns: names.dns.clone(),
            addresses: names.addresses.clone(),
        };
        server.dns.extend([
            names.node.to_owned(),
            "kubernetes".to_owned(),
            "kubernetes.default".to_owned(),
            "kubernetes.default.svc".to_owned(),
            format!("kubernetes.default.svc.{domain}"),
        ]);
        // For administrators on the node itself.
        let server = Names::of_node(server.dns, server.addresses);

        Ok(ControlPlaneKeys {
            api_server: self.signed(
                &own.join("apiserver"),
                &Profile::server("kube-apiserver", server),
                &authority,
            )?,
            // In no group: it is bound to the role system:kubelet-api-admin, as by kubeadm 1.36.1
            // and later.
            kubelet_client: self.signed(
                &own.join("apiserver-kubelet-client"),
                &Profile::client("kube-apiserver-kubelet-client"),
                &authority,
            )?,
            etcd_client: etcd.client,
            front_proxy_client: self.signed(
                &node.join("front-proxy/front-proxy-client"),
                &Profile::client("front-proxy-client"),
                &front_proxy,
            )?,
            controller_manager: self.signed(
                &own.join("controller-manager"),
                &Profile::client("system:kube-controller-manager"),
                &authority,
            )?,
            scheduler: self.signed(
                &own.join("scheduler"),
                &Profile::client("system:kube-scheduler"),
                &authority,
            )?,
            admin: self.kubernetes_admin()?,
            super_admin: self.client("super-admin", "kubernetes-super-admin", MASTERS)?,
            service_account: self.service_account()?,
            trusted_authorities: authority.trusted.clone(),
            authority: KeyPair {
                key: authority.key_pem()?.with_context(|| {
                    format!(
                        "{} is missing, but a control plane signs certificates with it",
                        self.folder().path("ca.key").display()
                    )
                })?,
                certificate: authority.pem.clone(),
            },
            front_proxy_authority: front_proxy.trusted.clone(),
            etcd_authority: etcd.authority,
        })
    }

    /// The key that signs the tokens of service accounts, and the keys that verify them.
    pub fn service_account(&mut self) -> Result<ServiceAccountKeys> {
        let key = self.bare_key(Path::new("sa.key"))?;
        Ok(ServiceAccountKeys {
            key: key.to_pem()?,
            public: self.service_account_verifiers(&key)?,
        })
    }

    /// The certificates of an API server of Kubernetes 1.9 for its clients, who reach it by the
    /// node's name, by `addresses` and as the service `kubernetes`; its client certificate for
    /// kubelets, in the group that requires no binding; and the administrator's.
    pub fn hyperkube_api(
        &mut self,
        node: &str,
        addresses: &BTreeSet<IpAddr>,
    ) -> Result<[KeyPair; 3]> {
        let authority = self.kubernetes_authority()?;
        let own = Path::new("nodes").join(node).join(FOLDER);
        let services = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];
        let mut dns: BTreeSet<String> = services.map(str::to_owned).into();
        dns.insert("kubernetes.default.svc.cluster.local".to_owned());
        dns.insert(node.to_owned());
        let names = Names::of_node(dns, addresses.iter().copied());
        let server = self.signed(
            &own.join("apiserver"),
            &Profile::server("kube-apiserver", names),
            &authority,
        )?;
        let kubelet_client = self.signed(
            &own.join("apiserver-kubelet-client"),
            &Profile::client_in("kube-apiserver-kubelet-client", MASTERS),
            &authority,
        )?;
        // Nothing on the node would bind kubeadm's group to any rights.
        let admin = self.client("super-admin", "kubernetes-super-admin", MASTERS)?;
        Ok([server, kubelet_client, admin])
    }

    /// The certificate of the cluster's authority, in PEM; two while it is being replaced.
    pub fn kubernetes_authority_certificate(&mut self) -> Result<String> {
        Ok(self.kubernetes_authority()?.trusted.clone())
    }

    /// The public keys that verify tokens of service accounts: that of `key` and, while it is being
    /// replaced, its successor's or its predecessor's.
    fn service_account_verifiers(&self, key: &PrivateKey) -> Result<String> {
        let mut verifiers = key.public_pem()?;
        for other in [NEXT, OLD] {
            if let Some(key) = self.read_key(Path::new(&format!("sa.{other}.key")))? {
                verifiers.push_str(&key.public_pem()?);
            }
        }
        Ok(verifiers)
    }

    /// The keys of the cluster's administrator, who has all rights by RBAC (kubeadm's group and
    /// binding).
    pub fn kubernetes_admin(&mut self) -> Result<KeyPair> {
        self.client("admin", "kubernetes-admin", "kubeadm:cluster-admins")
    }

    /// The client certificate of a node's kubelet for the API server: user `system:node:<node>`.
    pub fn kubelet_client(&mut self, node: &str) -> Result<KeyPair> {
        let profile = Profile::client_in(&format!("system:node:{node}"), "system:nodes");
        self.of_node(node, "kubelet-client", &profile)
    }

    /// The server certificate of a node's kubelet.
    pub fn kubelet_server(&mut self, names: NodeNames) -> Result<KeyPair> {
        let reached = Names {
            dns: BTreeSet::from([names.node.to_owned()]),
            addresses: names.addresses.clone(),
        };
        let profile = Profile::server(&format!("system:node:{}", names.node), reached);
        self.of_node(names.node, "kubelet-server", &profile)
    }

    /// The client certificate of kube-proxy on a node, which is bound to the role
    /// system:node-proxier by default.
    pub fn kube_proxy(&mut self, node: &str) -> Result<KeyPair> {
        self.of_node(node, "kube-proxy", &Profile::client("system:kube-proxy"))
    }

    fn signed(&mut self, stem: &Path, profile: &Profile, authority: &Authority) -> Result<KeyPair> {
        self.leaf(stem, profile, authority).map(KeyPair::from)
    }

    fn of_node(&mut self, node: &str, name: &str, profile: &Profile) -> Result<KeyPair> {
        let authority = self.kubernetes_authority()?;
        let stem = Path::new("nodes").join(node).join(FOLDER).join(name);
        Ok(self.leaf(&stem, profile, &authority)?.into())
    }

    fn client(&mut self, file: &str, name: &str, group: &str) -> Result<KeyPair> {
        let authority = self.kubernetes_authority()?;
        let stem = Path::new("clients").join(FOLDER).join(file);
        let profile = Profile::client_in(name, group);
        Ok(self.leaf(&stem, &profile, &authority)?.into())
    }

    fn kubernetes_authority(&mut self) -> Result<Arc<Authority>> {
        self.authority(Path::new("ca"), &Profile::authority("kubernetes"), FOLDER)
    }
}
