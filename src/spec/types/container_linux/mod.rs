//! A node of Container Linux: ct's sections under ct's names, and beside them those of every
//! target.
//!
//! A file for ct becomes a spec by `version: 1` and `target: container-linux`. `etcd:`, `storage:`,
//! `systemd:` and `passwd:` are ct's here, not Butane's.

mod kubernetes;
mod passwd;
mod services;
mod storage;
mod wrapped;

pub use kubernetes::*;
pub use passwd::*;
pub use services::*;
pub use storage::*;
pub use wrapped::*;

use crate::diagnostic::Located;
use crate::facts::systems::Target;
use crate::names::{Arch, Hostname};
use crate::spec::decode::{Table, record, word_leaf};
use crate::spec::types::{Network, User};
use crate::spec::values::{ModuleName, Setting, SpecVersion, SysctlKey};
use crate::words::words;

record! {
    /// One node of Container Linux: its own keys, merged over those that it shares with others.
    pub struct ContainerLinux {
        /// The version of this language: 1.
        pub version: Located<SpecVersion>,
        /// `container-linux`.
        pub target: Option<Located<Target>>,
        /// The architecture of the machine.
        #[default = "amd64"]
        pub arch: Option<Located<Arch>>,
        /// The name of the node.
        #[otherwise = "the one in `/etc/hostname` of ct's `storage`, else the name of the file"]
        #[example = "kube1"]
        pub hostname: Option<Located<Hostname>>,
        /// What ct's option `--platform` says: where `{PRIVATE_IPV4}` and the like come from.
        #[otherwise = "none"]
        pub platform: Option<Located<CtPlatform>>,
        /// Users to make, or to change if the system has them.
        #[example = "[{name: core, groups: [sudo]}]"]
        pub users: Vec<User>,
        /// Interfaces, time servers, names of hosts.
        pub network: Option<Network>,
        /// Kernel parameters by sysctl(8) key.
        #[example = "{vm.swappiness: 10}"]
        pub sysctls: Table<SysctlKey, Located<Setting>>,
        /// Kernel modules to load at boot.
        #[example = "[br_netfilter]"]
        pub modules: Vec<Located<ModuleName>>,
        /// Kubernetes on this node.
        #[otherwise = "none"]
        #[example = "{version: 1.9.6, role: single}"]
        pub kubernetes: Option<HyperkubeNode>,
        /// A member of etcd on this node.
        #[otherwise = "none"]
        #[example = "{version: 3.2.18}"]
        pub etcd: Option<CtEtcd>,
        /// flannel on this node.
        #[otherwise = "none"]
        #[example = "{version: 0.7.0}"]
        pub flannel: Option<CtFlannel>,
        /// Flags of docker.
        pub docker: Option<CtDocker>,
        /// When the node reboots into an update.
        pub locksmith: Option<CtLocksmith>,
        /// Where updates come from.
        pub update: Option<CtUpdate>,
        /// The Ignition config itself.
        pub ignition: Option<CtIgnition>,
        /// Files of systemd-networkd.
        pub networkd: Option<CtNetworkd>,
        /// Units and drop-ins.
        pub systemd: Option<CtSystemd>,
        /// Disks, RAID, file systems, files, directories and links.
        pub storage: Option<CtStorage>,
        /// Users and groups.
        pub passwd: Option<CtPasswd>,
    }
    "a node of Container Linux"
}

words! {
    /// A cloud that tells a node its names and addresses.
    pub enum CtPlatform {
        /// Microsoft Azure
        Azure = "azure",
        /// DigitalOcean
        DigitalOcean = "digitalocean",
        /// Amazon EC2
        Ec2 = "ec2",
        /// Google Compute Engine
        Gce = "gce",
        /// Packet
        Packet = "packet",
        /// OpenStack, by its metadata service
        OpenstackMetadata = "openstack-metadata",
        /// VirtualBox under Vagrant
        VagrantVirtualbox = "vagrant-virtualbox",
        /// CloudStack, by its config drive
        CloudstackConfigdrive = "cloudstack-configdrive",
        /// A metadata service of your own
        Custom = "custom",
    }
}

word_leaf!(CtPlatform, "a platform");
