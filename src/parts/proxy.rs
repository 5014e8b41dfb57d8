//! The HTTP proxy of a node's services.

use std::collections::BTreeSet;

use ignition_config::v3_4;

use super::names::path;
use crate::node::fragment::{File, Fragment, Origin};
use crate::node::{HttpProxy, Node};

/// systemd gives these variables to every service (systemd-system.conf(5), `DefaultEnvironment=`),
/// and shells to every user.
const SERVICES: &str = "/etc/systemd/system.conf.d/10-imgbuild-proxy.conf";
const SHELLS: &str = "/etc/profile.d/imgbuild-proxy.sh";

/// The proxy for services, shells, and Ignition itself.
pub fn proxy(node: &Node) -> Fragment {
    let Some(proxy) = &node.proxy else {
        return Fragment::default();
    };
    let origin = Origin::new("proxy", proxy.span);
    let exceptions = exceptions(node, proxy);
    let list = exceptions.join(",");
    let mut variables = Vec::new();
    for (name, value) in [
        ("http_proxy", proxy.http.as_deref()),
        ("https_proxy", proxy.https.as_deref()),
        ("no_proxy", Some(list.as_str())),
    ] {
        let Some(value) = value else {
            continue;
        };
        // Programs differ in which of the two they read.
        variables.push(format!("{name}={value}"));
        variables.push(format!("{}={value}", name.to_ascii_uppercase()));
    }
    let quoted: Vec<String> = variables.iter().map(|one| format!("\"{one}\"")).collect();
    let services = format!("[Manager]\nDefaultEnvironment={}\n", quoted.join(" "));
    let shells = variables.iter().fold(String::new(), |text, one| {
        let (name, value) = one.split_once('=').unwrap_or((one, ""));
        format!("{text}export {name}='{value}'\n")
    });
    let ignition = v3_4::Proxy {
        http_proxy: proxy.http.clone(),
        https_proxy: proxy.https.clone(),
        no_proxy: Some(exceptions),
    };
    Fragment {
        files: vec![
            File::text(path(SERVICES), services, origin.clone()),
            File::text(path(SHELLS), shells, origin.clone()),
        ],
        ignition_proxy: Some((ignition, origin)),
        ..Fragment::default()
    }
}

/// What is reached without the proxy: the node itself and the networks of its links, its cluster's
/// members, pods and services, and what the spec lists.
fn exceptions(node: &Node, proxy: &HttpProxy) -> Vec<String> {
    let mut all: Vec<String> = ["localhost", "127.0.0.0/8", "::1"]
        .map(str::to_owned)
        .into();
    all.push(node.hostname.to_string());
    for interface in &node.network.interfaces {
        all.extend(
            interface
                .addresses
                .iter()
                .map(|own| own.trunc().to_string()),
        );
    }
    if let Some(etcd) = &node.etcd {
        let hosts = etcd.initial_cluster.iter().map(|(_, url)| host(url));
        all.extend(hosts.map(str::to_owned));
    }
    if let Some(kubernetes) = &node.kubernetes {
        all.push(kubernetes.endpoint.host.clone());
        let networks = kubernetes.pod_networks.all();
        let networks = networks.chain(kubernetes.service_networks.all());
        all.extend(networks.map(|net| net.value.to_string()));
        all.extend([".svc".to_owned(), format!(".{}", kubernetes.domain)]);
    }
    all.extend(proxy.exceptions.iter().cloned());
    let mut seen = BTreeSet::new();
    all.retain(|one| !one.is_empty() && seen.insert(one.clone()));
    all
}

/// `10.0.0.1` of `https://10.0.0.1:2380`, without the brackets of IPv6.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host);
    host.trim_matches(['[', ']'])
}
