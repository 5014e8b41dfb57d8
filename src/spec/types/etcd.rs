//! `etcd:`, a member on this node. Names are those of etcd's own flags, as in ct.

use serde_json::{Value as Json, json};

use super::EtcdBackup;
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::names::AbsolutePath;
use crate::oci::ImageName;
use crate::spec::decode::{Decode, Decoder, OneOrMany, Schemas, Table, record, words};
use crate::spec::values::{
    EtcdUrl, LocalFile, LocalText, MemberName, PlainName, Setting, SettingName,
};
use crate::spec::yaml::{Node, Value};

record! {
    /// A member of the cluster's etcd on this node.
    pub struct Etcd {
        /// The member's name; the host name where nothing is said.
        pub name: Option<Located<MemberName>>,
        /// Whether clients and peers talk TLS; true where nothing is said.
        pub tls: Option<Located<bool>>,
        /// Where the data lies; `/var/lib/etcd` where nothing is said.
        pub data_dir: Option<Located<AbsolutePath>>,
        /// Where clients are answered.
        pub listen_client_urls: OneOrMany<Located<EtcdUrl>>,
        /// What clients are told.
        pub advertise_client_urls: OneOrMany<Located<EtcdUrl>>,
        /// Where other members are answered.
        pub listen_peer_urls: OneOrMany<Located<EtcdUrl>>,
        /// What other members are told.
        pub initial_advertise_peer_urls: OneOrMany<Located<EtcdUrl>>,
        /// Names and peer URLs of the first members; all nodes of the file that have `etcd:` where
        /// nothing is said.
        pub initial_cluster: Option<InitialCluster>,
        /// Keeps clusters apart that find each other by mistake.
        pub initial_cluster_token: Option<Located<PlainName>>,
        /// `new` where nothing is said.
        pub initial_cluster_state: Option<Located<InitialClusterState>>,
        /// Snapshots at regular times.
        pub backup: Option<EtcdBackup>,
        /// A snapshot that the member starts from where it has no data yet: a file that `etcdctl
        /// snapshot save` wrote. All members of a cluster start from the same one.
        pub restore: Option<Located<LocalFile>>,
        /// Whether the kubelet runs etcd, as a static pod in kubeadm's form, on a node with a
        /// control plane. Where nothing is said the system runs it, as a service.
        pub static_pod: Option<Located<bool>>,
        /// The image that etcd runs from, on a target that has no etcd of its own, or as a static
        /// pod: `registry.k8s.io/etcd:3.6.8-0`. Where nothing is said: upstream's on such a target
        /// and with `artifacts: pull`, else the system's own etcd.
        pub image: Option<Located<ImageName>>,
        /// Further flags without their dashes: `heartbeat-interval: 100`.
        pub settings: Table<SettingName, Located<Setting>>,
    }
    "an etcd member"
}

record! {
    /// An etcd that is none of this file's nodes.
    pub struct ExternalEtcd {
        /// Where its members answer: `https://192.168.1.5:2379`.
        pub endpoints: OneOrMany<Located<EtcdUrl>>,
        /// The authority of its certificates, in PEM: the path of a file beside the spec.
        pub ca: Located<LocalText>,
        /// The certificate of its client, in PEM: the path of a file beside the spec.
        pub cert: Located<LocalText>,
        /// The private key of that certificate, in PEM: the path of a file beside the spec.
        pub key: Located<LocalText>,
    }
    "an external etcd"
}

words! {
    /// Whether the member starts a cluster or joins one.
    pub enum InitialClusterState {
        /// The members start together.
        New = "new",
        /// The cluster runs already and knows of the member.
        Existing = "existing",
    }
    "a cluster state"
}

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
        json!({ "anyOf": [table, { "type": "string", "pattern": "=" }] })
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
