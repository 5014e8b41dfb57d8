//! The settings of a control plane, as far as they come from its own node.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::check::{component_flags, component_gates};
use crate::diagnostic::Located;
use crate::facts::kubernetes::tables::Component;
use crate::node::addons::Manifest;
use crate::node::kubernetes::PlaneSettings;
use crate::node::kubernetes_settings::Encryption;
use crate::plan::Decider;
use crate::plan::kubernetes_settings::flags;
use crate::spec;

impl Decider<'_> {
    /// Returns the settings of the control plane at `node_ip`. A node without one has the same
    /// settings checked, because nodes share them.
    pub(super) fn plane_settings(
        &mut self,
        written: &spec::Kubernetes,
        node_ip: IpAddr,
        manifests: Vec<Manifest>,
    ) -> PlaneSettings {
        let (extra_names, extra_addresses) = extra_names(written);
        PlaneSettings {
            advertise: (node_ip, spec::API_PORT).into(),
            earlier: Vec::new(),
            later: Vec::new(),
            verifies_kubelets: false,
            extra_names,
            extra_addresses,
            etcd_servers: Vec::new(),
            etcd_pod: None,
            api_server_args: with_gates(written, flags(written, |extra| &extra.api_server)),
            controller_manager_args: with_gates(
                written,
                flags(written, |extra| &extra.controller_manager),
            ),
            scheduler_args: with_gates(written, flags(written, |extra| &extra.scheduler)),
            audit: self.audit(&written.audit_log()),
            encryption: written.encryption.as_ref().map(encryption),
            external_etcd: (written.external_etcd.as_ref())
                .and_then(|etcd| self.external_etcd(etcd)),
            runtime_classes: Vec::new(),
            manifests,
        }
    }

    /// Checks the flags and the feature gates of all components.
    pub(super) fn check_flags(&mut self, written: &spec::Kubernetes) {
        let version = written.version.value;
        let of = (version, self.known.tables(version));
        if let Some(extra) = &written.extra_args {
            for (component, flags) in [
                (Component::ApiServer, &extra.api_server),
                (Component::ControllerManager, &extra.controller_manager),
                (Component::Scheduler, &extra.scheduler),
                (Component::Proxy, &extra.proxy),
                (Component::Kubelet, &extra.kubelet),
            ] {
                component_flags(component, flags, of, &mut self.found);
            }
        }
        component_gates(&written.feature_gates, of, &mut self.found);
    }
}

/// Returns the spec's additional names and addresses of the API server.
fn extra_names(written: &spec::Kubernetes) -> (BTreeSet<String>, BTreeSet<IpAddr>) {
    let (mut names, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    for name in &written.extra_sans {
        match name.as_str().parse() {
            Ok(address) => addresses.insert(address),
            Err(_) => names.insert(name.as_str().to_owned()),
        };
    }
    (names, addresses)
}

/// Adds the spec's feature gates to a component's flags: `A=true,B=false`.
fn with_gates(
    written: &spec::Kubernetes,
    mut flags: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let gates: BTreeMap<&str, bool> = (written.feature_gates.iter())
        .map(|(name, value)| (name.as_str(), value.value))
        .collect();
    let words: Vec<_> = (gates.iter())
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if !words.is_empty() {
        flags.insert("feature-gates".to_owned(), words.join(","));
    }
    flags
}

fn encryption(written: &spec::KubernetesEncryption) -> Located<Encryption> {
    let resources = written.resources();
    let encryption = Encryption {
        provider: written.provider().as_str(),
        resources: (resources.iter())
            .map(|resource| resource.as_str().to_owned())
            .collect(),
    };
    Located::new(encryption, written.span)
}
