//! A pod network's manifests beside the spec: the same addresses, and one program for Services.

use ipnet::IpNet;

use super::addresses::overlap;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::cni::ReleasedCni;
use crate::facts::kubernetes::choices::ProxyMode;
use crate::manifests::{InstalledNetwork, Pools};
use crate::node::cluster_networks::Networks;
use crate::text::shown;

/// What the spec says beside the manifests of a pod network.
#[derive(Debug)]
pub(crate) struct Beside {
    pub pod_networks: Networks,
    pub proxy: Located<ProxyMode>,
    /// Whether the cluster has the objects by which pods of kube-proxy find the API server.
    pub proxy_objects: bool,
    /// Whether the cluster has the settings of kubeadm.
    pub kubeadm_settings: bool,
}

/// Checks what is `installed` of `kind`.
pub(crate) fn released_network(
    kind: Located<ReleasedCni>,
    installed: Option<&InstalledNetwork>,
    beside: &Beside,
    found: &mut Vec<Diagnostic>,
) {
    let Some(installed) = installed else {
        found.push(
            Diagnostic::warning(
                codes::OTHER_NETWORK_INSTALLED,
                kind.span,
                format!("the manifests do not install {}", kind.value.as_str()),
            )
            .help(format!(
                "imgbuild looks for {}; choose another `kind`, or remove it",
                sign(kind.value)
            )),
        );
        return;
    };
    pools(kind.value, installed, beside, found);
    proxy(kind.value, installed, beside, found);
}

/// By what a network is recognized.
fn sign(kind: ReleasedCni) -> &'static str {
    match kind {
        ReleasedCni::Calico => "the DaemonSet calico-node or an Installation of its operator",
        ReleasedCni::Canal => "the DaemonSet canal",
        ReleasedCni::Cilium => "the DaemonSet cilium",
        ReleasedCni::Weave => "the DaemonSet weave-net",
        ReleasedCni::KubeRouter => "the DaemonSet kube-router",
    }
}

/// Where the manifests say what addresses pods get.
fn setting(kind: ReleasedCni, is_v4: bool) -> &'static str {
    match (kind, is_v4) {
        (ReleasedCni::Calico, true) => "CALICO_IPV4POOL_CIDR of the DaemonSet calico-node",
        (ReleasedCni::Calico, false) => "CALICO_IPV6POOL_CIDR of the DaemonSet calico-node",
        (ReleasedCni::Canal, true) => "`Network` of net-conf.json in the ConfigMap canal-config",
        (ReleasedCni::Canal, false) => {
            "`IPv6Network` of net-conf.json in the ConfigMap canal-config"
        }
        (ReleasedCni::Cilium, true) => "cluster-pool-ipv4-cidr of the ConfigMap cilium-config",
        (ReleasedCni::Cilium, false) => "cluster-pool-ipv6-cidr of the ConfigMap cilium-config",
        (ReleasedCni::Weave, _) => "IPALLOC_RANGE of the DaemonSet weave-net",
        (ReleasedCni::KubeRouter, _) => "the cluster's own settings",
    }
}

fn pools(
    kind: ReleasedCni,
    installed: &InstalledNetwork,
    beside: &Beside,
    found: &mut Vec<Diagnostic>,
) {
    let networks = beside.pod_networks;
    let listed = match &installed.pools {
        Pools::Node => return,
        Pools::Kubeadm(_) if beside.kubeadm_settings => return,
        Pools::Listed(pools) => pools,
        Pools::Default(pool) | Pools::Kubeadm(pool) => {
            found.extend(default_pool(kind, installed, pool, networks));
            return;
        }
    };
    let mut families = Vec::new();
    for pool in listed {
        let Ok(net) = pool.value.parse::<IpNet>() else {
            found.push(
                Diagnostic::error(
                    codes::PODS_OUTSIDE,
                    pool.span,
                    format!("`{}` is not a network", shown(&pool.value)),
                )
                .help("write it like 10.244.0.0/16"),
            );
            continue;
        };
        families.push(net.addr().is_ipv4());
        if let Err(own) = within(kind, net, networks) {
            found.push(
                Diagnostic::error(
                    codes::PODS_OUTSIDE,
                    pool.span,
                    format!(
                        "pods get addresses of {net}, not of the pod network {}",
                        own.value
                    ),
                )
                .related(own.span, "the pod network")
                .help("write the same network in both"),
            );
        }
    }
    // Without a family, all networks that are listed were reported.
    for own in networks.all().filter(|_| !families.is_empty()) {
        let is_v4 = own.value.addr().is_ipv4();
        if !families.contains(&is_v4) {
            found.push(
                Diagnostic::error(
                    codes::PODS_OUTSIDE,
                    installed.agent,
                    format!("no pod gets addresses of the pod network {}", own.value),
                )
                .related(own.span, "the pod network")
                .help(format!("set {}", setting(kind, is_v4))),
            );
        }
    }
}

/// Reports a network from which pods get their addresses because the manifests list none.
fn default_pool(
    kind: ReleasedCni,
    installed: &InstalledNetwork,
    pool: &str,
    networks: Networks,
) -> Option<Diagnostic> {
    let net: IpNet = pool.parse().ok()?;
    let own = within(kind, net, networks).err()?;
    Some(
        Diagnostic::error(
            codes::PODS_OUTSIDE,
            installed.agent,
            format!(
                "by default, {} gives pods addresses of {pool}, not of the pod network {}",
                kind.as_str(),
                own.value
            ),
        )
        .related(own.span, "the pod network")
        .help(format!(
            "set {}, or `pod_network: {pool}`",
            setting(kind, net.addr().is_ipv4())
        )),
    )
}

/// Returns whether `pool` is in the pod network of its family, or else the network that it should
/// be in.
fn within(kind: ReleasedCni, pool: IpNet, networks: Networks) -> Result<(), Located<IpNet>> {
    let Some(own) = networks.of_family(pool.addr().is_ipv4()) else {
        return Err(networks.first);
    };
    // The cluster assigns nodes shares of its own network, all of which flannel has to know.
    let may_be_part = kind != ReleasedCni::Canal;
    let is_part = overlap(&own.value, &pool) && own.value.prefix_len() <= pool.prefix_len();
    if own.value == pool.trunc() || may_be_part && is_part {
        Ok(())
    } else {
        Err(own)
    }
}

fn proxy(
    kind: ReleasedCni,
    installed: &InstalledNetwork,
    beside: &Beside,
    found: &mut Vec<Diagnostic>,
) {
    let name = kind.as_str();
    let replaces = installed.replaces_proxy;
    let is_off = beside.proxy.value == ProxyMode::None;
    if let Some(span) = installed.mounts_proxy_settings
        && !beside.proxy_objects
    {
        found.push(
            Diagnostic::warning(
                codes::API_SERVER_UNKNOWN,
                span,
                format!("{name} waits for the ConfigMap kube-proxy, which does not exist"),
            )
            .label("kubeadm creates it for its kube-proxy")
            .help("use `proxy: {daemon_set: true}`, or manifests with a kubeconfig of their own"),
        );
    }
    match (replaces.value, is_off) {
        (true, false) => found.push(
            Diagnostic::warning(
                codes::TWO_PROXIES,
                replaces.span,
                format!("{name} and kube-proxy both lead connections to services"),
            )
            .related(beside.proxy.span, "kube-proxy runs")
            .help("add `proxy: {mode: none}`, or turn it off in the manifests"),
        ),
        (false, true) => {
            found
                .push(unled(beside.proxy).related(replaces.span, format!("{name} does not do it")));
        }
        (true, true) if !installed.knows_api_server => found.push(
            Diagnostic::warning(
                codes::API_SERVER_UNKNOWN,
                installed.agent,
                format!("{name} reaches the API server through a service that it provides itself"),
            )
            .related(beside.proxy.span, "kube-proxy does not run")
            .help(match kind {
                ReleasedCni::Calico => {
                    "add the ConfigMap kubernetes-services-endpoint, with KUBERNETES_SERVICE_HOST \
                     and KUBERNETES_SERVICE_PORT"
                }
                ReleasedCni::KubeRouter => "add `--master`, or `--kubeconfig`",
                _ => {
                    "set KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT of its containers \
                     (`k8sServiceHost` and `k8sServicePort` of its chart)"
                }
            }),
        ),
        _ => {}
    }
}

/// Nothing leads connections to services to their pods.
pub(crate) fn unled(proxy: Located<ProxyMode>) -> Diagnostic {
    Diagnostic::error(
        codes::SERVICES_UNLED,
        proxy.span,
        "nothing leads connections to services to their pods",
    )
    .help(
        "remove `mode: none`, or use a pod network that replaces kube-proxy: `cilium`, `calico` \
         with eBPF, `kube-router`",
    )
}
