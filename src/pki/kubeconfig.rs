//! Kubeconfig files in the form of kubeadm's: one cluster, one user, one context.

use base64ct::{Base64, Encoding};
use serde_json::json;

use super::BootstrapToken;
use crate::pki::bundles::KeyPair;

/// The API server of a client and the client's credentials.
#[derive(Debug, Clone, Copy)]
pub struct Kubeconfig<'a> {
    pub cluster: &'a str,
    /// `https://192.168.1.10:6443`
    pub server: &'a str,
    /// In PEM.
    pub certificate_authority: &'a str,
    /// The user's name in the file; the API server identifies it by its certificate.
    pub user: &'a str,
    pub client: &'a KeyPair,
}

impl Kubeconfig<'_> {
    /// The file, including certificates and key. A secret: mode 0600.
    pub fn to_yaml(&self) -> String {
        let Self {
            cluster,
            server,
            user,
            ..
        } = self;
        let authority = encoded(self.certificate_authority);
        let certificate = encoded(&self.client.certificate);
        let key = encoded(&self.client.key);
        format!(
            "apiVersion: v1
kind: Config
clusters:
- name: {cluster}
  cluster:
    certificate-authority-data: {authority}
    server: {server}
users:
- name: {user}
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
contexts:
- name: {user}@{cluster}
  context:
    cluster: {cluster}
    user: {user}
current-context: {user}@{cluster}
"
        )
    }
}

/// The file with which a kubelet requests its first certificate. A secret: mode 0600.
pub fn bootstrap_kubeconfig(
    server: &str,
    certificate_authority: &str,
    token: &BootstrapToken,
) -> String {
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: kubernetes
  cluster:
    certificate-authority-data: {authority}
    server: {server}
users:
- name: tls-bootstrap-token-user
  user:
    token: {token}
contexts:
- name: tls-bootstrap-token-user@kubernetes
  context:
    cluster: kubernetes
    user: tls-bootstrap-token-user
current-context: tls-bootstrap-token-user@kubernetes
",
        authority = encoded(certificate_authority),
        token = token.as_str(),
    )
}

/// The public information about a cluster, as kubeadm publishes it in the `ConfigMap`
/// `cluster-info`: its API server and authority. One line of JSON.
pub fn cluster_info(server: &str, certificate_authority: &str) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": "",
            "cluster": {
                "certificate-authority-data": encoded(certificate_authority),
                "server": server,
            },
        }],
        "contexts": null,
        "current-context": "",
        "preferences": {},
        "users": null,
    })
    .to_string()
}

fn encoded(pem: &str) -> String {
    Base64::encode_string(pem.as_bytes())
}
