//! The node's links, as systemd-networkd files in `/etc/systemd/network`, or as `NetworkManager`
//! keyfiles ([`keyfiles`]).
//!
//! **Names.** The base keeps the kernel's names of cards (`eth0`) and adds the predictable ones
//! (`enp1s0`) as alternative names, which `Name=` in `[Match]` matches as well: a spec can use
//! either. If a spec uses only predictable names, they become the real ones
//! ([`predictable_names`]), since the packet filter supports only real names.

mod bond;
mod dhcp;
mod ini;
mod keyfile;
mod keyfiles;
mod link;
mod wireguard;

use std::collections::BTreeMap;

use crate::node::network::{is_kernel_name, kernel_named};

pub use bond::{is_bond_option, wrong_bond_value};
pub(super) use ini::Ini;

use super::names::{path, unit, user};
use crate::diagnostic::Span;
use crate::facts::systems::{Facts, LinkManager};
use crate::names::InterfaceName;
use crate::node::Node;
use crate::node::fragment::{File, Fragment, Origin, Owner, Unit};
use crate::node::network::{Interface, InterfaceMatch, LinkKind};

/// What combines links into one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    Bond,
    Bridge,
}

/// How other links refer to a link.
#[derive(Debug, Default, Clone)]
struct Ties {
    /// The bond or bridge that it is a member of.
    master: Option<(Join, InterfaceName)>,
    /// The VRF whose routing table it has.
    vrf: Option<InterfaceName>,
    /// VLANs on top of it.
    vlans: Vec<InterfaceName>,
    /// Whether it is the bond's primary link.
    primary: bool,
    /// Where the first of these is in the spec.
    span: Option<Span>,
}

/// Links, addresses, routes and name servers.
pub fn network(node: &Node) -> Fragment {
    match node.target.facts().links {
        LinkManager::Networkd => networkd(node),
        LinkManager::NetworkManager => keyfiles::keyfiles(node),
    }
}

/// Keeps the system from managing the links that match `names`, of a part `of` the node.
pub(super) fn left_alone(
    target: &Facts,
    of: &str,
    names: &[&str],
    origin: &Origin,
) -> Option<File> {
    let (file, text) = match target.links {
        LinkManager::Networkd if target.services.takes_all_links => (
            format!("/etc/systemd/network/05-{of}.network"),
            format!(
                "[Match]\nName={}\n\n[Link]\nUnmanaged=yes\n",
                names.join(" ")
            ),
        ),
        LinkManager::Networkd => return None,
        // It would keep a link that has addresses as a connection of its own, and change it.
        LinkManager::NetworkManager => (
            format!("/etc/NetworkManager/conf.d/05-{of}.conf"),
            format!(
                "[keyfile]\nunmanaged-devices+=interface-name:{}\n",
                names.join(",interface-name:")
            ),
        ),
    };
    Some(File::text(path(&file), text, origin.clone()))
}

fn networkd(node: &Node) -> Fragment {
    let interfaces = &node.network.interfaces;
    let mut by_name = ties(interfaces);
    let mut fragment = Fragment::default();
    let mut add = |name: String, text: String, span: Span, is_secret: bool| {
        let path = path(&format!("/etc/systemd/network/{name}"));
        let file = File::text(path, text, Origin::new("network", span));
        fragment.files.push(if is_secret {
            for_networkd_alone(file)
        } else {
            file
        });
    };
    let has_time_servers = node.ntp.as_ref().is_some_and(|ntp| !ntp.servers.is_empty());
    for interface in interfaces {
        let stem = stem(interface);
        let name = interface.matching.name();
        let own = name
            .and_then(|name| by_name.remove(name))
            .unwrap_or_default();
        if let Some(text) = link::rename(interface) {
            add(format!("{stem}.link"), text, interface.span, false);
        }
        if let Some(text) = link::netdev(interface) {
            add(
                format!("{stem}.netdev"),
                text,
                interface.span,
                secret(interface),
            );
        }
        let text = link::network(interface, &own, has_time_servers);
        add(format!("{stem}.network"), text, interface.span, false);
    }
    // Members and parents that the spec names nowhere else.
    for (name, carried) in by_name {
        let span = carried.span.unwrap_or_default();
        add(
            format!("{}.network", stem_of(&name)),
            link::carrier(&name, &carried),
            span,
            false,
        );
    }
    fragment.files.extend(predictable_names(node));
    fragment.units.extend(online(interfaces));
    fragment
}

/// Whether the file that creates the link holds a key.
fn secret(interface: &Interface) -> bool {
    matches!(interface.kind, LinkKind::WireGuard(_))
}

/// `file` for the eyes of networkd, which reads its files as a user of its own.
fn for_networkd_alone(file: File) -> File {
    file.mode(0o640).owner(Owner {
        group: Some(user("systemd-network")),
        ..Owner::default()
    })
}

/// When the node is online, if not once every link of the spec is: a node that uses whichever card
/// has a network waits for the first, and a node without required links for none.
fn online(interfaces: &[Interface]) -> Option<Unit> {
    let name = unit("systemd-networkd-wait-online.service");
    let is_any = |interface: &&Interface| interface.matching == InterfaceMatch::AnyEthernet;
    if let Some(any) = interfaces.iter().find(is_any) {
        let text = "[Service]\nExecStart=\nExecStart=/usr/lib/systemd/systemd-networkd-wait-online --any\n";
        let origin = Origin::new("network", any.span);
        return Some(Unit::dropin(name, "60-any.conf", text, origin));
    }
    let optional = interfaces.first()?;
    if interfaces
        .iter()
        .any(|interface| interface.required_for_online)
    {
        return None;
    }
    Some(Unit {
        mask: Some(true),
        enabled: None,
        ..Unit::enable(name, Origin::new("network", optional.span))
    })
}

/// The `.link` file for a spec that uses predictable names: udev names every card by its location,
/// as on Debian.
fn predictable_names(node: &Node) -> Option<File> {
    let wanted = node.network.interfaces.iter().find(|interface| {
        interface.kind == LinkKind::Physical
            && matches!(&interface.matching, InterfaceMatch::Name(name) if !is_kernel_name(name))
    })?;
    if !kernel_named(node).is_empty() {
        return None;
    }
    let mut ini = Ini::default();
    ini.section("Match")
        .set("OriginalName", "*")
        .section("Link")
        .set("NamePolicy", "keep kernel database onboard slot path mac")
        .set("AlternativeNamesPolicy", "database onboard slot path mac")
        .set("MACAddressPolicy", "persistent");
    Some(File::text(
        path("/etc/systemd/network/90-predictable.link"),
        ini.into_text(),
        Origin::new("network", wanted.span),
    ))
}

/// The files' name without its ending. networkd takes the first file that matches a link, in the
/// order of names: patterns come after names and addresses, and the file that matches every card
/// comes after the user's own, but before that of Flatcar (`zz-default.network`).
fn stem(interface: &Interface) -> String {
    match &interface.matching {
        InterfaceMatch::Name(name)
        | InterfaceMatch::Mac {
            rename: Some(name), ..
        } => stem_of(name),
        InterfaceMatch::Mac { mac, rename: None } => format!("10-{}", mac.hyphenated()),
        InterfaceMatch::AnyEthernet => "zz-any-ethernet".to_owned(),
    }
}

fn stem_of(name: &InterfaceName) -> String {
    format!("{}-{name}", 10 + wideness(name))
}

/// 0 for a name. For a pattern a number from 1 to 15: the fewer characters it fixes, the higher.
fn wideness(name: &InterfaceName) -> usize {
    if !name.is_pattern() {
        return 0;
    }
    // A name has 15 characters at most.
    let wild = |character: char| matches!(character, '*' | '?' | '[' | ']');
    let fixed = name.as_str().chars().filter(|&c| !wild(c)).count();
    15_usize.saturating_sub(fixed).max(1)
}

/// The references between links, by name.
fn ties(interfaces: &[Interface]) -> BTreeMap<InterfaceName, Ties> {
    let mut by_name: BTreeMap<InterfaceName, Ties> = BTreeMap::new();
    for interface in interfaces {
        let Some(own) = interface.matching.name() else {
            continue;
        };
        match &interface.kind {
            LinkKind::Physical | LinkKind::WireGuard(_) => {}
            LinkKind::Vrf { members, .. } => {
                for member in members {
                    let tied = by_name.entry(member.value.clone()).or_default();
                    tied.vrf = Some(own.clone());
                    tied.span.get_or_insert(member.span);
                }
            }
            LinkKind::Bond {
                members, options, ..
            } => {
                for member in members {
                    let tied = by_name.entry(member.value.clone()).or_default();
                    tied.master = Some((Join::Bond, own.clone()));
                    tied.primary = options
                        .get("primary")
                        .is_some_and(|primary| primary == member.as_str());
                    tied.span.get_or_insert(member.span);
                }
            }
            LinkKind::Bridge { members, .. } => {
                for member in members {
                    let tied = by_name.entry(member.value.clone()).or_default();
                    tied.master = Some((Join::Bridge, own.clone()));
                    tied.span.get_or_insert(member.span);
                }
            }
            LinkKind::Vlan { parent, .. } => {
                let tied = by_name.entry(parent.value.clone()).or_default();
                tied.vlans.push(own.clone());
                tied.span.get_or_insert(parent.span);
            }
        }
    }
    by_name
}
