//! `etcd:`, a member on this node. Names are those of etcd's own flags, as in ct.

use serde_json::{Value as Json, json};

use super::EtcdBackup;
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::facts::state;
use crate::names::AbsolutePath;
use crate::oci::ImageName;
use crate::spec::decode::{Decode, Decoder, OneOrMany, Schemas, Table, record, word_leaf};
use crate::spec::values::{
    EtcdUrl, LocalFile, LocalText, MemberName, PlainName, Setting, SettingName,
};
use crate::spec::yaml::{Node, Value};
use crate::words::words;

/// Where etcd answers its clients (IANA: etcd-client).
pub const ETCD_CLIENT_PORT: u16 = 2379;

/// Where etcd answers other members (IANA: etcd-server).
pub const ETCD_PEER_PORT: u16 = 2380;

record! {
    /// A member of the cluster's etcd on this node.
    pub struct Etcd {
        /// The name of the member.
        #[otherwise = "the host name"]
        #[example = "kube1"]
        pub name: Option<Located<MemberName>>,
        /// Whether clients and peers use TLS.
        #[default = "true"]
        pub tls: Option<Located<bool>>,
        /// The folder of its data.
        #[default = state::ETCD]
        #[example = "/var/lib/etcd-data"]
        pub data_dir: Option<Located<AbsolutePath>>,
        /// Where the member answers clients.
        #[otherwise = "127.0.0.1 and the first static address, or all addresses if there is none; port 2379"]
        #[example = "https://192.168.1.10:2379"]
        pub listen_client_urls: OneOrMany<Located<EtcdUrl>>,
        /// The URLs that clients are told.
        #[otherwise = "the first static address, or the host name if there is none; port 2379"]
        #[example = "https://kube1.example:2379"]
        pub advertise_client_urls: OneOrMany<Located<EtcdUrl>>,
        /// Where the member answers other members.
        #[otherwise = "the first static address; port 2380"]
        #[example = "https://192.168.1.10:2380"]
        pub listen_peer_urls: OneOrMany<Located<EtcdUrl>>,
        /// The URLs that other members are told.
        #[otherwise = "the first static address; port 2380"]
        #[example = "https://192.168.1.10:2380"]
        pub initial_advertise_peer_urls: OneOrMany<Located<EtcdUrl>>,
        /// The names and peer URLs of the first members.
        #[otherwise = "all nodes of the file that have `etcd`"]
        #[example = "{kube1: 'https://192.168.1.10:2380'}"]
        pub initial_cluster: Option<InitialCluster>,
        /// Keeps apart clusters that reach each other by mistake.
        #[otherwise = "`name:` of the file, or `etcd-cluster`"]
        #[example = "lab"]
        pub initial_cluster_token: Option<Located<PlainName>>,
        /// Whether the member starts a new cluster or joins an existing one.
        #[default = "new"]
        pub initial_cluster_state: Option<Located<InitialClusterState>>,
        /// Regular snapshots.
        #[otherwise = "none"]
        #[example = "{schedule: hourly}"]
        pub backup: Option<EtcdBackup>,
        /// A snapshot, as `etcdctl snapshot save` writes it, from which a member without data
        /// starts. All members of a cluster start from the same one.
        #[example = "snapshot.db"]
        pub restore: Option<Located<LocalFile>>,
        /// Whether the kubelet runs etcd, as a static pod like kubeadm's, on a node with a control
        /// plane. If not, systemd runs it.
        #[default = "false"]
        pub static_pod: Option<Located<bool>>,
        /// The image that etcd runs from, on a target without an etcd of its own or as a static
        /// pod.
        #[otherwise = "upstream's, on a target without an etcd of its own and with `artifacts: pull`; else the etcd of the system"]
        #[example = "registry.k8s.io/etcd:3.6.8-0"]
        pub image: Option<Located<ImageName>>,
        /// Further flags of etcd, without their dashes.
        #[example = "{heartbeat-interval: 100}"]
        pub settings: Table<SettingName, Located<Setting>>,
    }
    "an etcd member"
}

record! {
    /// An etcd that runs on none of the nodes of this file.
    pub struct ExternalEtcd {
        /// The client URLs of its members.
        #[example = "https://192.168.1.5:2379"]
        pub endpoints: OneOrMany<Located<EtcdUrl>>,
        /// The certificate authority of its members, in PEM: the path of a file beside the spec.
        #[example = "etcd-ca.pem"]
        pub ca: Located<LocalText>,
        /// The client certificate, in PEM: the path of a file beside the spec.
        #[example = "etcd-client.pem"]
        pub cert: Located<LocalText>,
        /// The private key of that certificate, in PEM: the path of a file beside the spec.
        #[example = "etcd-client-key.pem"]
        pub key: Located<LocalText>,
    }
    "an external etcd"
}

words! {
    /// Whether the member starts a cluster or joins one.
    pub enum InitialClusterState {
        /// The members start together.
        New = "new",
        /// The cluster is running and knows the member.
        Existing = "existing",
    }
}

word_leaf!(InitialClusterState, "a cluster state");

/// The first members of a cluster: a map from name to peer URL (or a list of them), or etcd's own
/// `name=url,name=url`.
#[derive(Debug, Clone, PartialEq)]
pub struct InitialCluster {
    /// In the order written; a member with several URLs several times.
    pub members: Vec<(Located<MemberName>, Located<EtcdUrl>)>,
    /// Where it is written.
    pub span: Span,
}

impl Decode for InitialCluster {
    fn schema(schemas: &mut Schemas) -> Json {
        let table = Table::<MemberName, OneOrMany<Located<EtcdUrl>>>::schema(schemas);
        let text = json!({
            "type": "string",
            "pattern": "=",
            "title": "text as etcd has it, `name=url,name=url`",
        });
        json!({ "anyOf": [table, text] })
    }

    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let Value::Scalar(scalar) = &node.value else {
            let table = Table::<MemberName, OneOrMany<Located<EtcdUrl>>>::decode(node, decoder)?;
            let members = table
                .0
                .into_iter()
                .flat_map(|(name, urls)| urls.0.into_iter().map(move |url| (name.clone(), url)))
                .collect();
            return Some(Self {
                members,
                span: node.span,
            });
        };
        let mut members = Vec::new();
        for pair in scalar.text.split(',').map(str::trim) {
            let read = match pair.split_once('=') {
                None => Err("write each member as NAME=URL".to_owned()),
                Some((name, url)) => member_name(name).and_then(|name| {
                    EtcdUrl::parse(url)
                        .map(|url| (name, url))
                        .map_err(|why| format!("the URL of `{}` is wrong: {why}", pair_name(pair)))
                }),
            };
            match read {
                Ok((name, url)) => {
                    members.push((Located::new(name, node.span), Located::new(url, node.span)));
                }
                Err(why) => decoder.diagnostics.push(
                    Diagnostic::error(codes::BAD_URL, node.span, "not a list of etcd members")
                        .label(why)
                        .help("write a map: {kube1: 'https://192.168.1.10:2380'}"),
                ),
            }
        }
        Some(Self {
            members,
            span: node.span,
        })
    }
}

fn pair_name(pair: &str) -> String {
    crate::text::shown(pair.split('=').next().unwrap_or_default())
}

fn member_name(name: &str) -> Result<MemberName, String> {
    use crate::spec::decode::Leaf;
    MemberName::read(&crate::spec::yaml::Scalar {
        text: name.into(),
        plain: false,
    })
    .map_err(|error| error.message)
}
