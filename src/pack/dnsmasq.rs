//! Settings of dnsmasq(8) for a folder to boot machines from over the network.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::names::Arch;

use super::Machine;

/// A configuration of dnsmasq(8) that serves the folder. It gives machines the addresses that their
/// nodes have; the rest of what depends on the network is left for the user to fill in.
pub(super) fn settings(architectures: &BTreeSet<Arch>, machines: &[&Machine<'_>]) -> String {
    let facts: Vec<_> = architectures
        .iter()
        .flat_map(|arch| clients(*arch))
        .collect();
    let mut text = "\
# dnsmasq: boots the machines of this folder over the network.
#
# 1. Put iPXE's own files beside this one (Debian: package `ipxe`, /usr/lib/ipxe/).
# 2. Fill in the folder below, then: dnsmasq --conf-file=dnsmasq.conf
# 3. Payloads (nodes/*.cpio.gz) hold secrets and are readable by their owner alone: let the user
#    that dnsmasq runs as own them, and serve them on a network that you trust.

# This folder, as an absolute path:
#tftp-root=/srv/pxe

{ranges}
enable-tftp
port=0
dhcp-userclass=set:ipxe,iPXE
"
    .replace("{ranges}", &ranges(machines));
    for client in &facts {
        for number in client.numbers {
            // Writing to a String does not fail, here and below.
            let _ = writeln!(
                text,
                "dhcp-match=set:{},option:client-arch,{number}",
                client.tag
            );
        }
    }
    for Client { tag, loader, .. } in &facts {
        let _ = writeln!(text, "dhcp-boot=tag:!ipxe,tag:{tag},{loader}");
    }
    text.push_str(
        "\
dhcp-boot=tag:ipxe,boot.ipxe
# Over HTTP, which is faster, when a web server serves this folder:
#dhcp-boot=tag:ipxe,http://192.168.1.1/boot.ipxe

",
    );
    for machine in machines {
        for card in machine.cards {
            let _ = write!(text, "dhcp-host={},{}", card.mac, machine.hostname);
            if let Some(address) = card.address {
                let _ = write!(text, ",{}", address.addr());
            }
            text.push('\n');
        }
    }
    text.push('\n');
    let proxy = [("!ipxe", "iPXE"), ("ipxe", "imgbuild")];
    for (tag, title) in proxy {
        for Client { name, loader, .. } in &facts {
            let file = if tag == "ipxe" { "boot.ipxe" } else { loader };
            let _ = writeln!(text, "#pxe-service=tag:{tag},{name},\"{title}\",{file}");
        }
    }
    text
}

/// Machines that ask for the same boot program.
struct Client {
    /// The tag that dnsmasq gives them.
    tag: &'static str,
    /// Their client system architectures: RFC 4578 §2.1 and the IANA registry "Processor
    /// Architecture Types".
    numbers: &'static [u8],
    /// Their name in dnsmasq's `pxe-service`.
    name: &'static str,
    /// iPXE for them, as Debian names it.
    loader: &'static str,
}

/// The kinds of machines of `arch`.
fn clients(arch: Arch) -> &'static [Client] {
    match arch {
        Arch::Amd64 => &[
            Client {
                tag: "bios",
                numbers: &[0],
                name: "x86PC",
                loader: "undionly.kpxe",
            },
            Client {
                tag: "efi",
                numbers: &[7, 9],
                name: "X86-64_EFI",
                loader: "ipxe.efi",
            },
        ],
        Arch::Arm64 => &[Client {
            tag: "efi-arm64",
            numbers: &[11],
            name: "ARM64_EFI",
            loader: "ipxe-arm64.efi",
        }],
    }
}

/// The networks in which dnsmasq gives out addresses: those of the nodes, to the nodes alone.
fn ranges(machines: &[&Machine<'_>]) -> String {
    let mut networks: BTreeMap<Ipv4Net, Option<Ipv4Addr>> = BTreeMap::new();
    for card in machines.iter().flat_map(|machine| machine.cards) {
        if let Some(address) = card.address {
            let gateway = networks.entry(address.trunc()).or_default();
            *gateway = gateway.or(card.gateway);
        }
    }
    let mut text = String::new();
    // Writing to a String does not fail, here and below.
    if !networks.is_empty() {
        text.push_str("# The nodes' own addresses (dhcp-host below); no other machine gets one.\n");
    }
    for (number, (network, gateway)) in networks.iter().enumerate() {
        let (start, mask) = (network.network(), network.netmask());
        let _ = writeln!(text, "dhcp-range=set:net{number},{start},static,{mask}");
        if let Some(gateway) = gateway {
            let _ = writeln!(text, "dhcp-option=tag:net{number},option:router,{gateway}");
        }
    }
    let example = networks.keys().next().copied().unwrap_or(EXAMPLE);
    let host = |number: u32| Ipv4Addr::from(u32::from(example.network()) | number);
    let _ = write!(
        text,
        "\
# Addresses to give out to others:
#dhcp-range={},{},12h
# … or, beside another DHCP server and in place of the lines above, its network, with the
# pxe-service lines at the end:
#dhcp-range={},proxy
",
        host(100),
        host(199),
        example.network()
    );
    text
}

/// A network for examples, where the nodes have none.
const EXAMPLE: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 1, 0), 24);
