//! Settings of the kernel and the runtime for the pods' network.

use std::fmt::Write as _;

use super::cni;
use crate::facts::cni::{CNI_PLUGINS, CniFacts};
use crate::facts::kubernetes::choices::ProxyMode;
use crate::facts::network::POD_LINKS;
use crate::node::fragment::{File, Fragment, Link, Origin, Owner};
use crate::node::kubernetes::Kubernetes;
use crate::parts::names::path;
use crate::parts::network::left_alone;

/// Modules, kernel parameters, CNI plugins and the network's own files.
pub fn network(kubernetes: &Kubernetes) -> Fragment {
    let origin = Origin::new("pod network", kubernetes.span);
    let mut modules = vec!["overlay", "br_netfilter"];
    if kubernetes
        .proxy()
        .is_some_and(|p| p.mode == ProxyMode::Ipvs)
    {
        modules.extend(["ip_vs", "ip_vs_rr", "ip_vs_wrr", "ip_vs_sh", "nf_conntrack"]);
    }
    for module in &kubernetes.cni.modules {
        if !modules.contains(module) {
            modules.push(module);
        }
    }
    let facts = kubernetes.cni.kind.facts();
    let mut files = vec![
        File::text(
            path("/etc/modules-load.d/kubernetes.conf"),
            modules.join("\n") + "\n",
            origin.clone(),
        ),
        File::text(
            path("/etc/sysctl.d/50-kubernetes.conf"),
            sysctls(facts),
            origin.clone(),
        ),
    ];
    // Otherwise the system requests addresses for pods' links by DHCP, or removes those that a
    // network add-on assigned.
    files.extend(left_alone(
        kubernetes.system,
        "kubernetes",
        &[&POD_LINKS[..], facts.links].concat(),
        &origin,
    ));
    let links = (kubernetes.cni_plugins().into_iter())
        .flat_map(|folder| CNI_PLUGINS.map(|name| plugin(kubernetes, folder, name, &origin)))
        .collect();
    files.extend(cni::on_node(kubernetes, &origin));
    Fragment {
        files,
        links,
        ..Fragment::default()
    }
}

/// Kernel parameters, in a file that is read before the spec's own, which take precedence, and
/// after systemd's. Pods share root's limits of inotify(7): the kernel's 128 instances are too few
/// for 110 pods.
fn sysctls(facts: &CniFacts) -> String {
    let mut text = "net.bridge.bridge-nf-call-iptables = 1
net.bridge.bridge-nf-call-ip6tables = 1
net.ipv4.ip_forward = 1
net.ipv6.conf.all.forwarding = 1
fs.inotify.max_user_instances = 8192
fs.inotify.max_user_watches = 1048576
"
    .to_owned();
    for (key, value) in facts.sysctls {
        let _ = writeln!(text, "{key} = {value}");
    }
    text
}

/// A link to a plugin built into the node in `folder`, in the folder where Kubernetes looks for
/// plugins and network add-ons put theirs.
fn plugin(kubernetes: &Kubernetes, folder: &str, name: &str, origin: &Origin) -> Link {
    Link {
        path: path(&format!("{}/{name}", kubernetes.system.paths.cni_bin)),
        target: format!("{folder}/{name}"),
        hard: false,
        owner: Owner::default(),
        overwrite: false,
        origin: origin.clone(),
    }
}
