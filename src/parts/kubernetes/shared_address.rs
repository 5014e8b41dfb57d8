//! The address that control planes share, and each node's way to all of them: keepalived and
//! `HAProxy`, which the base brings.

use std::net::IpAddr;

use crate::node::fragment::{File, Fragment, Origin, Unit};
use crate::node::kubernetes::Kubernetes;
use crate::node::shared_address::{Holder, SharedAddress};
use crate::parts::names::{path, unit};
use crate::parts::template::fill;

/// The balancer, and on a control plane what holds the address. Nothing without a shared address.
pub fn shared_address(kubernetes: &Kubernetes) -> Fragment {
    let Some(shared) = &kubernetes.endpoint.shared else {
        return Fragment::default();
    };
    let origin = Origin::new("shared address", shared.address.span);
    let mut fragment = balancer(kubernetes, shared, &origin);
    if let Some(holder) = &shared.holder {
        let held = held(kubernetes, shared, holder, &origin);
        fragment.files.extend(held.files);
        fragment.units.extend(held.units);
    }
    fragment
}

fn balancer(kubernetes: &Kubernetes, shared: &SharedAddress, origin: &Origin) -> Fragment {
    let own = shared.holder.as_ref().map(|_| &kubernetes.node_name);
    // A control plane's kubelet may be newer than the other API servers while they are upgraded:
    // it goes to them only without its own.
    let servers: Vec<_> = (shared.planes.iter())
        .map(|api| {
            let rest = match own {
                None => "",
                Some(own) if *own == api.node => " on-marked-up shutdown-backup-sessions",
                Some(_) => " backup",
            };
            format!("\tserver {} {}{rest}", api.node, api.address)
        })
        .collect();
    let readiness = own.map_or_else(String::new, |own| {
        fill(
            include_str!("../../../manifests/haproxy-readiness.cfg"),
            &[
                ("readiness", &shared.readiness().to_string()),
                ("node", own),
            ],
        )
    });
    let config = fill(
        include_str!("../../../manifests/haproxy.cfg"),
        &[
            ("balancer", &shared.balancer().to_string()),
            ("servers", &servers.join("\n")),
            ("readiness", readiness.trim_end()),
        ],
    );
    Fragment {
        files: vec![File::text(
            path("/etc/haproxy/haproxy.cfg"),
            format!("{}\n", config.trim_end()),
            origin.clone(),
        )],
        units: vec![Unit::enabled(
            unit("haproxy.service"),
            include_str!("../../../manifests/haproxy.service"),
            origin.clone(),
        )],
        ..Fragment::default()
    }
}

fn held(
    kubernetes: &Kubernetes,
    shared: &SharedAddress,
    holder: &Holder,
    origin: &Origin,
) -> Fragment {
    let address = shared.address.value;
    // The kernel would otherwise choose a host's IPv6 address as the source of connections.
    let (length, lifetime) = match address {
        IpAddr::V4(_) => (32, ""),
        IpAddr::V6(_) => (128, " preferred_lft 0"),
    };
    let config = fill(
        include_str!("../../../manifests/keepalived.conf"),
        &[
            ("node", &kubernetes.node_name),
            ("interface", holder.interface.as_str()),
            ("id", &shared.virtual_router_id.value.to_string()),
            ("peers", &peers(holder)),
            ("address", &format!("{address}/{length}")),
            ("lifetime", lifetime),
        ],
    );
    let readiness = shared.readiness();
    let script = fill(
        include_str!("../../../manifests/api-server-ready.sh"),
        &[
            ("host", &readiness.ip().to_string()),
            ("port", &readiness.port().to_string()),
        ],
    );
    Fragment {
        files: vec![
            File::text(
                path("/etc/keepalived/keepalived.conf"),
                config,
                origin.clone(),
            ),
            File::text(
                path("/etc/keepalived/api-server-ready"),
                script,
                origin.clone(),
            )
            .mode(0o755),
        ],
        units: vec![Unit::enabled(
            unit("keepalived.service"),
            include_str!("../../../manifests/keepalived.service"),
            origin.clone(),
        )],
        ..Fragment::default()
    }
}

/// Who is told that the address is held: the other control planes, one by one, since some switches
/// and clouds drop multicast. A control plane without others tells nobody: by multicast, which is
/// keepalived's default.
fn peers(holder: &Holder) -> String {
    if holder.others.is_empty() {
        return String::new();
    }
    let others: Vec<_> = (holder.others.iter())
        .map(|other| format!("\t\t{other}\n"))
        .collect();
    format!(
        "\tunicast_src_ip {}\n\tunicast_peer {{\n{}\t}}\n",
        holder.own,
        others.concat()
    )
}
