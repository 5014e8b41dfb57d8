//! API server, controller manager and scheduler: static pods in the form of kubeadm's (`kubeadm
//! init phase control-plane all`).

use std::collections::BTreeMap;

use super::api_protection;
use super::artifacts::{program, trusted, volumes};
use super::flags::Flags;
use super::{
    AFTER_ETCD, CIPHER_SUITES, DEFERRED_PODS, MANIFESTS, PKI, key_pair, secret, static_pod,
};
use crate::facts::cni::PodShares;
use crate::facts::kubernetes::choices::Role;
use crate::facts::kubernetes::tables::Component;
use crate::facts::kubernetes::version::{Probes, Release};
use crate::node::fragment::{File, Fragment, Link, Origin, Owner};
use crate::node::images::ImageUse;
use crate::node::kubernetes::{CLUSTER_NAME, ControlPlane, Kubernetes};
use crate::parts::names::path;
use crate::parts::template::fill;
use crate::pki::Kubeconfig;
use crate::pki::bundles::{ControlPlaneKeys, KeyPair};

/// The three pods, their keys and their kubeconfigs. If the node is an etcd member, etcd's
/// authority is written with the member.
pub fn control_plane(
    kubernetes: &Kubernetes,
    plane: &ControlPlane,
    etcd_is_elsewhere: bool,
) -> Fragment {
    let origin = Origin::new("control plane", kubernetes.span);
    let release = &kubernetes.release;
    let folder = if plane.etcd_pod.is_some() {
        AFTER_ETCD
    } else {
        MANIFESTS
    };
    let mut files = vec![
        static_pod(
            folder,
            Component::ApiServer.as_str(),
            api_server(kubernetes, plane, release),
            &origin,
        ),
        static_pod(
            DEFERRED_PODS,
            Component::ControllerManager.as_str(),
            local(
                kubernetes,
                (Component::ControllerManager, ImageUse::ControllerManager),
                include_str!("../../../manifests/kube-controller-manager.yaml"),
                &controller_manager(kubernetes, plane),
                release.controller_manager,
            ),
            &origin,
        ),
        static_pod(
            DEFERRED_PODS,
            Component::Scheduler.as_str(),
            local(
                kubernetes,
                (Component::Scheduler, ImageUse::Scheduler),
                include_str!("../../../manifests/kube-scheduler.yaml"),
                &scheduler(kubernetes, plane),
                release.scheduler,
            ),
            &origin,
        ),
    ];
    files.extend(keys(plane, &origin));
    files.extend(api_protection::files(plane, &origin));
    if etcd_is_elsewhere {
        files.push(File::text(
            path(&format!("{PKI}/etcd/ca.crt")),
            plane.keys.pki.etcd_authority.as_str(),
            origin.clone(),
        ));
    }
    files.extend(kubeconfigs(kubernetes, plane, &origin));
    // `sudo kubectl` acts as the administrator.
    let links = vec![Link {
        path: path("/root/.kube/config"),
        target: "/etc/kubernetes/admin.conf".to_owned(),
        hard: false,
        owner: Owner::default(),
        overwrite: false,
        origin,
    }];
    Fragment {
        files,
        links,
        ..Fragment::default()
    }
}

fn api_server(kubernetes: &Kubernetes, plane: &ControlPlane, release: &Release) -> String {
    let pki = |file: &str| format!("{PKI}/{file}");
    let protection = api_protection::settings(plane);
    let flags = Flags::new(
        [
            ("advertise-address", plane.advertise.ip().to_string()),
            ("secure-port", plane.advertise.port().to_string()),
            ("allow-privileged", "true".to_owned()),
            ("authorization-mode", "Node,RBAC".to_owned()),
            ("enable-admission-plugins", "NodeRestriction".to_owned()),
            ("enable-bootstrap-token-auth", "true".to_owned()),
            ("client-ca-file", pki("ca.crt")),
            ("etcd-servers", plane.etcd_servers.join(",")),
            ("etcd-cafile", pki("etcd/ca.crt")),
            ("etcd-certfile", pki("apiserver-etcd-client.crt")),
            ("etcd-keyfile", pki("apiserver-etcd-client.key")),
            (
                "kubelet-client-certificate",
                pki("apiserver-kubelet-client.crt"),
            ),
            ("kubelet-client-key", pki("apiserver-kubelet-client.key")),
            ("profiling", "false".to_owned()),
            // Otherwise tokens of pods are valid for a year instead of an hour.
            (
                "service-account-extend-token-expiration",
                "false".to_owned(),
            ),
            ("tls-cipher-suites", CIPHER_SUITES.join(",")),
            (
                "kubelet-preferred-address-types",
                "InternalIP,ExternalIP,Hostname".to_owned(),
            ),
            ("proxy-client-cert-file", pki("front-proxy-client.crt")),
            ("proxy-client-key-file", pki("front-proxy-client.key")),
            (
                "requestheader-allowed-names",
                "front-proxy-client".to_owned(),
            ),
            ("requestheader-client-ca-file", pki("front-proxy-ca.crt")),
            (
                "requestheader-extra-headers-prefix",
                "X-Remote-Extra-".to_owned(),
            ),
            ("requestheader-group-headers", "X-Remote-Group".to_owned()),
            ("requestheader-username-headers", "X-Remote-User".to_owned()),
            (
                "service-account-issuer",
                format!("https://kubernetes.default.svc.{}", kubernetes.domain),
            ),
            ("service-account-key-file", pki("sa.pub")),
            ("service-account-signing-key-file", pki("sa.key")),
            (
                "service-cluster-ip-range",
                kubernetes.service_networks.to_string(),
            ),
            ("tls-cert-file", pki("apiserver.crt")),
            ("tls-private-key-file", pki("apiserver.key")),
        ]
        .into_iter()
        .chain((plane.verifies_kubelets).then(|| ("kubelet-certificate-authority", pki("ca.crt"))))
        .chain(protection.flags),
        &plane.api_server_args,
    );
    let (mounts, volumes) = volumes(kubernetes, kubernetes.system.paths.linked_authorities);
    fill(
        include_str!("../../../manifests/kube-apiserver.yaml"),
        &[
            ("image", &kubernetes.image(ImageUse::ApiServer)),
            ("program", &program(kubernetes, Component::ApiServer)),
            ("program_mounts", &mounts),
            ("program_volumes", &volumes),
            ("selinux", &trusted(kubernetes)),
            ("arguments", &flags.yaml_items()),
            ("host", &plane.advertise.ip().to_string()),
            ("port", &plane.advertise.port().to_string()),
            ("liveness", release.api_server.liveness),
            ("readiness", release.api_server.readiness),
            ("mounts", &protection.mounts),
            ("volumes", &protection.volumes),
        ],
    )
}

/// A component that listens only on 127.0.0.1.
fn local(
    kubernetes: &Kubernetes,
    (component, used_for): (Component, ImageUse),
    template: &str,
    flags: &Flags,
    probes: Probes,
) -> String {
    let (mounts, volumes) = volumes(kubernetes, kubernetes.system.paths.linked_authorities);
    fill(
        template,
        &[
            ("image", &kubernetes.image(used_for)),
            ("program", &program(kubernetes, component)),
            ("program_mounts", &mounts),
            ("program_volumes", &volumes),
            ("selinux", &trusted(kubernetes)),
            ("arguments", &flags.yaml_items()),
            ("port", &probes.port.unwrap_or_default().to_string()),
            ("liveness", probes.liveness),
            ("readiness", probes.readiness),
        ],
    )
}

fn controller_manager(kubernetes: &Kubernetes, plane: &ControlPlane) -> Flags {
    let config = || "/etc/kubernetes/controller-manager.conf".to_owned();
    let pki = |file: &str| format!("{PKI}/{file}");
    // A share of the pod network that is in the node's image must stay its only one.
    let allocate = kubernetes.cni.kind.facts().shares != PodShares::Build;
    Flags::new(
        [
            ("allocate-node-cidrs", allocate.to_string()),
            ("authentication-kubeconfig", config()),
            ("authorization-kubeconfig", config()),
            ("kubeconfig", config()),
            ("bind-address", "127.0.0.1".to_owned()),
            ("client-ca-file", pki("ca.crt")),
            ("cluster-cidr", kubernetes.pod_networks.to_string()),
            ("cluster-name", CLUSTER_NAME.to_owned()),
            (
                "cluster-signing-cert-file",
                pki(signing_certificate(&plane.keys.pki)),
            ),
            ("cluster-signing-key-file", pki("ca.key")),
            ("controllers", "*,bootstrapsigner,tokencleaner".to_owned()),
            ("requestheader-client-ca-file", pki("front-proxy-ca.crt")),
            ("profiling", "false".to_owned()),
            ("root-ca-file", pki("ca.crt")),
            // A small node's etcd need not keep the default of 12,500 finished pods.
            ("terminated-pod-gc-threshold", "1000".to_owned()),
            ("service-account-private-key-file", pki("sa.key")),
            (
                "service-cluster-ip-range",
                kubernetes.service_networks.to_string(),
            ),
            ("use-service-account-credentials", "true".to_owned()),
        ]
        .into_iter()
        .chain(leader_election(kubernetes, &plane.controller_manager_args)),
        &plane.controller_manager_args,
    )
}

/// The file with the controller manager's signing certificate, which must not contain two:
/// `ca.crt`, except while the authority is being replaced.
fn signing_certificate(keys: &ControlPlaneKeys) -> &'static str {
    if keys.authority.certificate == keys.trusted_authorities {
        "ca.crt"
    } else {
        "ca-signing.crt"
    }
}

/// Leader election among several. A single one has no lease: it would be written to etcd every two
/// seconds, and waited for after each reboot. Others have more time than Kubernetes' defaults (15,
/// 10 and 2 s), as in OpenShift: on machines that share processors or a disk, a leader misses ten
/// seconds, exits, and the cluster restarts again and again. The price is up to a minute without a
/// leader when one is lost.
fn leader_election(
    kubernetes: &Kubernetes,
    args: &BTreeMap<String, String>,
) -> Vec<(&'static str, String)> {
    let alone = kubernetes.role == Role::Single;
    let mut flags = vec![("leader-elect", (!alone).to_string())];
    // The three depend on each other, so the spec's values replace all of them.
    if !alone && !args.keys().any(|flag| flag.starts_with("leader-elect-")) {
        flags.extend([
            ("leader-elect-lease-duration", "60s".to_owned()),
            ("leader-elect-renew-deadline", "45s".to_owned()),
            ("leader-elect-retry-period", "5s".to_owned()),
        ]);
    }
    flags
}

fn scheduler(kubernetes: &Kubernetes, plane: &ControlPlane) -> Flags {
    let config = || "/etc/kubernetes/scheduler.conf".to_owned();
    Flags::new(
        [
            ("authentication-kubeconfig", config()),
            ("authorization-kubeconfig", config()),
            ("kubeconfig", config()),
            ("bind-address", "127.0.0.1".to_owned()),
            ("profiling", "false".to_owned()),
        ]
        .into_iter()
        .chain(leader_election(kubernetes, &plane.scheduler_args)),
        &plane.scheduler_args,
    )
}

/// The keys, without `ca.crt`, which every node has.
fn keys(plane: &ControlPlane, origin: &Origin) -> Vec<File> {
    let keys = &plane.keys.pki;
    let at = |name: &str| format!("{PKI}/{name}");
    let public = |name: &str, text: &str| File::text(path(&at(name)), text, origin.clone());
    let mut files = vec![
        secret(&at("ca.key"), keys.authority.key.as_str(), origin),
        public("front-proxy-ca.crt", &keys.front_proxy_authority),
        public("sa.pub", &keys.service_account.public),
        secret(&at("sa.key"), keys.service_account.key.as_str(), origin),
    ];
    let signing = signing_certificate(keys);
    if signing != "ca.crt" {
        files.push(public(signing, &keys.authority.certificate));
    }
    for (name, pair) in [
        ("apiserver", &keys.api_server),
        ("apiserver-kubelet-client", &keys.kubelet_client),
        ("apiserver-etcd-client", &keys.etcd_client),
        ("front-proxy-client", &keys.front_proxy_client),
    ] {
        files.extend(key_pair(&at(name), pair, origin));
    }
    files
}

fn kubeconfigs(kubernetes: &Kubernetes, plane: &ControlPlane, origin: &Origin) -> Vec<File> {
    let keys = &plane.keys.pki;
    let own = format!("https://{}", plane.advertise);
    // The controller manager and the scheduler use the API server on their node, and another one
    // only through the node's balancer.
    let usual = kubernetes.server();
    let config = |file: &str, user: &str, server: &str, client: &KeyPair| {
        let config = Kubeconfig {
            cluster: CLUSTER_NAME,
            server,
            certificate_authority: &keys.trusted_authorities,
            user,
            client,
        };
        secret(
            &format!("/etc/kubernetes/{file}.conf"),
            config.to_yaml(),
            origin,
        )
    };
    let mut configs = vec![
        config(
            "controller-manager",
            "system:kube-controller-manager",
            &usual,
            &keys.controller_manager,
        ),
        config(
            "scheduler",
            "system:kube-scheduler",
            &usual,
            &keys.scheduler,
        ),
        config(
            "admin",
            "kubernetes-admin",
            &kubernetes.endpoint.url(),
            &keys.admin,
        ),
    ];
    if plane.is_first() {
        configs.push(config(
            "super-admin",
            "kubernetes-super-admin",
            &own,
            &keys.super_admin,
        ));
    }
    configs
}
