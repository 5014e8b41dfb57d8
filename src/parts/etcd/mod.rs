//! A member of the cluster's etcd: its unit, settings, keys, and a configured `etcdctl`.
//!
//! If the system has no etcd, its unit runs it from an image: see [`container`]. The
//! manifest of a member that is a static pod is one of Kubernetes': see [`super::kubernetes`].

pub mod care;
pub mod container;

use std::fmt::Write;

use super::names::{path, unit, user};
use super::template::fill;
use crate::node::Node;
use crate::node::etcd::EtcdMember;
use crate::node::fragment::{Directory, File, Fragment, Origin, Owner, Unit};
use crate::pki::bundles::EtcdTls;

/// The folder of snapshots; on the storage device, if the node has one.
const SNAPSHOTS: &str = "/var/lib/imgbuild/etcd-snapshots";

/// The folder of etcd's keys, as in kubeadm.
pub(super) const PKI: &str = "/etc/kubernetes/pki/etcd";

/// The interval of a leader's heartbeats, and how long the others wait for one, in milliseconds.
const ELECTION: [(&str, &str); 2] = [("heartbeat-interval", "500"), ("election-timeout", "5000")];

/// etcd as a system service. Nothing if the node is not a member.
pub fn etcd(node: &Node) -> Fragment {
    let Some(member) = &node.etcd else {
        return Fragment::default();
    };
    let target = node.target.facts();
    if let (Some(image), Some(engine)) = (&member.image, target.containers) {
        return container::etcd(member, image, target, engine);
    }
    let origin = Origin::new("etcd", member.span);
    let mut fragment = Fragment::default();
    if member.pod.is_none() {
        fragment.units.push(Unit::enabled(
            unit("etcd.service"),
            fill(
                include_str!("../../../manifests/etcd.service"),
                &[("data_dir", member.data_dir.as_str())],
            ),
            origin.clone(),
        ));
        fragment.files.push(File::text(
            path("/etc/default/etcd"),
            environment(member),
            origin.clone(),
        ));
    }
    fragment.files.push(
        File::text(
            path("/usr/local/bin/etcdctl"),
            client(member),
            origin.clone(),
        )
        .mode(0o755),
    );
    fragment.directories.push(Directory {
        path: member.data_dir.clone(),
        mode: 0o700,
        owner: data_owner(member),
        overwrite: false,
        origin: origin.clone(),
    });
    if let Some(tls) = &member.tls {
        let group = match &member.pod {
            // As with kubeadm, only for root.
            Some(_) => None,
            None => Some(user("etcd")),
        };
        let owner = Owner {
            group,
            ..Owner::default()
        };
        fragment.files.extend(keys(tls, &owner, &origin));
    }
    fragment
}

/// The owner of the data of a member that is a unit on a Debian base, or a pod, which runs as root.
pub(super) fn data_owner(member: &EtcdMember) -> Owner {
    let name = member.pod.is_none().then(|| user("etcd"));
    Owner {
        user: name.clone(),
        group: name,
        ..Owner::default()
    }
}

/// The settings of the member as etcd's environment variables: flag `--a-b` is `ETCD_A_B`
/// (<https://etcd.io/docs/v3.5/op-guide/configuration/>). Names and values.
pub(super) fn variables(member: &EtcdMember) -> Vec<(String, String)> {
    let variable = |flag: String| format!("ETCD_{}", flag.to_ascii_uppercase().replace('-', "_"));
    let settings = flags(member).into_iter();
    settings
        .map(|(flag, value)| (variable(flag), value))
        .collect()
}

/// The settings of the member as flags without dashes, and values.
pub(super) fn flags(member: &EtcdMember) -> Vec<(String, String)> {
    let cluster: Vec<_> = member
        .initial_cluster
        .iter()
        .map(|(name, url)| format!("{name}={url}"))
        .collect();
    let mut settings = vec![
        ("name".to_owned(), member.name.value.clone()),
        ("data-dir".to_owned(), member.data_dir.to_string()),
        (
            "listen-client-urls".to_owned(),
            member.listen_client_urls.join(","),
        ),
        (
            "advertise-client-urls".to_owned(),
            member.advertise_client_urls.join(","),
        ),
        (
            "listen-peer-urls".to_owned(),
            member.listen_peer_urls.join(","),
        ),
        (
            "initial-advertise-peer-urls".to_owned(),
            member.initial_advertise_peer_urls.join(","),
        ),
        ("initial-cluster".to_owned(), cluster.join(",")),
        (
            "initial-cluster-token".to_owned(),
            member.initial_cluster_token.clone(),
        ),
        (
            "initial-cluster-state".to_owned(),
            member.initial_cluster_state.clone(),
        ),
    ];
    // Health and metrics, only for the node's own programs, as in kubeadm.
    settings.push((
        "listen-metrics-urls".to_owned(),
        "http://127.0.0.1:2381".to_owned(),
    ));
    // Machines that share processors or disks do not meet etcd's defaults of 100 and 1000 ms, and
    // then hold elections endlessly; k3s uses these values. Both or neither, since etcd requires
    // the second to be five times the first. A single member has nobody to wait for.
    if member.initial_cluster.len() > 1
        && !ELECTION
            .iter()
            .any(|(flag, _)| member.settings.contains_key(*flag))
    {
        settings.extend(ELECTION.map(|(flag, value)| (flag.to_owned(), value.to_owned())));
    }
    if member.tls.is_some() {
        for (flag, value) in [
            ("cert-file", "server.crt"),
            ("key-file", "server.key"),
            ("trusted-ca-file", "ca.crt"),
            ("peer-cert-file", "peer.crt"),
            ("peer-key-file", "peer.key"),
            ("peer-trusted-ca-file", "ca.crt"),
        ] {
            settings.push((flag.to_owned(), format!("{PKI}/{value}")));
        }
        for flag in ["client-cert-auth", "peer-client-cert-auth"] {
            settings.push((flag.to_owned(), "true".to_owned()));
        }
    }
    // Flags of the spec take precedence over decided ones.
    settings.retain(|(flag, _)| !member.settings.contains_key(flag));
    settings.extend(member.settings.clone());
    settings
}

/// The member's settings as a systemd environment file.
fn environment(member: &EtcdMember) -> String {
    let mut text = String::from("# Settings of etcd.service.\n");
    for (variable, value) in variables(member) {
        let _ = writeln!(text, "{variable}={}", quoted(&value));
    }
    text
}

/// `value` for an `EnvironmentFile=` (`systemd.exec(5)`): in double quotes if it has other than
/// plain characters.
fn quoted(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=,@%+[]".contains(&b);
    if value.bytes().all(plain) {
        return value.to_owned();
    }
    let mut quoted = String::from("\"");
    for character in value.chars() {
        if matches!(character, '"' | '\\' | '`' | '$') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

/// Makes `etcdctl` work without further settings, for every user, over SSH without a terminal and
/// through `sudo`: a program of the same name that comes first on the path.
fn client(member: &EtcdMember) -> String {
    let lines: Vec<_> = client_settings(member)
        .iter()
        .map(|(name, value)| format!("export ETCDCTL_{name}=\"${{ETCDCTL_{name}:-{value}}}\""))
        .collect();
    fill(
        include_str!("../../../manifests/etcdctl"),
        &[("settings", &lines.join("\n"))],
    )
}

/// The settings of `etcdctl` for this member: variables without the prefix `ETCDCTL_`, and values.
pub(super) fn client_settings(member: &EtcdMember) -> Vec<(&'static str, String)> {
    let mut settings = vec![("ENDPOINTS", member.own_endpoint())];
    if member.tls.is_some() {
        for (name, file) in [
            ("CACERT", "ca.crt"),
            ("CERT", "healthcheck-client.crt"),
            ("KEY", "healthcheck-client.key"),
        ] {
            settings.push((name, format!("{PKI}/{file}")));
        }
    }
    settings
}

/// The member's certificates and keys. Keys are readable by the group of `owner`, to which the
/// daemon belongs, and to which the spec may add users.
pub(super) fn keys(tls: &EtcdTls, owner: &Owner, origin: &Origin) -> Vec<File> {
    let mode = if *owner == Owner::default() {
        0o600
    } else {
        0o640
    };
    let mut files = vec![File::text(
        path(&format!("{PKI}/ca.crt")),
        tls.ca_certificate.as_str(),
        origin.clone(),
    )];
    for (name, pair) in [
        ("server", &tls.server),
        ("peer", &tls.peer),
        ("healthcheck-client", &tls.healthcheck_client),
    ] {
        files.push(File::text(
            path(&format!("{PKI}/{name}.crt")),
            pair.certificate.as_str(),
            origin.clone(),
        ));
        files.push(
            File::text(
                path(&format!("{PKI}/{name}.key")),
                pair.key.as_str(),
                origin.clone(),
            )
            .mode(mode)
            .owner(owner.clone()),
        );
    }
    files
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn values_are_quoted_where_they_need_it() {
        for (given, want) in [
            (
                "https://[::1]:2379,https://a",
                "https://[::1]:2379,https://a",
            ),
            ("a b", "\"a b\""),
            ("a\"$b\\", "\"a\\\"\\$b\\\\\""),
        ] {
            assert_eq!(quoted(given), want);
        }
    }
}
