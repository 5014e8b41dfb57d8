//! The kubelet: its unit, its settings, and its certificates for the API server and for its
//! clients.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::component_config::with_settings;
use super::flags::{Flags, yaml_scalar};
use super::{CIPHER_SUITES, PKI, key_pair, secret};
use super::{api_protection, artifacts};
use crate::facts::state;
use crate::node::fragment::{Directory, File, Fragment, Origin, Owner, Unit};
use crate::node::kubernetes::{CLUSTER_NAME, Kubernetes, Member};
use crate::node::kubernetes_keys::{KubeletIdentity, KubeletKeys};
use crate::parts::names::{path, unit};
use crate::parts::template::fill;
use crate::pki::{Kubeconfig, bootstrap_kubeconfig};

/// The kubelet as a system service.
///
/// `etcd_data`: the data folder of an etcd member that it runs.
pub fn kubelet(kubernetes: &Kubernetes, etcd_data: Option<&str>) -> Fragment {
    let origin = Origin::new("kubelet", kubernetes.span);
    let kubelet = &kubernetes.kubelet;
    let mut flags = vec![
        ("config", "/etc/kubernetes/kubelet.yaml".to_owned()),
        ("hostname-override", kubernetes.node_name.clone()),
    ];
    let addresses: Vec<_> = kubernetes.node_ips().map(|ip| ip.to_string()).collect();
    if !addresses.is_empty() {
        flags.push(("node-ip", addresses.join(",")));
    }
    if let Some(Member { keys, .. }) = &kubernetes.member {
        flags.push(("kubeconfig", kubeconfig_of(keys)));
        flags.push(("cert-dir", own_certificates(keys)));
        if matches!(keys.identity, KubeletIdentity::Token(_)) {
            flags.push(("bootstrap-kubeconfig", BOOTSTRAP.to_owned()));
        }
    }
    if !kubelet.labels.is_empty() {
        let labels: Vec<_> = kubelet
            .labels
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        flags.push(("node-labels", labels.join(",")));
    }
    let flags = Flags::new(flags, &kubelet.extra_args);
    let mut mounts = vec![state::KUBELET, kubernetes.system.paths.programs];
    mounts.extend(etcd_data);
    let audit = kubernetes
        .control_plane()
        .and_then(|plane| plane.audit.as_ref());
    mounts.extend(audit.map(|_| api_protection::LOGS));
    let mut fragment = Fragment {
        files: vec![
            secret(
                "/etc/kubernetes/kubelet.yaml",
                settings(kubernetes),
                &origin,
            ),
            // Ignition writes units that everyone may read.
            File::text(
                path("/etc/tmpfiles.d/kubernetes.conf"),
                "z /etc/systemd/system/kubelet.service 0600\n",
                origin.clone(),
            ),
        ],
        directories: vec![Directory {
            path: path(super::MANIFESTS),
            mode: 0o700,
            owner: Owner::default(),
            overwrite: false,
            origin: origin.clone(),
        }],
        units: vec![Unit::enabled(
            unit("kubelet.service"),
            fill(
                include_str!("../../../manifests/kubelet.service"),
                &[
                    ("programs", kubernetes.system.paths.programs),
                    ("services", &services(kubernetes)),
                    ("mounts", &mounts.join(" ")),
                    ("arguments", &flags.unit_arguments()),
                ],
            ),
            origin.clone(),
        )],
        ..Fragment::default()
    };
    if let Some(member) = &kubernetes.member {
        (fragment.files).extend(identity(kubernetes, &member.keys, &origin));
    }
    fragment
}

/// The units that it requires: the runtime's, and the one that provides programs or images.
fn services(kubernetes: &Kubernetes) -> String {
    let runtime = kubernetes.runtime.value.facts().unit;
    match artifacts::unit_name(kubernetes) {
        Some(artifacts) => format!("{runtime} {artifacts}"),
        None => runtime.to_owned(),
    }
}

/// The initial kubeconfig of a kubelet that joins by token, as in kubeadm.
const BOOTSTRAP: &str = "/etc/kubernetes/bootstrap-kubelet.conf";

/// The kubeconfig of a kubelet. A kubelet that joins by token writes it itself, to a folder that
/// survives reboots.
pub fn kubeconfig_of(keys: &KubeletKeys) -> String {
    match keys.identity {
        KubeletIdentity::Certificates { .. } => "/etc/kubernetes/kubelet.conf".to_owned(),
        KubeletIdentity::Token(_) => format!("{}/kubelet.conf", own_certificates(keys)),
    }
}

/// The folder of the certificates that the cluster signs for a kubelet. It is named after the
/// cluster's trusted authorities: once they change, the kubelet requests a new certificate instead
/// of using one that is no longer accepted.
fn own_certificates(keys: &KubeletKeys) -> String {
    let digest = Sha256::digest(&keys.certificate_authority);
    let id = digest[..4]
        .iter()
        .fold(0_u32, |id, byte| id << 8 | u32::from(*byte));
    format!("{}/pki-{id:08x}", state::KUBELET)
}

/// `KubeletConfiguration`, kubelet.config.k8s.io/v1beta1.
fn settings(kubernetes: &Kubernetes) -> String {
    let kubelet = &kubernetes.kubelet;
    // Without an API server nothing can authorize requests, so the kubelet serves none. (With the
    // default authorization by webhook it would not start.)
    let api = if let Some(member) = &kubernetes.member {
        let serving = match member.keys.identity {
            KubeletIdentity::Certificates { .. } => format!(
                "
tlsCertFile: {PKI}/kubelet-server.crt
tlsPrivateKeyFile: {PKI}/kubelet-server.key"
            ),
            // It generates its own.
            KubeletIdentity::Token(_) => String::new(),
        };
        format!(
            "authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
  x509:
    clientCAFile: {PKI}/ca.crt
authorization:
  mode: Webhook
rotateCertificates: true
tlsCipherSuites: [{}]{serving}",
            CIPHER_SUITES.join(", ")
        )
    } else {
        "enableServer: false
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: false
authorization:
  mode: AlwaysAllow"
            .to_owned()
    };
    let mut taints = String::new();
    for (index, taint) in kubelet.taints.iter().enumerate() {
        let start = if index == 0 {
            "registerWithTaints:\n"
        } else {
            "\n"
        };
        let value = taint.value.as_deref().unwrap_or_default();
        // Writing to a String does not fail.
        let _ = write!(
            taints,
            "{start}- key: {}\n  value: {}\n  effect: {}",
            yaml_scalar(&taint.key),
            yaml_scalar(value),
            yaml_scalar(&taint.effect)
        );
    }
    let own = fill(
        include_str!("../../../manifests/kubelet-config.yaml"),
        &[
            ("runtime", kubernetes.runtime.value.facts().endpoint),
            ("domain", &kubernetes.domain),
            ("dns", &kubernetes.dns_ip().to_string()),
            ("api", &api),
            ("taints", &taints),
        ],
    );
    with_settings(own, &kubelet.settings)
}

fn identity(kubernetes: &Kubernetes, keys: &KubeletKeys, origin: &Origin) -> Vec<File> {
    let mut files = vec![File::text(
        path(&format!("{PKI}/ca.crt")),
        keys.certificate_authority.as_str(),
        origin.clone(),
    )];
    match &keys.identity {
        KubeletIdentity::Certificates { client, serving } => {
            let kubeconfig = Kubeconfig {
                cluster: CLUSTER_NAME,
                server: &kubernetes.server(),
                certificate_authority: &keys.certificate_authority,
                user: &format!("system:node:{}", kubernetes.node_name),
                client,
            };
            files.push(secret(&kubeconfig_of(keys), kubeconfig.to_yaml(), origin));
            files.extend(key_pair(&format!("{PKI}/kubelet-server"), serving, origin));
        }
        KubeletIdentity::Token(token) => files.push(secret(
            BOOTSTRAP,
            bootstrap_kubeconfig(&kubernetes.server(), &keys.certificate_authority, token),
            origin,
        )),
    }
    files
}
