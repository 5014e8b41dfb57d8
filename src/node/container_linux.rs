//! What only nodes of Container Linux have: ct's sections and Kubernetes 1.9, decided.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::diagnostic::{Located, Span};
use crate::facts::kubernetes::choices::Role;
use crate::facts::kubernetes::version::KubeVersion;
use crate::node::kubernetes_keys::Administration;
use crate::pki::bundles::{KeyPair, ServiceAccountKeys};

/// The settings that only Container Linux has.
#[derive(Debug, Clone)]
pub struct ContainerLinux {
    /// The cloud whose agent must be configured with the address of the metadata service.
    pub metadata_provider: Option<Located<&'static str>>,
    pub etcd: Option<Wrapped>,
    pub flannel: Option<WrappedFlannel>,
    /// docker's flags.
    pub docker: Option<Located<Vec<String>>>,
    /// Lines of `/etc/coreos/update.conf`.
    pub update: Option<Located<Vec<String>>>,
    pub kubernetes: Option<HyperkubeNode>,
}

impl ContainerLinux {
    /// Returns how the administrator reaches the API of Kubernetes 1.9 over TLS, if it is served
    /// here.
    pub fn administration(&self) -> Option<Administration<'_>> {
        let api = self.kubernetes.as_ref()?.api.as_ref()?;
        let address = SocketAddr::new(api.advertise, api.secure_port?);
        let tls = api.keys.as_ref()?.tls.as_ref()?;
        Some(Administration {
            server: format!("https://{address}"),
            authorities: &tls.authority,
            client: &tls.admin,
        })
    }
}

/// A program that a wrapper of Container Linux runs from an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// The image's version; `None`: the wrapper's own.
    pub version: Option<String>,
    /// As written in the unit: `--name="etcd1"`.
    pub arguments: Vec<String>,
    /// Whether an argument contains a value of the metadata service.
    pub has_dynamic_data: bool,
    pub span: Span,
}

/// flannel on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedFlannel {
    pub wrapped: Wrapped,
    /// The arguments of `etcdctl` that store ct's `network_config` in etcd.
    pub network_config: Option<String>,
}

/// Kubernetes 1.9 on a node.
#[derive(Debug, Clone)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own, and none a state"
)]
pub struct HyperkubeNode {
    pub version: Located<KubeVersion>,
    /// The image without its tag.
    pub image: String,
    pub image_tag: String,
    pub role: Role,
    /// The API server on this node.
    pub api: Option<HyperkubeApi>,
    /// What kubelet and proxy connect to: `http://127.0.0.1:8080`.
    pub server: String,
    /// The credentials of kubelet and proxy, if the server requires them; `None` until the keys
    /// exist.
    pub clients: Option<HyperkubeClients>,
    /// The client URLs of the etcd members.
    pub etcd_servers: Vec<String>,
    pub pod_network: Located<IpNet>,
    pub service_network: Located<IpNet>,
    /// Whether flannel is the pod network.
    pub flannel: bool,
    /// Whether this node stores the network for flannel in etcd.
    pub tells_network: bool,
    pub ipvs: bool,
    pub hostname_override: bool,
    pub schedulable: bool,
    pub admission_control: Vec<String>,
    pub extra_args: HyperkubeExtraArgs,
    pub span: Span,
}

/// An API server of Kubernetes 1.9.
#[derive(Debug, Clone)]
pub struct HyperkubeApi {
    /// The pod and service networks.
    pub advertise: IpAddr,
    /// The address it serves on without TLS.
    pub insecure: IpAddr,
    /// The port for TLS, if it is served.
    pub secure_port: Option<u16>,
    /// `None` until the keys exist.
    pub keys: Option<HyperkubeApiKeys>,
}

/// What an API server and its controller manager need of the cluster's keys, in PEM.
#[derive(Clone)]
pub struct HyperkubeApiKeys {
    pub service_account: ServiceAccountKeys,
    pub tls: Option<HyperkubeTls>,
}

/// What serving TLS requires.
#[derive(Clone)]
pub struct HyperkubeTls {
    pub authority: String,
    pub server: KeyPair,
    pub kubelet_client: KeyPair,
    /// The administrator's credentials, which no node gets.
    pub admin: KeyPair,
}

/// A worker's credentials: two files, both secret.
#[derive(Clone, Default)]
pub struct HyperkubeClients {
    pub kubelet: String,
    pub proxy: String,
}

/// Does not show secrets.
impl std::fmt::Debug for HyperkubeApiKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HyperkubeApiKeys").finish_non_exhaustive()
    }
}

/// Does not show secrets.
impl std::fmt::Debug for HyperkubeTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HyperkubeTls").finish_non_exhaustive()
    }
}

/// Does not show secrets.
impl std::fmt::Debug for HyperkubeClients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HyperkubeClients").finish_non_exhaustive()
    }
}

/// Flags in addition to imgbuild's, by component: name and value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HyperkubeExtraArgs {
    pub api_server: Vec<(String, String)>,
    pub controller_manager: Vec<(String, String)>,
    pub scheduler: Vec<(String, String)>,
    pub proxy: Vec<(String, String)>,
    pub kubelet: Vec<(String, String)>,
}
