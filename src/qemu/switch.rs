//! An Ethernet switch between the machines of a cluster, over Unix sockets.
//!
//! Every machine has its own user network, with the same gateway address in each. The switch is
//! between it and the machine's card: frames for the gateway go to the machine's own gateway,
//! frames for another machine only to that machine, since a user network forwards every packet that
//! it sees to the outside. So a node needs only one card, as in its spec, and machines can start
//! and stop at any time.

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Context;

/// The prefix of MAC addresses of QEMU's user network (libslirp `special_ethaddr`).
const GATEWAY_PREFIX: [u8; 2] = [0x52, 0x55];

/// How long a machine's input may be full before frames for it are dropped, as by a real switch.
const PATIENCE: Duration = Duration::from_millis(100);

/// The longest frame that QEMU sends: a segment of 64 KiB not yet segmented, its headers and a VLAN
/// tag.
const FRAME_MAX: usize = 65536 + 64;

/// The shortest frame: two addresses and a type (IEEE 802.3 §3.1.1), without padding.
const FRAME_MIN: usize = 14;

/// A switch with a port for every machine that requested one. Dropping it disconnects all of them.
#[derive(Debug)]
pub struct Switch {
    folder: tempfile::TempDir,
    ports: Ports,
}

/// The sockets of one machine's port. QEMU binds the first of each pair and sends to the second.
#[derive(Debug, Clone)]
pub(super) struct Port {
    /// The sockets of the machine's network card.
    pub card: (PathBuf, PathBuf),
    /// The sockets of its user network.
    pub gateway: (PathBuf, PathBuf),
}

/// Address of a station (IEEE 802 §8).
type Address = [u8; 6];

/// The state of the switch.
#[derive(Debug, Default)]
struct Table {
    /// All ports, by the machine's name.
    ports: BTreeMap<String, Port>,
    /// The port from which a station was last heard. A machine and its pods' bridges have few
    /// stations, so none is ever removed.
    stations: BTreeMap<Address, String>,
}

type Ports = Arc<Mutex<Table>>;

impl Switch {
    /// A switch without machines.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("imgbuild-switch-")
            .tempdir()
            .context("creating a folder for the switch")?;
        Ok(Self {
            folder,
            ports: Ports::default(),
        })
    }

    /// The port of `machine`, created on first use.
    pub(super) fn port(&self, machine: &str) -> anyhow::Result<Port> {
        let mut table = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        let ports = &mut table.ports;
        if let Some(port) = ports.get(machine) {
            // The machine was started again, perhaps after a power cut: QEMU does not bind an
            // existing path.
            for (theirs, _) in [&port.card, &port.gateway] {
                if theirs.exists() {
                    std::fs::remove_file(theirs).context("freeing the port of the switch")?;
                }
            }
            return Ok(port.clone());
        }
        // Numbers, since names of machines may be longer than the path of a socket can be.
        let number = ports.len();
        let path = |end: &str| self.folder.path().join(format!("{number}-{end}"));
        let port = Port {
            card: (path("card"), path("card-switch")),
            gateway: (path("gateway"), path("gateway-switch")),
        };
        let sides = [(Side::Card, &port.card.1), (Side::Gateway, &port.gateway.1)];
        for (side, ours) in sides {
            let socket = UnixDatagram::bind(ours)
                .and_then(|socket| socket.set_write_timeout(Some(PATIENCE)).map(|()| socket))
                .with_context(|| format!("creating a port of the switch at {}", ours.display()))?;
            let name = machine.to_owned();
            let ports = Arc::clone(&self.ports);
            thread::spawn(move || forward(&name, side, &socket, &ports));
        }
        ports.insert(machine.to_owned(), port.clone());
        Ok(port)
    }
}

/// Wakes the threads of all ports, which then find that the ports are gone.
impl Drop for Switch {
    fn drop(&mut self) {
        let mut table = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = std::mem::take(&mut table.ports);
        drop(table);
        let Ok(socket) = UnixDatagram::unbound() else {
            // They sleep until the process ends, which does no harm.
            return;
        };
        for port in gone.into_values() {
            for (_, ours) in [port.card, port.gateway] {
                let _ = socket.send_to(&[0], ours);
            }
        }
    }
}

/// The side of a port that a frame comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Card,
    Gateway,
}

/// Forwards frames from one side of the port of `name` until the switch is gone.
fn forward(name: &str, side: Side, socket: &UnixDatagram, ports: &Ports) {
    let mut frame = vec![0; FRAME_MAX];
    while let Ok(length) = socket.recv(&mut frame) {
        let targets = {
            let mut table = ports.lock().unwrap_or_else(PoisonError::into_inner);
            if table.ports.is_empty() {
                return;
            }
            table.targets(name, side, &frame[..length])
        };
        for path in targets {
            // A machine that is off or too slow misses the frame, as on a real network.
            let _ = socket.send_to(&frame[..length], path);
        }
    }
}

impl Table {
    /// The sockets of QEMU that a frame is sent to. Learns the port of its sender.
    fn targets(&mut self, name: &str, side: Side, frame: &[u8]) -> Vec<PathBuf> {
        let Some(own) = self.ports.get(name) else {
            return Vec::new();
        };
        if frame.len() < FRAME_MIN {
            return Vec::new();
        }
        if side == Side::Gateway {
            return vec![own.card.0.clone()];
        }
        if frame.starts_with(&GATEWAY_PREFIX) {
            return vec![own.gateway.0.clone()];
        }
        let (target, source) = (address(&frame[..6]), address(&frame[6..12]));
        if !is_group(source) && self.stations.get(&source).is_none_or(|port| port != name) {
            self.stations.insert(source, name.to_owned());
        }
        if is_group(target) {
            let mut targets = vec![own.gateway.0.clone()];
            targets.extend(self.others(name));
            return targets;
        }
        match self
            .stations
            .get(&target)
            .and_then(|port| self.ports.get_key_value(port))
        {
            Some((port, _)) if port == name => Vec::new(),
            Some((_, port)) => vec![port.card.0.clone()],
            None => self.others(name).collect(),
        }
    }

    fn others(&self, name: &str) -> impl Iterator<Item = PathBuf> {
        let others = self.ports.iter().filter(move |(port, _)| *port != name);
        others.map(|(_, port)| port.card.0.clone())
    }
}

fn address(bytes: &[u8]) -> Address {
    bytes.try_into().expect("six bytes")
}

/// The lowest bit of an address's first byte marks a group (IEEE 802 §8.2.2).
fn is_group(address: Address) -> bool {
    address[0] & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of 60 bytes between two stations, each named by the start of its address.
    fn frame(target: [u8; 3], source: [u8; 3]) -> Vec<u8> {
        let mut frame = vec![0; 60];
        frame[..3].copy_from_slice(&target);
        frame[6..9].copy_from_slice(&source);
        frame
    }

    const NODE: [u8; 3] = [0x52, 0x54, 0x00];
    const GATEWAY: [u8; 3] = [0x52, 0x55, 0x0a];
    const EVERYONE: [u8; 3] = [0xff; 3];
    const OTHER: [u8; 3] = [0x52, 0x54, 0x01];

    #[test]
    fn ways_of_frames() {
        let switch = Switch::new().unwrap();
        for name in ["a", "b", "c"] {
            switch.port(name).unwrap();
        }
        let mut table = switch.ports.lock().unwrap();
        for (name, side, frame, expected) in [
            (
                "node to one that was not heard yet",
                Side::Card,
                frame(OTHER, NODE),
                &["1-card", "2-card"][..],
            ),
            (
                "node to everyone",
                Side::Card,
                frame(EVERYONE, NODE),
                &["0-gateway", "1-card", "2-card"],
            ),
            (
                "node to gateway",
                Side::Card,
                frame(GATEWAY, NODE),
                &["0-gateway"],
            ),
            (
                "gateway to node",
                Side::Gateway,
                frame(NODE, GATEWAY),
                &["0-card"],
            ),
            (
                "gateway to everyone",
                Side::Gateway,
                frame(EVERYONE, GATEWAY),
                &["0-card"],
            ),
            (
                "node to one behind its own port",
                Side::Card,
                frame(NODE, OTHER),
                &[],
            ),
            ("too short", Side::Card, vec![0xff; 13], &[]),
            ("empty", Side::Card, Vec::new(), &[]),
        ] {
            let found = table.targets("a", side, &frame);
            let found: Vec<_> = found
                .iter()
                .map(|path| path.file_name().unwrap().to_str().unwrap())
                .collect();
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn a_station_is_found_where_it_was_heard_last() {
        let switch = Switch::new().unwrap();
        for name in ["a", "b", "c"] {
            switch.port(name).unwrap();
        }
        let mut table = switch.ports.lock().unwrap();
        for heard in ["b", "c"] {
            table.targets(heard, Side::Card, &frame(EVERYONE, OTHER));
            let found = table.targets("a", Side::Card, &frame(OTHER, NODE));
            assert_eq!(found, [table.ports[heard].card.0.clone()], "{heard}");
        }
    }

    #[test]
    fn machines_come_and_go() {
        let switch = Switch::new().unwrap();
        let machine = |name: &str| {
            let (theirs, ours) = switch.port(name).unwrap().card;
            let socket = UnixDatagram::bind(theirs).unwrap();
            socket
                .set_read_timeout(Some(Duration::from_secs(10)))
                .unwrap();
            (socket, ours)
        };
        let (a, to_switch) = machine("a");
        let (b, _) = machine("b");
        let sent = frame(EVERYONE, NODE);
        let mut received = [0; 2048];
        a.send_to(&sent, &to_switch).unwrap();
        assert_eq!(b.recv(&mut received).unwrap(), 60);
        drop(b);
        a.send_to(&sent, &to_switch).unwrap();
        let (b, _) = machine("b");
        let (c, _) = machine("c");
        a.send_to(&sent, &to_switch).unwrap();
        assert_eq!(c.recv(&mut received).unwrap(), 60);
        assert_eq!(b.recv(&mut received).unwrap(), 60);
    }
}
