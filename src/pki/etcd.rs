//! The keys of etcd and its clients, with kubeadm's names and places.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use super::keys::{Authority, Issued, Keys};
use super::profile::{Names, Profile};
use crate::pki::bundles::{EtcdClient, EtcdTls, KeyPair};

/// The folder of etcd's authority, and of a node's etcd certificates below that node's folder.
const FOLDER: &str = "etcd";

impl Keys<'_> {
    /// The keys of the member on `node`, which is reached as `dns` and `addresses` in addition to
    /// `node`, `localhost`, 127.0.0.1 and `::1`.
    pub fn etcd_member(
        &mut self,
        node: &str,
        dns: &BTreeSet<String>,
        addresses: &BTreeSet<IpAddr>,
    ) -> Result<EtcdTls> {
        let authority = self.etcd_authority()?;
        let folder = Path::new("nodes").join(node).join(FOLDER);
        let names = Names::of_node(
            dns.iter().cloned().chain([node.to_owned()]),
            addresses.iter().copied(),
        );
        let member = Profile::member(node, names);
        let client = Profile::client("kube-etcd-healthcheck-client");
        Ok(EtcdTls {
            server: self
                .leaf(&folder.join("server"), &member, &authority)?
                .into(),
            peer: self.leaf(&folder.join("peer"), &member, &authority)?.into(),
            healthcheck_client: self
                .leaf(&folder.join("healthcheck-client"), &client, &authority)?
                .into(),
            ca_certificate: authority.trusted.clone(),
        })
    }

    /// The keys of a client of etcd on `node`: its certificate is `file`, and its common name
    /// `name`.
    pub fn etcd_client(&mut self, node: &str, file: &str, name: &str) -> Result<EtcdClient> {
        let authority = self.etcd_authority()?;
        let stem = Path::new("nodes").join(node).join(FOLDER).join(file);
        Ok(EtcdClient {
            client: (self.leaf(&stem, &Profile::client(name), &authority)?).into(),
            authority: authority.trusted.clone(),
        })
    }

    pub(super) fn etcd_authority(&mut self) -> Result<Arc<Authority>> {
        self.authority(
            &Path::new(FOLDER).join("ca"),
            &Profile::authority("etcd-ca"),
            FOLDER,
        )
    }
}

impl From<Issued> for KeyPair {
    fn from(issued: Issued) -> Self {
        Self {
            certificate: issued.certificate,
            key: issued.key,
        }
    }
}
