//! The sections of WireGuard tunnels in networkd's files (`systemd.netdev(5)`) and in
//! `NetworkManager`'s (`nm-settings-keyfile(5)`).

use super::Ini;
use super::ini::list;
use crate::node::network::WireGuard;

/// The sections of a `.netdev` file. Networks of the peers get routes.
pub(super) fn netdev(ini: &mut Ini, tunnel: &WireGuard) {
    ini.section("WireGuard")
        .set("PrivateKey", &tunnel.private_key)
        .set_some("ListenPort", tunnel.port.map(|port| port.value))
        .set("RouteTable", "main");
    for peer in &tunnel.peers {
        ini.section("WireGuardPeer")
            .set("PublicKey", &peer.public_key.value)
            .set_some("PresharedKey", peer.preshared_key.as_ref())
            .set_some("Endpoint", peer.endpoint.as_ref())
            .set_each("AllowedIPs", peer.allowed_ips.iter().map(|net| net.value))
            .set_some("PersistentKeepalive", peer.keepalive);
    }
}

/// The sections of a keyfile, which gives routes to the networks of the peers by itself.
pub(super) fn keyfile(ini: &mut Ini, tunnel: &WireGuard) {
    ini.section("wireguard")
        .set("private-key", &tunnel.private_key)
        .set_some("listen-port", tunnel.port.map(|port| port.value));
    for peer in &tunnel.peers {
        let networks: Vec<_> = (peer.allowed_ips.iter()).map(|net| net.value).collect();
        ini.section(format!("wireguard-peer.{}", peer.public_key.value))
            .set_some("endpoint", peer.endpoint.as_ref())
            .set_some("preshared-key", peer.preshared_key.as_ref())
            .set_some(
                "preshared-key-flags",
                peer.preshared_key.as_ref().map(|_| 0),
            )
            .set_some("persistent-keepalive", peer.keepalive)
            .set("allowed-ips", list(&networks));
    }
}
