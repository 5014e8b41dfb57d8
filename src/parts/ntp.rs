//! Time servers, for systemd-timesyncd.

use std::fmt::Write;

use super::names::path;
use super::{File, Fragment, Origin};
use crate::plan::Node;

/// `/etc/systemd/timesyncd.conf.d/10-imgbuild.conf` (`timesyncd.conf(5)`). Nothing where the spec names no servers: Debian's
/// own stand then.
pub fn ntp(node: &Node) -> Fragment {
    let Some(ntp) = &node.ntp else {
        return Fragment::default();
    };
    let mut text = String::from("[Time]\n");
    for (key, servers) in [("NTP", &ntp.servers), ("FallbackNTP", &ntp.fallback)] {
        if !servers.is_empty() {
            let names: Vec<_> = servers.iter().map(|server| server.as_str()).collect();
            let _ = writeln!(text, "{key}={}", names.join(" "));
        }
    }
    Fragment {
        files: vec![File::text(
            path("/etc/systemd/timesyncd.conf.d/10-imgbuild.conf"),
            text,
            Origin::new("ntp", ntp.span),
        )],
        ..Fragment::default()
    }
}
