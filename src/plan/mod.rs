//! From the spec to nodes with every default filled in.

mod accounts;
mod boot_files;
mod container_linux;
mod container_runtimes;
mod containers;
mod doubt;
mod etcd;
mod etcd_care;
mod etcd_pod;
mod files;
mod filesystems;
mod flannel;
mod flannel_etcd;
mod ignition_section;
mod kubernetes;
mod kubernetes_addons;
mod kubernetes_settings;
mod later_boots;
mod names;
mod network;
mod network_links;
mod owners;
mod packages;
mod passwords;
mod runtime;
mod units;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use anyhow::{Context, Result};

use super::check;
use crate::diagnostic::{Diagnostic, Located, Severity, Sources, codes, in_order};
use crate::facts::kubernetes::learned::LearnedTables;
use crate::facts::systems::{IgnitionVersion, Target};
use crate::names::Hostname;
use crate::node::fragment::Fragment;
use crate::node::{CaCertificate, Cluster, HttpProxy, Node, Swap};
use crate::pki::{KeyAlgorithm, Keys};
use crate::spec::decode::Table;
use crate::spec::{self, Loaded, LocalFiles, RenderedCharts};

/// Nodes that are decided and checked completely, except for what comes from the key folder.
#[derive(Debug)]
pub struct Decided {
    /// Warnings, which do not stop the build.
    pub warnings: Vec<Diagnostic>,
    cluster: Cluster,
    /// For each node: the names in its etcd certificates.
    etcd_keys: Vec<Option<EtcdKeys>>,
    /// For each node: whether flannel needs keys for the file's etcd, which then also has keys.
    flannel_keys: Vec<bool>,
    /// For each node: its Kubernetes, except for the keys.
    kubernetes: Vec<Option<kubernetes::Draft>>,
    kubernetes_keys: kubernetes::ClusterKeys,
    /// Passwords to hash: node, user, password.
    passwords: Vec<(usize, usize, String)>,
}

#[derive(Debug)]
struct EtcdKeys {
    dns: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
}

/// Fills in every default of `loaded` and checks everything across its fields. The error contains
/// everything that is wrong with the spec, including what the loader found; nothing is written
/// anywhere.
pub fn decide(loaded: &Loaded, sources: &Sources) -> Result<Decided, Vec<Diagnostic>> {
    let decided = decide_lenient(loaded, sources);
    if decided.warnings.iter().any(is_error) {
        return Err(decided.warnings);
    }
    Ok(decided)
}

/// Decides a spec that [`decide`] rejects, for rooms that may find more mistakes. The result must
/// not be built. Returns `None` if the loader found errors: what could not be read would look as if
/// it were missing.
pub fn tentative(loaded: &Loaded, sources: &Sources) -> Option<Decided> {
    (!loaded.has_errors()).then(|| decide_lenient(loaded, sources))
}

fn is_error(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Error
}

/// Decides everything and collects all diagnostics, errors included.
fn decide_lenient(loaded: &Loaded, sources: &Sources) -> Decided {
    let spec = &loaded.cluster;
    let mut decider = Decider {
        files: &loaded.files,
        rendered: &loaded.charts,
        known: &loaded.learned,
        cluster_name: cluster_name(spec, sources),
        etcd_token: spec
            .name
            .as_ref()
            .map_or(ETCD_TOKEN, |name| name.as_str())
            .to_owned(),
        found: Vec::new(),
    };
    let mut nodes = Vec::new();
    let mut drafts = Vec::new();
    let mut passwords = Vec::new();
    for (at, written) in spec.nodes.iter().enumerate() {
        let mut node = decider.node(written);
        node.containerd = (written.containerd.as_ref())
            .map(|containerd| decider.containerd(containerd, sources, node.target));
        node.base =
            (written.base.as_ref()).and_then(|base| decider.boot_files(written, base, sources));
        let draft = written
            .etcd
            .as_ref()
            .map(|etcd| decider.etcd(written, etcd, &node));
        node.firewall = written.network.as_ref().and_then(|network| {
            let etcd = draft.as_ref().map(|draft| &draft.member);
            let mut firewall = decider.firewall(network.firewall.as_ref()?, etcd);
            network_links::open(&mut firewall, &node.network);
            Some(firewall)
        });
        for (user, password) in decider.passwords(&written.users) {
            passwords.push((at, user, password));
        }
        nodes.push(node);
        drafts.push(draft);
    }
    // Nodes of another kind are in a file of their own.
    for (node, of_users) in decider.container_linux(spec) {
        for (user, password) in of_users {
            passwords.push((nodes.len(), user, password));
        }
        nodes.push(node);
        drafts.push(None);
    }
    decider.complete_clusters(&mut drafts);
    decider.backups_of_nothing(spec);
    let flannel_keys = decider.flannel(spec, &mut nodes, &drafts);
    let kubernetes = decider.kubernetes(spec, &mut nodes, &drafts, sources);

    let mut found = decider.found;
    found.extend(check::nodes(&nodes));
    let members: Vec<check::Member> = (spec.nodes.iter().zip(&nodes).zip(&drafts))
        .filter_map(|((written, node), draft)| {
            let draft = draft.as_ref()?;
            Some(check::Member {
                written: written.etcd.as_ref()?,
                decided: &draft.member,
                tls: draft.tls,
                node,
                shares_cluster: draft.shares_cluster,
            })
        })
        .collect();
    check::etcd(&members, &nodes, &mut found);
    doubt::of_newer_releases(&loaded.learned, &mut found);

    let mut diagnostics = loaded.diagnostics.clone();
    let mut found = doubt::without_doubtful(loaded, found);
    loaded.charts.trace(&mut found);
    diagnostics.extend(found);
    for (node, draft) in nodes.iter_mut().zip(&kubernetes) {
        node.hosts
            .extend(draft.iter().flat_map(kubernetes::Draft::hosts));
    }
    let mut etcd_keys = Vec::new();
    for (node, draft) in nodes.iter_mut().zip(drafts) {
        etcd_keys.push(
            draft
                .as_ref()
                .filter(|draft| draft.tls)
                .map(|draft| EtcdKeys {
                    dns: draft.dns.clone(),
                    addresses: draft.addresses.clone(),
                }),
        );
        node.etcd = draft.map(|draft| draft.member);
    }
    Decided {
        warnings: in_order(diagnostics),
        cluster: Cluster {
            name: decider.cluster_name,
            nodes,
            tables: loaded.learned.digests(),
        },
        etcd_keys,
        flannel_keys,
        kubernetes,
        kubernetes_keys: kubernetes::ClusterKeys::new(spec),
        passwords,
    }
}

impl Decided {
    /// Returns whether [`Decided::with_keys`] reads or creates anything.
    pub fn needs_keys(&self) -> bool {
        !self.passwords.is_empty()
            || container_linux::needs_keys(&self.cluster)
            || self.etcd_keys.iter().any(Option::is_some)
            || self
                .kubernetes
                .iter()
                .flatten()
                .any(kubernetes::Draft::needs_keys)
    }

    /// Returns the nodes as they are without keys.
    pub fn without_keys(self) -> Cluster {
        self.cluster
    }

    /// Returns the algorithm for new private keys of the cluster.
    pub fn key_algorithm(&self) -> KeyAlgorithm {
        self.kubernetes_keys.algorithm
    }

    /// Returns the finished cluster. Keys that `keys` does not have yet are created, and kept if
    /// its folder is writable. The error concerns the key folder; the spec is right.
    pub fn with_keys(mut self, keys: &mut Keys) -> Result<Cluster> {
        let token = self.kubernetes_keys.prepare(keys)?;
        for (node, wanted) in self.cluster.nodes.iter_mut().zip(&self.etcd_keys) {
            let (Some(member), Some(wanted)) = (&mut node.etcd, wanted) else {
                continue;
            };
            let name = node.hostname.as_str();
            let tls = keys
                .etcd_member(name, &wanted.dns, &wanted.addresses)
                .with_context(|| format!("preparing the etcd keys of {name}"))?;
            member.tls = Some(tls);
        }
        for (node, _) in (self.cluster.nodes.iter_mut().zip(&self.flannel_keys)).filter(|it| *it.1)
        {
            let name = node.hostname.as_str();
            let client = keys
                .etcd_client(name, "flannel-client", "flannel")
                .with_context(|| format!("preparing flannel's keys of {name}"))?;
            if let Some(flannel) = &mut node.flannel {
                flannel.tls = Some(client);
            }
        }
        let drafts = self.cluster.nodes.iter_mut().zip(self.kubernetes);
        kubernetes::with_keys(drafts, keys, token.as_ref())?;
        container_linux::with_keys(&mut self.cluster, keys)?;
        // The same user with the same password on a thousand nodes is hashed once.
        let mut hashes: BTreeMap<(String, &str), String> = BTreeMap::new();
        for (node, user, password) in &self.passwords {
            let user = &mut self.cluster.nodes[*node].users[*user];
            let key = (user.name.to_string(), password.as_str());
            let hash = if let Some(hash) = hashes.get(&key) {
                hash.clone()
            } else {
                let hash = passwords::hash(password, &keys.password_salt(&key.0)?);
                hashes.insert(key, hash.clone());
                hash
            };
            user.password_hash = Some(hash);
        }
        Ok(self.cluster)
    }
}

/// The token of a cluster without a name, as etcd has it by default. The name of the file would not
/// do: it may change between the builds of two members, which would then not find each other.
const ETCD_TOKEN: &str = "etcd-cluster";

/// The input of the decisions, and what is wrong with it.
struct Decider<'a> {
    files: &'a LocalFiles,
    /// What the charts became.
    rendered: &'a RenderedCharts,
    /// What was learned of releases of Kubernetes.
    known: &'a LearnedTables,
    cluster_name: String,
    /// The token of an etcd cluster that has none of its own.
    etcd_token: String,
    found: Vec<Diagnostic>,
}

impl Decider<'_> {
    /// A node without its etcd and its firewall.
    fn node(&mut self, written: &spec::Spec) -> Node {
        let network = written.network.as_ref();
        let target = written.target().value;
        let user_sections = self.user_sections(written);
        let place = written.target.map_or(written.span, |target| target.span);
        let hostname = self.name_of(written.hostname.as_ref(), &user_sections.files, place);
        let wanted = written.ignition.as_ref().and_then(|it| it.version);
        let passwd = written.passwd.iter().flat_map(|passwd| &passwd.users);
        let uids = written.users.iter().filter_map(|user| user.uid);
        self.unique_uids(uids.chain(passwd.filter_map(|user| user.uid)));
        self.accounts(written);
        self.names_and_hashes(target, &written.users, written.passwd.as_ref());
        Node {
            target,
            ignition: self.ignition_version(target, wanted),
            arch: written.arch().value,
            kernel: written.kernel().value,
            firmware: self.firmware(&written.firmware),
            users: self.users(&written.users),
            network: self.links(written, hostname.span),
            is_named: written.hostname.is_some(),
            hostname,
            ntp: network.and_then(|network| Some(Self::ntp(network.ntp.as_ref()?))),
            hosts: network.map_or_else(Vec::new, hosts),
            firewall: None,
            proxy: written.proxy.as_ref().map(proxy),
            sysctls: sysctls(&written.sysctls),
            modules: modules(&written.modules),
            kernel_arguments: kernel_arguments(&written.kernel_arguments),
            removed_kernel_arguments: kernel_arguments(&written.remove_kernel_arguments),
            ca_certificates: written
                .ca_certificates
                .iter()
                .filter_map(|ca| self.ca_certificate(ca))
                .collect(),
            swap: written.swap.as_ref().and_then(swap),
            storage_device: written.storage_device.clone(),
            base: None,
            etcd: None,
            flannel: None,
            containerd: None,
            kubernetes: None,
            container_linux: None,
            user_sections,
        }
    }

    /// Returns the `wanted` version of Ignition's specification, or the target's default.
    fn ignition_version(
        &mut self,
        target: Target,
        wanted: Option<Located<IgnitionVersion>>,
    ) -> IgnitionVersion {
        let known = target.facts().ignition;
        let Some(wanted) = wanted else {
            return known[0];
        };
        if known.contains(&wanted.value) {
            return wanted.value;
        }
        let names: Vec<_> = known.iter().map(|version| version.as_str()).collect();
        self.found.push(
            Diagnostic::error(
                codes::BAD_IGNITION_VERSION,
                wanted.span,
                format!(
                    "{} does not support Ignition {}",
                    target.facts().title,
                    wanted.value
                ),
            )
            .label(format!("supported versions: {}", names.join(", ")))
            .help("remove it, or use one of these"),
        );
        known[0]
    }

    fn ca_certificate(&self, written: &spec::CaCertificate) -> Option<CaCertificate> {
        let pem = match (&written.inline, &written.local) {
            (Some(inline), _) => inline.clone(),
            (None, Some(local)) => Located::new(self.files.text(local)?.to_owned(), local.span),
            (None, None) => return None,
        };
        Some(CaCertificate {
            name: written.name.as_str().to_owned(),
            pem,
        })
    }

    /// Returns what the user's sections define: `storage`, `systemd` and `passwd`.
    fn user_sections(&mut self, written: &spec::Spec) -> Fragment {
        let mut sections = Fragment::default();
        if let Some(section) = &written.ignition {
            self.ignition_section(section, written.target().value, &mut sections);
        }
        if let Some(storage) = &written.storage {
            self.disks(written.target().value, storage, &mut sections);
            self.filesystems(storage, &mut sections);
            self.files(written.target().value, storage, &mut sections);
        }
        if let Some(systemd) = &written.systemd {
            self.units(systemd, &mut sections);
        }
        if let Some(passwd) = &written.passwd {
            self.passwd(passwd, &mut sections);
        }
        owners::below_homes(written, &mut sections);
        sections
    }
}

/// Returns the spec's entries of `/etc/hosts`.
fn hosts(network: &spec::Network) -> Vec<(Located<IpAddr>, Vec<Hostname>)> {
    let names =
        |names: &Vec<Located<Hostname>>| names.iter().map(|name| name.value.clone()).collect();
    let hosts = network.hosts.iter();
    hosts
        .map(|(address, hosts)| (*address, names(hosts)))
        .collect()
}

fn sysctls(
    written: &Table<spec::SysctlKey, Located<spec::Setting>>,
) -> BTreeMap<String, Located<String>> {
    written
        .iter()
        .map(|(key, value)| {
            // The location of the key, which is what a duplicate repeats.
            (
                key.as_str().to_owned(),
                Located::new(value.as_str().to_owned(), key.span),
            )
        })
        .collect()
}

fn kernel_arguments(written: &[Located<spec::KernelArgument>]) -> Vec<Located<String>> {
    written
        .iter()
        .map(|argument| {
            argument
                .as_ref()
                .map(|argument| argument.as_str().to_owned())
        })
        .collect()
}

fn modules(written: &[Located<spec::ModuleName>]) -> Vec<Located<String>> {
    written
        .iter()
        .map(|m| m.as_ref().map(|m| m.as_str().to_owned()))
        .collect()
}

fn proxy(written: &spec::Proxy) -> HttpProxy {
    let url = |url: &Option<Located<spec::ProxyUrl>>| Some(url.as_ref()?.as_str().to_owned());
    let http = url(&written.http);
    HttpProxy {
        https: url(&written.https).or_else(|| http.clone()),
        http,
        exceptions: written
            .no_proxy
            .iter()
            .map(|one| one.as_str().to_owned())
            .collect(),
        span: written.span,
    }
}

fn swap(written: &spec::Swap) -> Option<Swap> {
    if let Some(zram) = &written.zram {
        return Some(Swap::Zram {
            size: zram.size.value.0,
            span: zram.span,
        });
    }
    written.device.clone().map(Swap::Device)
}

/// Returns the name that the spec sets, or else that of its file without its extension, in the
/// characters that a token may have.
fn cluster_name(spec: &spec::Cluster, sources: &Sources) -> String {
    if let Some(name) = &spec.name {
        return name.as_str().to_owned();
    }
    let stem = sources
        .path(spec.span.source)
        .file_stem()
        .unwrap_or_default();
    let plain: String = stem
        .to_string_lossy()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
        .take(63)
        .collect();
    let plain = plain.trim_start_matches(['-', '_', '.']);
    if plain.is_empty() {
        "cluster".to_owned()
    } else {
        plain.to_owned()
    }
}
