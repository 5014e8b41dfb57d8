//! Interfaces of one node: names, cards, and how links are built on others.

use std::collections::{BTreeMap, BTreeSet};

use super::Once;
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::facts::network::Dhcp;
use crate::names::InterfaceName;
use crate::node::Node;
use crate::node::network::{Interface, InterfaceMatch, LinkKind, Network, kernel_named};

pub(super) fn check(node: &Node, found: &mut Vec<Diagnostic>) {
    let interfaces = &node.network.interfaces;
    duplicates(interfaces, found);
    let by_name: BTreeMap<&InterfaceName, &Interface> = interfaces
        .iter()
        .filter_map(|i| Some((i.matching.name()?, i)))
        .collect();
    parts_of_links(interfaces, &by_name, found);
    patterns(interfaces, found);
    loops(interfaces, &by_name, found);
    vlans(interfaces, &by_name, found);
    kernel_names(node, found);
}

fn duplicates(interfaces: &[Interface], found: &mut Vec<Diagnostic>) {
    let mut names = Once::new(
        codes::DUPLICATE_INTERFACE,
        "write one entry with all its settings",
    );
    let mut cards = Once::new(
        codes::DUPLICATE_MAC,
        "a MAC address belongs to one card: write one entry with all its settings",
    );
    for interface in interfaces {
        if let Some(name) = interface.matching.name() {
            found.extend(names.see(name, interface.span, || {
                format!("two interfaces are named `{name}`")
            }));
            if name.as_str() == "lo" {
                found.push(
                    Diagnostic::error(
                        codes::LOOPBACK_INTERFACE,
                        interface.span,
                        "the loopback interface cannot be configured",
                    )
                    .help("it always has 127.0.0.1 and ::1; assign the node's addresses to a card"),
                );
            }
        }
        if let InterfaceMatch::Mac { mac, .. } = interface.matching {
            found.extend(cards.see(mac, interface.span, || {
                format!("two interfaces have the MAC address {mac}")
            }));
        }
    }
}

/// Refuses patterns where one link is meant: links that are created, cards that are renamed, and
/// parents of VLANs.
fn patterns(interfaces: &[Interface], found: &mut Vec<Diagnostic>) {
    for interface in interfaces {
        let own = interface.matching.name();
        let role = match (&interface.kind, &interface.matching) {
            (LinkKind::Vlan { parent, .. }, _) if parent.value.is_pattern() => {
                found.push(pattern(&parent.value, parent.span, "the parent of a VLAN"));
                continue;
            }
            (LinkKind::Physical, InterfaceMatch::Mac { .. }) => "the new name of a card",
            (LinkKind::Physical, _) => continue,
            (_, _) => "the name of a link",
        };
        if let Some(name) = own.filter(|name| name.is_pattern()) {
            found.push(pattern(name, interface.span, role));
        }
    }
}

fn pattern(name: &InterfaceName, span: Span, role: &str) -> Diagnostic {
    Diagnostic::error(
        codes::BAD_INTERFACE_NAME,
        span,
        format!("`{name}` matches several cards, but {role} is one"),
    )
    .help("write a name without `*`, `?` and `[`")
}

/// Checks members of bonds and bridges, and parents of VLANs.
fn parts_of_links(
    interfaces: &[Interface],
    by_name: &BTreeMap<&InterfaceName, &Interface>,
    found: &mut Vec<Diagnostic>,
) {
    let mut used = Once::new(
        codes::MEMBER_TWICE,
        "make each interface a member of one bond, bridge or VRF only",
    );
    for interface in interfaces {
        let role = match interface.kind {
            LinkKind::Physical | LinkKind::WireGuard(_) => continue,
            LinkKind::Vlan { .. } => "the parent of a VLAN",
            LinkKind::Bond { .. } => "a bond member",
            LinkKind::Bridge { .. } => "a bridge member",
            LinkKind::Vrf { .. } => "a VRF's member",
        };
        for part in interface.kind.parts() {
            let card = by_name.get(&part.value);
            if card.is_none() && !may_be_a_card(part.as_str()) {
                found.push(unknown(part, role, by_name.keys().copied()));
                continue;
            }
            if matches!(interface.kind, LinkKind::Vlan { .. }) {
                continue;
            }
            found.extend(used.see(&part.value, part.span, || {
                format!("`{}` is a member of two links", part.value)
            }));
            let Some(card) = card.filter(|_| !matches!(interface.kind, LinkKind::Vrf { .. }))
            else {
                continue;
            };
            if card.dhcp != Dhcp::No
                || !card.addresses.is_empty()
                || !card.gateways.is_empty()
                || !card.routes.is_empty()
            {
                found.push(
                    Diagnostic::error(
                        codes::MEMBER_WITH_ADDRESSES,
                        card.span,
                        format!("`{}` is {role} and has its own addresses", part.value),
                    )
                    .related(part.span, "used as a member here")
                    .help("move addresses, routes and DHCP to the bond or bridge"),
                );
            }
        }
    }
}

/// Returns whether a card may have the name without being in the spec: the kernel's `eth0`, or a
/// name that udev gives by location (`systemd.net-naming-scheme(7)`: `en`, `wl`, `ww`, `ib` or
/// `sl`, then `o`, `s`, `p`, `x`, `P`, `v`, `a` or `i`).
fn may_be_a_card(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if name.strip_prefix("eth").is_some_and(digits) {
        return true;
    }
    let kinds = ["en", "wl", "ww", "ib", "sl"];
    let place = kinds.iter().find_map(|kind| name.strip_prefix(kind));
    place.is_some_and(|place| {
        place.starts_with(['o', 's', 'p', 'x', 'P', 'v', 'a', 'i'])
            && place.contains(|c: char| c.is_ascii_hexdigit())
    })
}

/// Warns of several cards under the kernel's names.
fn kernel_names(node: &Node, found: &mut Vec<Diagnostic>) {
    let named = kernel_named(node);
    // Their order does not matter for members of the same link.
    let together = node.network.interfaces.iter().any(|interface| {
        let parts = interface.kind.parts();
        named
            .iter()
            .all(|(name, _)| parts.iter().any(|part| part.value == **name))
    });
    if together {
        return;
    }
    if let [(first, _), .., (last, span)] = named.as_slice() {
        found.push(
            Diagnostic::warning(
                codes::KERNEL_NAMES,
                *span,
                format!(
                    "the kernel may number the cards differently and swap `{first}` and `{last}`"
                ),
            )
            .help("add each card's `mac:`, and use names other than eth0, eth1 …"),
        );
    }
}

/// Reports a name that no interface of the node has.
fn unknown<'a>(
    name: &Located<InterfaceName>,
    role: &str,
    known: impl Iterator<Item = &'a InterfaceName>,
) -> Diagnostic {
    let known: BTreeSet<_> = known.collect();
    let diagnostic = Diagnostic::error(
        codes::UNKNOWN_INTERFACE,
        name.span,
        format!("`{}`, {role}, is not an interface of this node", name.value),
    );
    if known.is_empty() {
        diagnostic.help(format!("add `- name: {}` under `interfaces:`", name.value))
    } else {
        let known: Vec<_> = known.into_iter().map(|name| format!("`{name}`")).collect();
        diagnostic.help(format!(
            "its interfaces are {}; to define another one, add `- name: {}` under `interfaces:`",
            known.join(", "),
            name.value
        ))
    }
}

/// Reports an interface in another section that none of `network` can be. A card without a name in
/// the spec may have any.
pub(crate) fn unknown_interface(
    network: &Network,
    name: &Located<InterfaceName>,
    role: &str,
) -> Option<Diagnostic> {
    let nameless = network.interfaces.iter().any(|interface| {
        matches!(
            interface.matching,
            InterfaceMatch::AnyEthernet | InterfaceMatch::Mac { rename: None, .. }
        )
    });
    let names = || (network.interfaces.iter()).filter_map(|interface| interface.matching.name());
    let known = nameless || may_be_a_card(name.as_str()) || names().any(|own| *own == name.value);
    (!known).then(|| unknown(name, role, names()))
}

/// Follows every link down to its parts; one that leads back to itself is reported where the loop
/// closes.
fn loops(
    interfaces: &[Interface],
    by_name: &BTreeMap<&InterfaceName, &Interface>,
    found: &mut Vec<Diagnostic>,
) {
    // Depth first, without recursion: a chain may be as long as the spec.
    let mut done = BTreeSet::new();
    for interface in interfaces {
        let Some(start) = interface.matching.name() else {
            continue;
        };
        if done.contains(start) {
            continue;
        }
        let mut above = BTreeSet::from([start]);
        let mut path = vec![(start, interface.kind.parts().iter())];
        while let Some((name, parts)) = path.last_mut() {
            let Some(part) = parts.next() else {
                above.remove(*name);
                done.insert(*name);
                path.pop();
                continue;
            };
            if above.contains(&part.value) {
                found.push(
                    Diagnostic::error(
                        codes::INTERFACE_LOOP,
                        part.span,
                        format!("`{}` is built on itself", part.value),
                    )
                    .help(
                        "bonds, bridges and VLANs must be built on other interfaces, down to a \
                           card",
                    ),
                );
            } else if !done.contains(&part.value)
                && let Some(below) = by_name.get(&part.value)
            {
                above.insert(&part.value);
                path.push((&part.value, below.kind.parts().iter()));
            }
        }
    }
}

fn vlans(
    interfaces: &[Interface],
    by_name: &BTreeMap<&InterfaceName, &Interface>,
    found: &mut Vec<Diagnostic>,
) {
    let mut ids = Once::new(codes::DUPLICATE_VLAN, "keep one of the two");
    for interface in interfaces {
        let LinkKind::Vlan { id, parent } = &interface.kind else {
            continue;
        };
        found.extend(ids.see((&parent.value, id.value), id.span, || {
            format!("VLAN {} of `{}` is defined twice", id.value, parent.value)
        }));
        let below = by_name.get(&parent.value).and_then(|parent| parent.mtu);
        if let (Some(mtu), Some(most)) = (interface.mtu, below)
            && mtu.value > most.value
        {
            found.push(
                Diagnostic::error(
                    codes::MTU_ABOVE_PARENT,
                    mtu.span,
                    format!(
                        "the VLAN's MTU of {} exceeds the {} of `{}`",
                        mtu.value, most.value, parent.value
                    ),
                )
                .help("a VLAN's MTU must not exceed its parent's"),
            );
        }
    }
}
