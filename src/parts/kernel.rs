//! Kernel parameters and modules.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use ipnet::IpNet;

use super::firewall;
use super::names::path;
use crate::diagnostic::Span;
use crate::node::Node;
use crate::node::fragment::{File, Fragment, Origin};

/// `/etc/sysctl.d/90-imgbuild.conf` (`sysctl.d(5)`): the spec's parameters, and forwarding if the
/// firewall masquerades.
pub fn sysctls(node: &Node) -> Fragment {
    let mut settings: BTreeMap<&str, (&str, Span)> = BTreeMap::new();
    if let Some(firewall) = firewall::forwards(node) {
        for rule in &firewall.masquerade {
            let key = match rule.source.value {
                IpNet::V4(_) => "net.ipv4.ip_forward",
                IpNet::V6(_) => "net.ipv6.conf.all.forwarding",
            };
            settings.entry(key).or_insert(("1", rule.source.span));
        }
    }
    for (key, value) in &node.sysctls {
        settings.insert(key, (value.as_str(), value.span));
    }
    let Some((_, first)) = settings.values().next().copied() else {
        return Fragment::default();
    };
    let mut text = String::new();
    for (key, (value, _)) in settings {
        let _ = writeln!(text, "{} = {value}", as_read(key));
    }
    one_file("/etc/sysctl.d/90-imgbuild.conf", text, "sysctls", first)
}

/// Where the kernel has a folder of parameters for each interface.
const OF_INTERFACES: [&str; 5] = [
    "net.ipv4.conf.",
    "net.ipv4.neigh.",
    "net.ipv6.conf.",
    "net.ipv6.neigh.",
    "net.mpls.conf.",
];

/// Returns `key` as `systemd-sysctl` takes it: the dots in the name of an interface, such as
/// `eth0.100`, are written as slashes there.
fn as_read(key: &str) -> Cow<'_, str> {
    let parts = OF_INTERFACES.iter().find_map(|folder| {
        let (interface, parameter) = key.strip_prefix(folder)?.rsplit_once('.')?;
        Some((folder, interface, parameter))
    });
    match parts {
        Some((folder, interface, parameter)) if interface.contains('.') => Cow::Owned(format!(
            "{folder}{}.{parameter}",
            interface.replace('.', "/")
        )),
        _ => Cow::Borrowed(key),
    }
}

/// Parameters that exist only once a module is loaded, by the start of their keys, and the module.
/// (`systemd-sysctl` runs once, after modules are loaded, and skips what does not exist.)
const OF_MODULES: [(&str, &str); 3] = [
    ("net.bridge.", "br_netfilter"),
    ("net.netfilter.nf_conntrack_", "nf_conntrack"),
    ("net.nf_conntrack_max", "nf_conntrack"),
];

/// `/etc/modules-load.d/imgbuild.conf` (`modules-load.d(5)`): the spec's modules, and those of its
/// kernel parameters.
pub fn modules(node: &Node) -> Fragment {
    let mut modules: Vec<(&str, Origin)> = node
        .modules
        .iter()
        .map(|module| (&*module.value, Origin::new("modules", module.span)))
        .collect();
    for (key, value) in &node.sysctls {
        let key = key.replace('/', ".");
        let needed = OF_MODULES.iter().find(|(keys, _)| key.starts_with(keys));
        if let Some((_, module)) = needed
            // modprobe(8): `-` and `_` are the same
            && !modules.iter().any(|(known, _)| known.replace('-', "_") == *module)
        {
            modules.push((module, Origin::new("sysctls", value.span)));
        }
    }
    let Some((_, origin)) = modules.first() else {
        return Fragment::default();
    };
    let (part, span) = (origin.part, origin.span.unwrap_or_default());
    let mut text = String::new();
    for (module, _) in &modules {
        let _ = writeln!(text, "{module}");
    }
    one_file("/etc/modules-load.d/imgbuild.conf", text, part, span)
}

fn one_file(name: &str, text: String, part: &'static str, span: Span) -> Fragment {
    Fragment {
        files: vec![File::text(path(name), text, Origin::new(part, span))],
        ..Fragment::default()
    }
}
