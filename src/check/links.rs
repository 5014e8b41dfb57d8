//! What the target's link manager, or its naming of cards, does not support.

use crate::diagnostic::{Diagnostic, Span, codes};
use crate::facts::systems::LinkManager;
use crate::node::Node;
use crate::node::network::{
    Interface, InterfaceMatch, IpVersion, kernel_named, takes_routes, takes_settings,
};

/// The kernel argument by which udev keeps the kernel's names of cards
/// (`systemd-udevd.service(8)`).
const KERNEL_NAMES: &str = "net.ifnames=0";

pub(super) fn check(node: &Node, found: &mut Vec<Diagnostic>) {
    let facts = node.target.facts();
    if facts.links == LinkManager::NetworkManager {
        for interface in &node.network.interfaces {
            settings(interface, found);
        }
    }
    let mut arguments = node.kernel_arguments.iter();
    if facts.predictable_names && !arguments.any(|argument| argument.value == KERNEL_NAMES) {
        for (name, span) in kernel_named(node) {
            found.push(
                Diagnostic::warning(
                    codes::NO_SUCH_CARD,
                    span,
                    format!("no card is named `{name}` on {}", facts.title),
                )
                .label("it names cards by their location, such as enp1s0")
                .help(format!(
                    "add the card's `mac:`, or `kernel_arguments: [{KERNEL_NAMES}]` if imgbuild \
                     sets the kernel's arguments"
                )),
            );
        }
    }
}

/// Reports settings for an IP version that the link does not have.
fn settings(interface: &Interface, found: &mut Vec<Diagnostic>) {
    if interface.matching == InterfaceMatch::AnyEthernet {
        return;
    }
    let mut refuse = |version: IpVersion, span: Span, what: String| {
        let name = match version {
            IpVersion::V4 => "IPv4",
            IpVersion::V6 => "IPv6",
        };
        found.push(
            Diagnostic::error(
                codes::NOT_ON_THIS_LINK,
                span,
                format!("NetworkManager does not accept {what} on a link without {name}"),
            )
            .help(format!(
                "move it to a link that has {name} addresses, or DHCP for them"
            )),
        );
    };
    for server in &interface.dns {
        let version = IpVersion::of(server.value);
        if !takes_settings(interface, version) {
            refuse(
                version,
                server.span,
                format!("name server {}", server.value),
            );
        }
    }
    for route in &interface.routes {
        let version = IpVersion::of(route.destination.addr());
        if !takes_routes(interface, version) {
            let what = format!("a route to {}", route.destination.trunc());
            refuse(version, route.destination.span, what);
        }
    }
    let takes_domains = [IpVersion::V4, IpVersion::V6]
        .into_iter()
        .any(|version| takes_settings(interface, version));
    if let Some(first) = interface.search.first()
        && !takes_domains
    {
        refuse(IpVersion::V4, first.span, "search domains".to_owned());
    }
}
