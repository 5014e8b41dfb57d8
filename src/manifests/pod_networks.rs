//! What the manifests of known pod networks say about the addresses of pods, about kube-proxy, and
//! about the way to the API server.

use serde_json::Value as Json;

use super::read::{at, boolean, entries, items, text, text_at};
use crate::diagnostic::{Located, Span};
use crate::facts::cni::ReleasedCni;
use crate::spec::ManifestFile;
use crate::spec::yaml::{Node, Value};

/// What the manifests install of one pod network.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct InstalledNetwork {
    /// The location of the agent that runs on each node, or of the object by which an operator
    /// starts it.
    pub agent: Span,
    pub pools: Pools,
    /// Whether it does the work of kube-proxy.
    pub replaces_proxy: Located<bool>,
    /// Whether its agent knows the API server by an address that needs no kube-proxy.
    pub knows_api_server: bool,
    /// The location of a volume of its agent with the settings of kubeadm's kube-proxy.
    pub mounts_proxy_settings: Option<Span>,
}

/// Where the addresses of pods come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Pools {
    /// From these networks, as they are written.
    Listed(Vec<Located<String>>),
    /// From this one, since the manifests list none.
    Default(&'static str),
    /// The same, unless the cluster has the settings of kubeadm, from which it reads the network.
    Kubeadm(&'static str),
    /// From the share of the pod network that the cluster assigns to the node.
    Node,
}

/// Returns what `files` install of `kind`; `None`: nothing.
pub(crate) fn installed(kind: ReleasedCni, files: &[&ManifestFile]) -> Option<InstalledNetwork> {
    let mut objects = Objects(Vec::new());
    for document in files.iter().flat_map(|file| &file.documents) {
        objects.add(document);
    }
    match kind {
        ReleasedCni::Calico => calico(&objects),
        ReleasedCni::Canal => canal(&objects),
        ReleasedCni::Cilium => cilium(&objects),
        ReleasedCni::Weave => weave(&objects),
        ReleasedCni::KubeRouter => kube_router(&objects),
    }
}

/// Calico's own default (`calico/node`, `CALICO_IPV4POOL_CIDR`).
const CALICO_POOL: &str = "192.168.0.0/16";
/// The default of `cluster-pool-ipv4-cidr`.
const CILIUM_POOL: &str = "10.0.0.0/8";
/// The default of `IPALLOC_RANGE`.
const WEAVE_POOL: &str = "10.32.0.0/12";

/// The address of the API server, in the environment of an agent.
const API_HOST: &str = "KUBERNETES_SERVICE_HOST";

fn calico(objects: &Objects) -> Option<InstalledNetwork> {
    let installation = objects.of("Installation").next();
    let node = objects.named("DaemonSet", "calico-node");
    let agent = node.or(installation)?;
    let env = node.map(Env);
    let value = |name| env.as_ref().and_then(|env| env.value(name));
    let mut pools: Vec<_> = ["CALICO_IPV4POOL_CIDR", "CALICO_IPV6POOL_CIDR"]
        .into_iter()
        .filter_map(value)
        .collect();
    let of_objects = objects
        .of("IPPool")
        .filter_map(|pool| at(pool, &["spec", "cidr"]));
    let of_operator = installation
        .map_or(&[][..], |object| {
            items(object, &["spec", "calicoNetwork", "ipPools"])
        })
        .iter()
        .filter_map(|pool| pool.get("cidr"));
    pools.extend(of_objects.chain(of_operator).filter_map(located));
    let dataplane = installation
        .and_then(|object| at(object, &["spec", "calicoNetwork", "linuxDataplane"]))
        .and_then(located)
        .map(|plane| plane.map(|plane| plane == "BPF"));
    let of_felix = (objects.of("FelixConfiguration"))
        .find_map(|felix| at(felix, &["spec", "bpfEnabled"]))
        .and_then(|node| Some(Located::new(boolean(node)?, node.span)));
    let of_env = value("FELIX_BPFENABLED").map(|it| it.map(|it| it.eq_ignore_ascii_case("true")));
    let place = place(agent);
    Some(InstalledNetwork {
        agent: place,
        pools: if pools.is_empty() {
            Pools::Kubeadm(CALICO_POOL)
        } else {
            Pools::Listed(pools)
        },
        replaces_proxy: (of_env.or(of_felix).or(dataplane))
            .unwrap_or_else(|| Located::new(false, place)),
        knows_api_server: env.is_some_and(|env| env.has(API_HOST))
            || (objects.named("ConfigMap", "kubernetes-services-endpoint"))
                .is_some_and(|map| at(map, &["data", API_HOST]).is_some()),
        mounts_proxy_settings: None,
    })
}

fn canal(objects: &Objects) -> Option<InstalledNetwork> {
    let agent = objects.named("DaemonSet", "canal")?;
    let settings = (objects.named("ConfigMap", "canal-config"))
        .and_then(|map| at(map, &["data", "net-conf.json"]))
        .and_then(located);
    let pools = settings.map_or(Vec::new(), |settings| {
        let json: Json = serde_json::from_str(&settings.value).unwrap_or_default();
        (["Network", "IPv6Network"].into_iter())
            .filter_map(|key| json.get(key)?.as_str())
            .map(|network| Located::new(network.to_owned(), settings.span))
            .collect()
    });
    Some(InstalledNetwork {
        agent: place(agent),
        pools: if pools.is_empty() {
            Pools::Node
        } else {
            Pools::Listed(pools)
        },
        // flannel's packets do not pass Felix's eBPF programs.
        replaces_proxy: Located::new(false, place(agent)),
        knows_api_server: false,
        mounts_proxy_settings: None,
    })
}

fn cilium(objects: &Objects) -> Option<InstalledNetwork> {
    let agent = objects.named("DaemonSet", "cilium")?;
    let settings = objects.named("ConfigMap", "cilium-config");
    let setting = |key| {
        let node = at(settings?, &["data", key])?;
        located(node).filter(|value| !value.value.is_empty())
    };
    let is_of_node = setting("ipam").is_some_and(|ipam| ipam.value != "cluster-pool");
    let pools: Vec<_> = ["cluster-pool-ipv4-cidr", "cluster-pool-ipv6-cidr"]
        .into_iter()
        .filter_map(setting)
        .flat_map(|list| {
            let networks = list.value.split([' ', ',']).filter(|one| !one.is_empty());
            let networks: Vec<_> = networks.map(str::to_owned).collect();
            (networks.into_iter()).map(move |one| Located::new(one, list.span))
        })
        .collect();
    let replaces = setting("kube-proxy-replacement")
        // `strict` is that of releases before 1.14.
        .map(|it| it.map(|it| it == "true" || it == "strict"));
    Some(InstalledNetwork {
        agent: place(agent),
        pools: if is_of_node {
            Pools::Node
        } else if pools.is_empty() {
            Pools::Default(CILIUM_POOL)
        } else {
            Pools::Listed(pools)
        },
        replaces_proxy: replaces.unwrap_or_else(|| Located::new(false, place(agent))),
        knows_api_server: Env(agent).has(API_HOST)
            || setting("k8s-api-server").is_some()
            || setting("k8s-api-server-urls").is_some(),
        mounts_proxy_settings: None,
    })
}

fn weave(objects: &Objects) -> Option<InstalledNetwork> {
    let agent = objects.named("DaemonSet", "weave-net")?;
    let pool = Env(agent).value("IPALLOC_RANGE");
    Some(InstalledNetwork {
        agent: place(agent),
        pools: pool.map_or(Pools::Default(WEAVE_POOL), |pool| Pools::Listed(vec![pool])),
        replaces_proxy: Located::new(false, place(agent)),
        knows_api_server: false,
        mounts_proxy_settings: None,
    })
}

fn kube_router(objects: &Objects) -> Option<InstalledNetwork> {
    let agent = objects.named("DaemonSet", "kube-router")?;
    let arguments: Vec<_> = containers(agent)
        .flat_map(|container| {
            items(container, &["command"])
                .iter()
                .chain(items(container, &["args"]))
        })
        .filter_map(located)
        .collect();
    let flag = |name: &str| {
        arguments.iter().find_map(|argument| {
            let value = argument.value.strip_prefix(name)?;
            let value = match value.strip_prefix('=') {
                Some(value) => value,
                None if value.is_empty() => "true",
                None => return None,
            };
            Some(Located::new(value.to_owned(), argument.span))
        })
    };
    Some(InstalledNetwork {
        agent: place(agent),
        pools: Pools::Node,
        // On unless it is turned off.
        replaces_proxy: flag("--run-service-proxy").map_or_else(
            || Located::new(true, place(agent)),
            |value| value.map(|value| value != "false"),
        ),
        knows_api_server: flag("--master").is_some() || flag("--kubeconfig").is_some(),
        mounts_proxy_settings: items(agent, &["spec", "template", "spec", "volumes"])
            .iter()
            .filter_map(|volume| at(volume, &["configMap", "name"]))
            .find(|name| text(name) == Some("kube-proxy"))
            .map(|name| name.span),
    })
}

/// The objects of all files, those of lists among them.
struct Objects<'n>(Vec<&'n Node>);

impl<'n> Objects<'n> {
    fn add(&mut self, document: &'n Node) {
        let listed = items(document, &["items"]);
        if listed.is_empty() {
            self.0.push(document);
        }
        for object in listed {
            self.add(object);
        }
    }

    fn of(&self, kind: &str) -> impl Iterator<Item = &'n Node> {
        (self.0.iter().copied()).filter(move |object| text_at(object, &["kind"]) == Some(kind))
    }

    fn named(&self, kind: &str, name: &str) -> Option<&'n Node> {
        (self.of(kind)).find(|object| text_at(object, &["metadata", "name"]) == Some(name))
    }
}

/// The environment of the containers of a `DaemonSet`.
struct Env<'n>(&'n Node);

impl<'n> Env<'n> {
    fn variable(&self, name: &str) -> Option<&'n Node> {
        containers(self.0)
            .flat_map(|container| items(container, &["env"]))
            .find(|variable| text_at(variable, &["name"]) == Some(name))
    }

    fn value(&self, name: &str) -> Option<Located<String>> {
        at(self.variable(name)?, &["value"]).and_then(located)
    }

    /// Whether a variable has a value, from elsewhere perhaps.
    fn has(&self, name: &str) -> bool {
        self.variable(name).is_some_and(|variable| {
            at(variable, &["valueFrom"]).is_some()
                || text_at(variable, &["value"]).is_some_and(|value| !value.is_empty())
        })
    }
}

fn containers(workload: &Node) -> impl Iterator<Item = &Node> {
    items(workload, &["spec", "template", "spec", "containers"]).iter()
}

/// The location for what is about a whole object.
fn place(object: &Node) -> Span {
    let name = at(object, &["metadata", "name"]).map(|name| name.span);
    name.or_else(|| Some(entries(object, &[]).first()?.key.span))
        .unwrap_or(object.span)
}

fn located(node: &Node) -> Option<Located<String>> {
    let Value::Scalar(_) = &node.value else {
        return None;
    };
    text(node).map(|text| Located::new(text.to_owned(), node.span))
}
