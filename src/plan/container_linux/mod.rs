//! A node of Container Linux with every default filled in.

mod dynamic_data;
mod flags;
mod kubernetes;
mod own;
mod services;

use super::Decider;
use crate::diagnostic::{Located, Span};
use crate::facts::firmware::Firmware;
use crate::facts::kernel::KernelFlavor;
use crate::facts::systems::Target;
use crate::node::Node;
use crate::node::container_linux::ContainerLinux;
use crate::node::network::Network;
use crate::spec;

pub(super) use kubernetes::{needs_keys, with_keys};

impl Decider<'_> {
    /// Returns the nodes of Container Linux, in the order of the spec, each with its users'
    /// passwords.
    pub(super) fn container_linux(
        &mut self,
        cluster: &spec::Cluster,
    ) -> Vec<(Node, Vec<(usize, String)>)> {
        let written = &cluster.container_linux;
        let mut nodes: Vec<Node> = written
            .iter()
            .map(|one| self.container_linux_node(one))
            .collect();
        self.hyperkubes(written, &mut nodes);
        let with_passwords = nodes.into_iter().zip(written);
        with_passwords
            .map(|(node, written)| (node, self.passwords(&written.users)))
            .collect()
    }

    fn container_linux_node(&mut self, written: &spec::ContainerLinux) -> Node {
        let target = Target::ContainerLinux;
        let user_sections = self.ct_sections(written);
        self.names_and_hashes(target, &written.users, None);
        let network = written.network.as_ref();
        let place = written.target.map_or(written.span, |target| target.span);
        let version = written
            .ignition
            .as_ref()
            .and_then(|ignition| ignition.version);
        // By default, the system's own units use DHCP on every card.
        let interfaces = network.map_or(&[][..], |network| &network.interfaces);
        let links = if interfaces.is_empty() {
            Network::default()
        } else {
            self.network(network, written.span)
        };
        let platform = written.platform;
        let etcd = written
            .etcd
            .as_ref()
            .map(|etcd| self.wrapped(&etcd.0, platform));
        let flannel = written
            .flannel
            .as_ref()
            .map(|flannel| self.wrapped_flannel(&flannel.0, platform));
        Node {
            target,
            ignition: self.ignition_version(target, version),
            arch: written.arch().value,
            kernel: KernelFlavor::default(),
            firmware: Firmware::default(),
            hostname: self.name_of(written.hostname.as_ref(), &user_sections.files, place),
            is_named: written.hostname.is_some(),
            users: self.users(&written.users),
            network: links,
            ntp: network.and_then(|network| Some(Self::ntp(network.ntp.as_ref()?))),
            hosts: network.map_or_else(Vec::new, super::hosts),
            firewall: None,
            proxy: None,
            sysctls: super::sysctls(&written.sysctls),
            modules: super::modules(&written.modules),
            kernel_arguments: Vec::new(),
            removed_kernel_arguments: Vec::new(),
            ca_certificates: Vec::new(),
            swap: None,
            storage_device: None,
            base: None,
            etcd: None,
            flannel: None,
            containerd: None,
            kubernetes: None,
            container_linux: Some(ContainerLinux {
                metadata_provider: services::metadata_provider(platform),
                etcd,
                flannel,
                docker: services::docker(written),
                update: self.update(written),
                kubernetes: None,
            }),
            user_sections,
        }
    }
}

/// Returns the location of a value, or of what it defaults to.
fn place<T>(value: Option<&Located<T>>, other: Span) -> Span {
    value.map_or(other, |value| value.span)
}
