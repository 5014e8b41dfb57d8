//! Time servers.

use std::fmt::Write;

use super::names::path;
use crate::facts::systems::Clock;
use crate::node::fragment::{File, Fragment, Origin};
use crate::node::{Node, Ntp};

/// The servers of what sets the node's clock. Nothing where the spec names none: the system's own
/// stand then.
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

/// `chrony.conf(5)`, the whole of it: Fedora's reads no drop-ins. What is not about servers is as
/// in Fedora's own.
fn chrony(ntp: &Ntp) -> String {
    let mut text = String::new();
    for server in &ntp.servers {
        let _ = writeln!(text, "server {} iburst prefer", server.value);
    }
    // Without `prefer` a source counts only while no preferred one does.
    for server in &ntp.fallback {
        let _ = writeln!(text, "server {} iburst", server.value);
    }
    if ntp.servers.is_empty() {
        // Those that DHCP gives, where the spec names none before them.
        text.push_str("sourcedir /run/chrony-dhcp\n");
    }
    text.push_str(
        "driftfile /var/lib/chrony/drift\nmakestep 1.0 3\nrtcsync\nntsdumpdir /var/lib/chrony\nlogdir /var/log/chrony\n",
    );
    text
}
