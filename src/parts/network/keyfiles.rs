//! The node's links, as `NetworkManager` keyfiles.
//!
//! A node that uses whichever card has a network needs none: `NetworkManager` uses DHCP on every
//! card by default. A node whose links are in the spec uses only those, as on other targets.

use super::{keyfile, link, stem, ties};
use crate::diagnostic::Span;
use crate::facts::systems::LinkManager::NetworkManager;
use crate::node::Node;
use crate::node::fragment::{File, Fragment, Origin};
use crate::node::network::InterfaceMatch;
use crate::parts::names::path;

/// Keeps `NetworkManager` from creating default connections (`NetworkManager.conf(5)`).
const NO_OTHERS: (&str, &str) = (
    "/etc/NetworkManager/conf.d/10-imgbuild.conf",
    "[main]\nno-auto-default=*\n",
);

pub(super) fn keyfiles(node: &Node) -> Fragment {
    let interfaces = node.network.interfaces.iter();
    let interfaces: Vec<_> = interfaces
        .filter(|interface| interface.matching != InterfaceMatch::AnyEthernet)
        .collect();
    let mut fragment = Fragment::default();
    let Some(first) = interfaces.first() else {
        return fragment;
    };
    let mut add = |file: &str, text: String, mode: u32, span: Span| {
        let file = File::text(path(file), text, Origin::new("network", span)).mode(mode);
        fragment.files.push(file);
    };
    let in_folder = |name: &str| format!("{}/{name}.nmconnection", NetworkManager.folder());
    let mode = NetworkManager.mode();
    let mut by_name = ties(&node.network.interfaces);
    for interface in &interfaces {
        let own = interface
            .matching
            .name()
            .and_then(|name| by_name.remove(name))
            .unwrap_or_default();
        if let Some(text) = link::rename(interface) {
            let name = format!("/etc/systemd/network/{}.link", stem(interface));
            add(&name, text, 0o644, interface.span);
        }
        let id = match (&interface.matching, interface.matching.name()) {
            (_, Some(name)) => name.to_string(),
            (InterfaceMatch::Mac { mac, .. }, None) => mac.hyphenated(),
            (_, None) => continue,
        };
        let text = keyfile::keyfile(interface, &id, &own);
        add(&in_folder(&id), text, mode, interface.span);
    }
    // Members and parents that the spec does not configure otherwise.
    for (name, carried) in by_name {
        let text = keyfile::carrier(&name, &carried);
        let span = carried.span.unwrap_or_default();
        add(&in_folder(name.as_str()), text, mode, span);
    }
    let (file, text) = NO_OTHERS;
    add(file, text.to_owned(), 0o644, first.span);
    fragment
}
