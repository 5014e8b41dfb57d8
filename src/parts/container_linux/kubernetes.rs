//! Kubernetes 1.9: a kubelet started by CoreOS's wrapper, and everything else as static pods of one
//! image.

use super::super::names::{path, unit};
use super::super::template::fill;
use crate::facts::container_linux::hyperkube::HYPERKUBE;
use crate::facts::kubernetes::choices::Role;
use crate::facts::systems::Target;
use crate::node::Node;
use crate::node::container_linux::{HyperkubeApi, HyperkubeNode};
use crate::node::fragment::{File, Fragment, Origin, Unit};

/// Keys and certificates, as pods mount them.
const SSL: &str = "/etc/kubernetes/ssl";

/// The mode of files that only root may read.
const SECRET: u32 = 0o600;

/// Modules of kube-proxy's mode `ipvs`; without one of them it falls back to iptables, and reports
/// that only in its log.
const IPVS_MODULES: &str = "ip_vs\nip_vs_rr\nip_vs_wrr\nip_vs_sh\nnf_conntrack\n";

/// Everything of Kubernetes on `node`.
pub(super) fn kubernetes(node: &Node, kubernetes: &HyperkubeNode) -> Vec<Fragment> {
    let writer = Writer { node, kubernetes };
    let mut fragments = vec![writer.kubelet(), writer.flannel()];
    if kubernetes.role != Role::Standalone {
        fragments.push(writer.proxy());
        fragments.push(writer.clients());
    }
    if let Some(api) = &kubernetes.api {
        fragments.push(writer.control_plane(api));
    }
    fragments
}

/// Lines of flags, each indented by `indent` spaces as an element of a list.
fn list(indent: usize, flags: &[String]) -> String {
    let lines: Vec<_> = flags
        .iter()
        .map(|flag| format!("{:indent$}- {flag}", ""))
        .collect();
    lines.join("\n")
}

/// `flags`, and after them `extra`.
fn with_extra(mut flags: Vec<String>, extra: &[(String, String)]) -> Vec<String> {
    for (name, value) in extra {
        // A flag of the spec replaces ours.
        let start = format!("--{name}=");
        flags.retain(|flag| !flag.starts_with(&start));
        flags.push(format!("{start}{value}"));
    }
    flags
}

struct Writer<'a> {
    node: &'a Node,
    kubernetes: &'a HyperkubeNode,
}

impl Writer<'_> {
    fn origin(&self) -> Origin {
        Origin::new("kubernetes", self.kubernetes.span)
    }

    fn image(&self) -> String {
        format!("{}:{}", self.kubernetes.image, self.kubernetes.image_tag)
    }

    fn file(&self, name: &str, text: String) -> File {
        File::text(path(name), text, self.origin())
    }

    fn manifest(&self, name: &str, text: String) -> File {
        let folder = Target::ContainerLinux.facts().paths.manifests;
        self.file(&format!("{folder}/{name}.yaml"), text)
    }

    fn config(&self, name: &str, text: String) -> File {
        self.file(&kubeconfig(name), text)
    }

    fn kubelet(&self) -> Fragment {
        let kubernetes = self.kubernetes;
        let paths = &Target::ContainerLinux.facts().paths;
        let mut flags = Vec::new();
        // Without a kubeconfig the kubelet is standalone, and runs the manifests in its folder.
        if kubernetes.role != Role::Standalone {
            flags.push(format!("--kubeconfig={}", kubeconfig("master-config")));
            flags.push(format!("--register-schedulable={}", kubernetes.schedulable));
        }
        flags.push("--allow-privileged=true".to_owned());
        flags.push(format!("--pod-manifest-path={}", paths.manifests));
        if kubernetes.hostname_override {
            flags.push(format!("--hostname-override={}", self.node.hostname.value));
        }
        let flags = with_extra(flags, &kubernetes.extra_args.kubelet);
        let lines: Vec<_> = flags.iter().map(|flag| format!("    {flag}")).collect();
        // The wrapper's default image comes from CoreOS and is signed; any other is a Docker image,
        // which is not.
        let is_own = kubernetes.image == HYPERKUBE.image;
        let url = format!(
            "Environment=KUBELET_IMAGE_URL=docker://{}",
            kubernetes.image
        );
        let text = fill(
            include_str!("../../../manifests/container-linux/kubelet.service"),
            &[
                ("image_url", if is_own { "" } else { &url }),
                ("image_tag", &kubernetes.image_tag),
                (
                    "rkt",
                    if is_own {
                        ""
                    } else {
                        "--insecure-options=image "
                    },
                ),
                ("kubelet", paths.kubelet),
                ("flags", &lines.join(" \\\n")),
            ],
        );
        let name = Target::ContainerLinux.facts().units.kubelet;
        Fragment {
            units: vec![Unit::enabled(unit(name), text, self.origin())],
            ..Fragment::default()
        }
    }

    /// flannel, which provides the pods' network, and docker's order after it.
    fn flannel(&self) -> Fragment {
        let kubernetes = self.kubernetes;
        let mut fragment = Fragment::default();
        if !kubernetes.flannel {
            return fragment;
        }
        let units = &Target::ContainerLinux.facts().units;
        if kubernetes.tells_network {
            let network = kubernetes.pod_network.value;
            // etcdctl reaches a member on the node without endpoints.
            let own = self
                .node
                .container_linux
                .as_ref()
                .is_some_and(|own| own.etcd.is_some());
            let endpoints = if own {
                String::new()
            } else {
                format!("--endpoints={} ", kubernetes.etcd_servers.join(","))
            };
            let text = format!(
                "[Service]\nExecStartPre=/usr/bin/etcdctl {endpoints}set /coreos.com/network/config '{{\"Network\": \"{network}\"}}'\n"
            );
            let origin = Origin::new("kubernetes", kubernetes.pod_network.span);
            fragment.units.push(Unit::dropin(
                unit(units.flannel.unwrap_or_default()),
                "50-network-config.conf",
                text,
                origin,
            ));
        }
        let text = include_str!("../../../manifests/container-linux/docker-after-flannel.conf");
        fragment.units.push(Unit::dropin(
            unit(units.runtime),
            "40-flannel.conf",
            text,
            self.origin(),
        ));
        fragment
    }

    fn proxy(&self) -> Fragment {
        let kubernetes = self.kubernetes;
        let paths = &Target::ContainerLinux.facts().paths;
        let flags = vec![format!("--config={}", kubeconfig("kube-proxy-config"))];
        let flags = with_extra(flags, &kubernetes.extra_args.proxy);
        let pod = fill(
            include_str!("../../../manifests/container-linux/kube-proxy.yaml"),
            &[
                ("image", &self.image()),
                ("flags", &list(6, &flags)),
                ("kubeconfig", paths.kubeconfig),
                ("ca_certificates", paths.ca_certificates),
            ],
        );
        let gates = format!("featureGates: \"{}=true\"", HYPERKUBE.ipvs_gate);
        let name = format!("hostnameOverride: {}", self.node.hostname.value);
        let client = if kubernetes.clients.is_some() {
            kubeconfig("kube-proxy-client")
        } else {
            kubeconfig("master-config")
        };
        let config = fill(
            include_str!("../../../manifests/container-linux/kube-proxy-config.yaml"),
            &[
                ("api_version", HYPERKUBE.proxy_config),
                ("feature_gates", if kubernetes.ipvs { &gates } else { "" }),
                ("pod_network", &kubernetes.pod_network.value.to_string()),
                (
                    "hostname_override",
                    // A comment that tells people the node's name.
                    &if kubernetes.hostname_override {
                        name
                    } else {
                        format!("#{name}")
                    },
                ),
                ("kubeconfig", &client),
                ("mode", if kubernetes.ipvs { "ipvs" } else { "iptables" }),
            ],
        );
        let mut files = vec![
            self.manifest("kube-proxy", pod),
            self.config("kube-proxy-config", config),
        ];
        if kubernetes.ipvs {
            let modules = "/etc/modules-load.d/ip_vs.conf";
            files.push(self.file(modules, IPVS_MODULES.to_owned()));
        }
        Fragment {
            files,
            ..Fragment::default()
        }
    }

    /// The kubeconfigs by which kubelet and proxy, and on a control plane all components, reach the
    /// API.
    fn clients(&self) -> Fragment {
        let files = if let Some(clients) = &self.kubernetes.clients {
            vec![
                self.config("master-config", clients.kubelet.clone())
                    .mode(SECRET),
                self.config("kube-proxy-client", clients.proxy.clone())
                    .mode(SECRET),
            ]
        } else {
            let text = fill(
                include_str!("../../../manifests/container-linux/master-config.yaml"),
                &[("server", &self.kubernetes.server)],
            );
            vec![self.config("master-config", text)]
        };
        Fragment {
            files,
            ..Fragment::default()
        }
    }

    fn control_plane(&self, api: &HyperkubeApi) -> Fragment {
        let mut files = vec![
            self.api_server(api),
            self.controller_manager(api),
            self.scheduler(),
            self.config(
                "kube-scheduler-config",
                fill(
                    include_str!("../../../manifests/container-linux/kube-scheduler-config.yaml"),
                    &[
                        ("api_version", HYPERKUBE.scheduler_config),
                        ("kubeconfig", &kubeconfig("master-config")),
                    ],
                ),
            ),
        ];
        if let Some(keys) = &api.keys {
            let secret = |name: &str, text: &str| {
                self.file(&format!("{SSL}/{name}"), text.to_owned())
                    .mode(SECRET)
            };
            let public =
                |name: &str, text: &str| self.file(&format!("{SSL}/{name}"), text.to_owned());
            files.push(secret("sa.key", &keys.service_account.key));
            files.push(public("sa.pub", &keys.service_account.public));
            if let Some(tls) = &keys.tls {
                files.push(public("ca.crt", &tls.authority));
                files.push(public("apiserver.crt", &tls.server.certificate));
                files.push(secret("apiserver.key", &tls.server.key));
                files.push(public(
                    "kubelet-client.crt",
                    &tls.kubelet_client.certificate,
                ));
                files.push(secret("kubelet-client.key", &tls.kubelet_client.key));
            }
        }
        Fragment {
            files,
            ..Fragment::default()
        }
    }

    fn api_server(&self, api: &HyperkubeApi) -> File {
        let kubernetes = self.kubernetes;
        let mut admission = kubernetes.admission_control.clone();
        let mut flags = vec![
            format!("--insecure-bind-address={}", api.insecure),
            "--insecure-port=8080".to_owned(),
            format!("--etcd-servers={}", kubernetes.etcd_servers.join(",")),
            "--allow-privileged=true".to_owned(),
            format!(
                "--service-cluster-ip-range={}",
                kubernetes.service_network.value
            ),
            format!("--advertise-address={}", api.advertise),
        ];
        if api.secure_port.is_some() && !admission.iter().any(|one| one == "NodeRestriction") {
            // Restricts a kubelet to its own node.
            admission.push("NodeRestriction".to_owned());
        }
        flags.push(format!("--admission-control={}", admission.join(",")));
        // Over TLS, clients without a certificate are refused.
        flags.push(format!("--anonymous-auth={}", api.secure_port.is_none()));
        flags.push(format!("--service-account-key-file={SSL}/sa.pub"));
        if let Some(port) = api.secure_port {
            flags.extend([
                "--bind-address=0.0.0.0".to_owned(),
                format!("--secure-port={port}"),
                format!("--tls-cert-file={SSL}/apiserver.crt"),
                format!("--tls-private-key-file={SSL}/apiserver.key"),
                format!("--client-ca-file={SSL}/ca.crt"),
                format!("--kubelet-client-certificate={SSL}/kubelet-client.crt"),
                format!("--kubelet-client-key={SSL}/kubelet-client.key"),
                "--authorization-mode=Node,RBAC".to_owned(),
            ]);
        }
        let flags = with_extra(flags, &kubernetes.extra_args.api_server);
        let secure = api.secure_port.map_or_else(String::new, |port| {
            format!(
                "        - containerPort: {port}\n          hostPort: {port}\n          name: https"
            )
        });
        let host = if api.insecure.is_unspecified() {
            "127.0.0.1".to_owned()
        } else {
            api.insecure.to_string()
        };
        let text = fill(
            include_str!("../../../manifests/container-linux/kube-apiserver.yaml"),
            &[
                ("image", &self.image()),
                ("flags", &list(8, &flags)),
                ("host", &host),
                ("secure_port", &secure),
                (
                    "ca_certificates",
                    Target::ContainerLinux.facts().paths.ca_certificates,
                ),
            ],
        );
        self.manifest("kube-apiserver", text)
    }

    fn controller_manager(&self, api: &HyperkubeApi) -> File {
        let mut flags = vec![
            format!("--master={}", self.kubernetes.server),
            "--leader-elect=true".to_owned(),
            format!("--service-account-private-key-file={SSL}/sa.key"),
        ];
        if api.secure_port.is_some() {
            // It is distributed with tokens, so that pods trust the API server.
            flags.push(format!("--root-ca-file={SSL}/ca.crt"));
        }
        let flags = with_extra(flags, &self.kubernetes.extra_args.controller_manager);
        let text = fill(
            include_str!("../../../manifests/container-linux/kube-controller-manager.yaml"),
            &[
                ("image", &self.image()),
                ("flags", &list(8, &flags)),
                ("port", &HYPERKUBE.controller_manager_port.to_string()),
                (
                    "ca_certificates",
                    Target::ContainerLinux.facts().paths.ca_certificates,
                ),
            ],
        );
        self.manifest("kube-controller-manager", text)
    }

    fn scheduler(&self) -> File {
        let flags = vec![format!("--config={}", kubeconfig("kube-scheduler-config"))];
        let flags = with_extra(flags, &self.kubernetes.extra_args.scheduler);
        let text = fill(
            include_str!("../../../manifests/container-linux/kube-scheduler.yaml"),
            &[
                ("image", &self.image()),
                ("flags", &list(8, &flags)),
                (
                    "kubeconfig",
                    Target::ContainerLinux.facts().paths.kubeconfig,
                ),
                ("port", &HYPERKUBE.scheduler_port.to_string()),
            ],
        );
        self.manifest("kube-scheduler", text)
    }
}

/// The path of a file for pods.
fn kubeconfig(name: &str) -> String {
    let folder = Target::ContainerLinux.facts().paths.kubeconfig;
    format!("{folder}/{name}.yaml")
}
