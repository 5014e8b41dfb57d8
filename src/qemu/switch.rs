//! An Ethernet switch between the machines of a cluster, over Unix sockets.
//!
//! Every machine keeps a user network of its own, with the same gateway address in each: frames from and to the gateway stay
//! on the machine's side, all others reach every other machine. So a node needs one card only, as in its spec, and the
//! machines come and go as they like.

use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::Context;

/// QEMU's user network has MAC addresses that start so (libslirp `special_ethaddr`).
const GATEWAY_PREFIX: [u8; 2] = [0x52, 0x55];

/// How long a machine may keep its input full before frames for it are dropped, as a real switch does.
const PATIENCE: Duration = Duration::from_millis(100);

/// The longest frame that QEMU sends: a segment of 64 KiB not yet cut, its headers and a VLAN tag.
const LONGEST_FRAME: usize = 65536 + 64;

/// A switch with a port for every machine that asked for one. Dropping it cuts all of them.
#[derive(Debug)]
pub struct Switch {
    folder: tempfile::TempDir,
    ports: Ports,
}

/// The machines' sockets by port: where frames go.
type Ports = Arc<Mutex<BTreeMap<String, PathBuf>>>;

impl Switch {
    /// A switch without machines.
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("imgbuild-switch-")
            .tempdir()
            .context("making a folder for the switch")?;
        Ok(Self {
            folder,
            ports: Ports::default(),
        })
    }

    /// The port named `machine`, made on first use: the socket that QEMU binds and the one that it sends to.
    pub(super) fn port(&self, machine: &str) -> anyhow::Result<(PathBuf, PathBuf)> {
        let theirs = self.folder.path().join(format!("{machine}.machine"));
        let ours = self.folder.path().join(format!("{machine}.switch"));
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        if ports.contains_key(machine) {
            // The machine comes back, after a power cut perhaps: QEMU does not bind a path that is taken.
            if theirs.exists() {
                std::fs::remove_file(&theirs).context("freeing the port of the switch")?;
            }
        } else {
            let socket = UnixDatagram::bind(&ours)
                .and_then(|socket| socket.set_write_timeout(Some(PATIENCE)).map(|()| socket))
                .with_context(|| format!("making a port of the switch at {}", ours.display()))?;
            ports.insert(machine.to_owned(), theirs.clone());
            let name = machine.to_owned();
            let ports = Arc::clone(&self.ports);
            thread::spawn(move || forward(&name, &socket, &ports));
        }
        Ok((theirs, ours))
    }
}

/// Tells every port to stop, by a frame that is too short to be one.
impl Drop for Switch {
    fn drop(&mut self) {
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        let names: Vec<String> = std::mem::take(&mut *ports).into_keys().collect();
        drop(ports);
        for name in names {
            let ours = self.folder.path().join(format!("{name}.switch"));
            stop(&ours);
        }
    }
}

/// Ends the thread behind the port at `ours`. If that fails the thread sleeps on until the process ends, which harms nothing.
fn stop(ours: &Path) {
    if let Ok(socket) = UnixDatagram::unbound() {
        let _ = socket.send_to(&[0], ours);
    }
}

/// Hands on what comes from the machine `name` to all others until the switch is gone.
fn forward(name: &str, socket: &UnixDatagram, ports: &Ports) {
    let mut frame = vec![0; LONGEST_FRAME];
    while let Ok(length) = socket.recv(&mut frame) {
        let targets: Vec<PathBuf> = {
            let ports = ports.lock().unwrap_or_else(PoisonError::into_inner);
            if ports.is_empty() {
                return;
            }
            let others = ports.iter().filter(|(port, _)| *port != name);
            others.map(|(_, path)| path.clone()).collect()
        };
        if !crosses(&frame[..length]) {
            continue;
        }
        for path in targets {
            // A machine that is off or too slow misses the frame, as on a real wire.
            let _ = socket.send_to(&frame[..length], path);
        }
    }
}

/// Whether a frame leaves the machine's side: not if it is the gateway's or for the gateway.
fn crosses(frame: &[u8]) -> bool {
    let Some((target, rest)) = frame.split_at_checked(6) else {
        return false;
    };
    rest.len() >= 8 && !target.starts_with(&GATEWAY_PREFIX) && !rest.starts_with(&GATEWAY_PREFIX)
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

    #[test]
    fn the_gateway_stays_on_its_side() {
        for (name, frame, expected) in [
            ("node to node", frame(NODE, NODE), true),
            ("node to everyone", frame(EVERYONE, NODE), true),
            ("node to gateway", frame(GATEWAY, NODE), false),
            ("gateway to node", frame(NODE, GATEWAY), false),
            ("gateway to everyone", frame(EVERYONE, GATEWAY), false),
            ("too short", vec![0xff; 13], false),
            ("empty", Vec::new(), false),
        ] {
            assert_eq!(crosses(&frame), expected, "{name}");
        }
    }

    #[test]
    fn machines_come_and_go() {
        let switch = Switch::new().unwrap();
        let machine = |name: &str| {
            let (theirs, ours) = switch.port(name).unwrap();
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
