//! The sections of networkd's own DHCP client and server (`systemd.network(5)`).

use std::net::{IpAddr, Ipv4Addr};

use super::Ini;
use crate::facts::network::Dhcp;
use crate::node::network::{DhcpServer, Interface};

/// The sections of the client.
pub(super) fn client(ini: &mut Ini, interface: &Interface, has_time_servers: bool) {
    let v4 = matches!(interface.dhcp, Dhcp::V4 | Dhcp::Both);
    let v6 = matches!(interface.dhcp, Dhcp::V6 | Dhcp::Both);
    let metric = interface.dhcp_client.metric;
    if v4 {
        ini.section("DHCPv4")
            .set("ClientIdentifier", interface.dhcp_client.id.as_str())
            .set("UseHostname", "no")
            .set_some("RouteMetric", metric);
        of_both(ini, interface, has_time_servers);
    }
    if v6 {
        ini.section("DHCPv6")
            .set("DUIDType", "link-layer")
            .set("UseHostname", "no");
        of_both(ini, interface, has_time_servers);
    }
    if v6 && (!interface.dns.is_empty() || metric.is_some()) {
        ini.section("IPv6AcceptRA")
            .set_some("UseDNS", (!interface.dns.is_empty()).then_some("no"))
            .set_some("RouteMetric", metric);
    }
}

/// If the spec names the servers, those of the network are ignored.
fn of_both(ini: &mut Ini, interface: &Interface, has_time_servers: bool) {
    if !interface.dns.is_empty() {
        ini.set("UseDNS", "no");
    }
    if has_time_servers {
        ini.set("UseNTP", "no");
    }
}

/// The sections of the server.
pub(super) fn server(ini: &mut Ini, interface: &Interface, server: &DhcpServer) {
    ini.section("DHCPServer");
    if let (Some(range), Some(network)) = (&server.range, network(interface)) {
        let (first, last) = range.value;
        // Counted from the network's own address.
        ini.set("PoolOffset", u32::from(first) - u32::from(network))
            .set("PoolSize", u32::from(last) - u32::from(first) + 1);
    }
    // Else systemd 256 and later serve nobody until a service says that there is a place for leases
    // which outlives a boot.
    ini.set("PersistLeases", "no")
        .set("DefaultLeaseTimeSec", server.lease_time)
        .set("MaxLeaseTimeSec", server.lease_time)
        .set_some("Router", server.gateway.map(|gateway| gateway.value))
        .set("EmitDNS", if server.dns.is_empty() { "no" } else { "yes" })
        .set_each("DNS", server.dns.iter().map(|server| server.value));
    for (card, address) in &server.leases {
        ini.section("DHCPServerStaticLease")
            .set("MACAddress", card.value)
            .set("Address", address.value);
    }
}

/// The network that the server gives addresses of: that of the link's first address of IPv4.
fn network(interface: &Interface) -> Option<Ipv4Addr> {
    interface
        .addresses
        .iter()
        .find_map(|address| match address.network() {
            IpAddr::V4(network) => Some(network),
            IpAddr::V6(_) => None,
        })
}
