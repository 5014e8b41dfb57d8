//! Kernel parameters and modules.

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
        let _ = writeln!(text, "{key} = {value}");
    }
    one_file("/etc/sysctl.d/90-imgbuild.conf", text, "sysctls", first)
}

/// `/etc/modules-load.d/imgbuild.conf` (`modules-load.d(5)`).
pub fn modules(node: &Node) -> Fragment {
    let Some(first) = node.modules.first() else {
        return Fragment::default();
    };
    let mut text = String::new();
    for module in &node.modules {
        let _ = writeln!(text, "{}", module.value);
    }
    one_file(
        "/etc/modules-load.d/imgbuild.conf",
        text,
        "modules",
        first.span,
    )
}

fn one_file(name: &str, text: String, part: &'static str, span: Span) -> Fragment {
    Fragment {
        files: vec![File::text(path(name), text, Origin::new(part, span))],
        ..Fragment::default()
    }
}
