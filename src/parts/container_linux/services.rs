//! ct's sections, as the drop-ins and files that ct makes of them.

use super::super::names::{path, unit};
use crate::facts::systems::Target;
use crate::node::container_linux::{ContainerLinux, Wrapped};
use crate::node::fragment::{File, Fragment, Origin, Unit};

/// The drop-in by which a system unit applies a section.
fn dropin(name: &str, file: &str, text: String, origin: Origin) -> Fragment {
    Fragment {
        units: vec![Unit {
            enabled: Some(true),
            ..Unit::dropin(unit(name), file, text, origin)
        }],
        ..Fragment::default()
    }
}

/// A drop-in that runs `program` with the arguments of a section. `more` are further lines of
/// `[Service]`.
fn wrapper(program: &str, variable: &str, wrapped: &Wrapped, more: &[String]) -> String {
    let mut lines = vec!["[Service]".to_owned()];
    if wrapped.has_dynamic_data {
        let unit = "[Unit]\nRequires=coreos-metadata.service\nAfter=coreos-metadata.service\n";
        lines.insert(0, unit.to_owned());
        lines.push("EnvironmentFile=/run/metadata/coreos".to_owned());
    }
    if let Some(version) = &wrapped.version {
        lines.push(format!("Environment=\"{variable}_IMAGE_TAG=v{version}\""));
    }
    // An empty value removes the unit's own command.
    lines.push("ExecStart=".to_owned());
    let command = format!("ExecStart={program} ${variable}_OPTS");
    let words: Vec<_> = std::iter::once(&command)
        .chain(&wrapped.arguments)
        .collect();
    let words: Vec<&str> = words.into_iter().map(String::as_str).collect();
    lines.push(words.join(" \\\n  "));
    lines.extend_from_slice(more);
    lines.join("\n")
}

/// Tells the metadata service which cloud it runs in, if it cannot detect that.
pub(super) fn metadata(own: &ContainerLinux) -> Fragment {
    let Some(provider) = &own.metadata_provider else {
        return Fragment::default();
    };
    let text = format!(
        "[Service]\nEnvironment=COREOS_METADATA_OPT_PROVIDER=--provider={}",
        provider.value
    );
    let file = "20-clct-provider-override.conf";
    let origin = Origin::new("platform", provider.span);
    Fragment {
        units: vec![
            Unit::dropin(
                unit("coreos-metadata.service"),
                file,
                text.clone(),
                origin.clone(),
            ),
            Unit {
                enabled: Some(true),
                ..Unit::dropin(unit("coreos-metadata-sshkeys@.service"), file, text, origin)
            },
        ],
        ..Fragment::default()
    }
}

/// A member of etcd.
pub(super) fn etcd(own: &ContainerLinux) -> Fragment {
    let Some(etcd) = &own.etcd else {
        return Fragment::default();
    };
    let facts = Target::ContainerLinux.facts();
    let text = wrapper(facts.paths.etcd, "ETCD", etcd, &[]);
    let origin = Origin::new("etcd", etcd.span);
    dropin(facts.units.etcd, "20-clct-etcd-member.conf", text, origin)
}

/// flannel.
pub(super) fn flannel(own: &ContainerLinux) -> Fragment {
    let Some(flannel) = &own.flannel else {
        return Fragment::default();
    };
    let facts = Target::ContainerLinux.facts();
    let more: Vec<String> = flannel
        .network_config
        .iter()
        .map(|arguments| format!("ExecStartPre=/usr/bin/etcdctl {arguments}"))
        .collect();
    let program = facts.paths.flannel.unwrap_or_default();
    let text = wrapper(program, "FLANNEL", &flannel.wrapped, &more);
    let origin = Origin::new("flannel", flannel.wrapped.span);
    dropin(
        facts.units.flannel.unwrap_or_default(),
        "20-clct-flannel.conf",
        text,
        origin,
    )
}

/// docker's flags.
pub(super) fn docker(own: &ContainerLinux) -> Fragment {
    let Some(flags) = &own.docker else {
        return Fragment::default();
    };
    let text = format!("[Service]\nEnvironment=\"DOCKER_OPTS={}\"", flags.join(" "));
    let origin = Origin::new("docker", flags.span);
    let facts = Target::ContainerLinux.facts();
    dropin(facts.units.runtime, "20-clct-docker.conf", text, origin)
}

/// `/etc/coreos/update.conf`.
pub(super) fn update(own: &ContainerLinux) -> Fragment {
    let Some(lines) = &own.update else {
        return Fragment::default();
    };
    Fragment {
        files: vec![File::text(
            path("/etc/coreos/update.conf"),
            lines.join("\n"),
            Origin::new("update", lines.span),
        )],
        ..Fragment::default()
    }
}
