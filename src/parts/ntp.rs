//! Time servers.

use std::fmt::Write;

use super::names::path;
use crate::facts::systems::Clock;
use crate::node::fragment::{File, Fragment, Origin};
use crate::node::{Node, Ntp};

/// The servers of the node's time service. Nothing if the spec names none: the system's defaults
/// apply then.
pub fn ntp(node: &Node) -> Fragment {
    let Some(ntp) = &node.ntp else {
        return Fragment::default();
    };
    let (file, text) = match node.target.facts().clock {
        Clock::Timesyncd => (
            "/etc/systemd/timesyncd.conf.d/10-imgbuild.conf",
            timesyncd(ntp),
        ),
        Clock::Chrony => ("/etc/chrony.conf", chrony(ntp)),
    };
    Fragment {
        files: vec![File::text(path(file), text, Origin::new("ntp", ntp.span))],
        ..Fragment::default()
    }
}

/// `timesyncd.conf(5)`
fn timesyncd(ntp: &Ntp) -> String {
    let mut text = String::from("[Time]\n");
    for (key, servers) in [("NTP", &ntp.servers), ("FallbackNTP", &ntp.fallback)] {
        if !servers.is_empty() {
            let names: Vec<_> = servers.iter().map(|server| server.as_str()).collect();
            // Writing to a String does not fail, here and below.
            let _ = writeln!(text, "{key}={}", names.join(" "));
        }
    }
    text
}

/// The complete `chrony.conf(5)`: Fedora's reads no drop-ins. Everything but the servers is as in
/// Fedora's own.
fn chrony(ntp: &Ntp) -> String {
    let mut text = String::new();
    for server in &ntp.servers {
        let _ = writeln!(text, "server {} iburst prefer", server.value);
    }
    // Sources without `prefer` are used only while no preferred one is available.
    for server in &ntp.fallback {
        let _ = writeln!(text, "server {} iburst", server.value);
    }
    if ntp.servers.is_empty() {
        // Servers from DHCP, if the spec names no preferred ones.
        text.push_str("sourcedir /run/chrony-dhcp\n");
    }
    text.push_str(
        "driftfile /var/lib/chrony/drift\nmakestep 1.0 3\nrtcsync\nntsdumpdir /var/lib/chrony\nlogdir /var/log/chrony\n",
    );
    text
}
