//! A node as written, and the parts of it that are small.

use serde_json::{Value as Json, json};

use crate::diagnostic::{Located, codes};
use crate::facts::systems::{IgnitionVersion, TABLE, Target};
use crate::names::{AbsolutePath, Arch, Hostname, UserName};
use crate::spec::decode::{Leaf, LeafError, Table, record, unknown_word, words};
use crate::spec::types::{
    BootFiles, Containerd, Etcd, Flannel, Kubernetes, Network, Passwd, Storage, Systemd,
};
use crate::spec::values::{
    ByteSize, ClusterName, KernelArgument, LocalText, ModuleName, PasswordHash, PlainName, Setting,
    SpecVersion, SshKeyFiles, SshPublicKey, SysctlKey,
};
use crate::spec::yaml::Scalar;

record! {
    /// One node, with what it shares with others already merged in.
    pub struct Spec {
        /// The version of the spec's language: 1.
        pub version: Located<SpecVersion>,
        /// The operating system; `debian` where nothing is said.
        pub target: Option<Located<Target>>,
        /// The machine's architecture; `amd64` where nothing is said.
        pub arch: Option<Located<Arch>>,
        /// The kernel of the Debian base; `generic` where nothing is said.
        pub kernel: Option<Located<Kernel>>,
        /// The node's name: RFC 1123 labels in lower case.
        pub hostname: Located<Hostname>,
        /// Users to make, or to change where the base has them.
        pub users: Vec<User>,
        /// Interfaces, time servers, names of hosts, firewall. DHCP on every wired card where
        /// nothing is said.
        pub network: Option<Network>,
        /// Kernel parameters by sysctl(8) key.
        pub sysctls: Table<SysctlKey, Located<Setting>>,
        /// Kernel modules to load at boot.
        pub modules: Vec<Located<ModuleName>>,
        /// Added to the kernel's command line, one argument an entry.
        pub kernel_arguments: Vec<Located<KernelArgument>>,
        /// Certificate authorities of the site, trusted by all programs of the node.
        pub ca_certificates: Vec<CaCertificate>,
        /// Swap space; none where nothing is said.
        pub swap: Option<Swap>,
        /// A whole block device that keeps etcd's and the runtime's data across boots. It is
        /// partitioned on first boot and kept after.
        pub storage_device: Option<Located<AbsolutePath>>,
        /// Kernel and initrd of a target that imgbuild does not build.
        pub base: Option<BootFiles>,
        /// A member of the cluster's etcd on this node; `{}` for one with all defaults.
        pub etcd: Option<Etcd>,
        /// flannel, which gives docker's containers one network on all nodes; none where nothing is
        /// said.
        pub flannel: Option<Flannel>,
        /// Container images and registries, with Kubernetes or without.
        pub containerd: Option<Containerd>,
        /// Kubernetes on this node; none where nothing is said.
        pub kubernetes: Option<Kubernetes>,
        /// The Ignition config itself.
        pub ignition: Option<IgnitionSection>,
        /// Disks, RAID, LUKS, file systems, files, directories, links and trees, as Butane has
        /// them.
        pub storage: Option<Storage>,
        /// Units and drop-ins, as Butane has them.
        pub systemd: Option<Systemd>,
        /// Users and groups, as Butane has them.
        pub passwd: Option<Passwd>,
    }
    "a node"
}

record! {
    /// What the nodes of a file share beside settings.
    pub struct ClusterSection {
        /// The name that certificates and tokens carry; the file's name where nothing is said.
        pub name: Option<Located<ClusterName>>,
    }
    "a cluster"
}

impl Leaf for Target {
    const WHAT: &'static str = "a target";

    fn schema() -> Json {
        json!({ "enum": TABLE.iter().map(|facts| facts.name).collect::<Vec<_>>() })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = &*scalar.text;
        let known = TABLE.iter().find(|facts| facts.name == text);
        known.map(|facts| facts.target).ok_or_else(|| {
            let names: Vec<_> = TABLE.iter().map(|facts| facts.name).collect();
            unknown_word(text, Self::WHAT, &names)
        })
    }
}

/// A version of Ignition's specification that some target takes.
impl Leaf for IgnitionVersion {
    const WHAT: &'static str = "an Ignition version";

    fn schema() -> Json {
        json!({ "enum": IgnitionVersion::ALL.iter().map(|version| version.as_str()).collect::<Vec<_>>() })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let known = Self::ALL
            .iter()
            .find(|version| version.as_str() == &*scalar.text);
        known.copied().ok_or_else(|| {
            LeafError::rule(
                codes::BAD_IGNITION_VERSION,
                &scalar.text,
                <Self as Leaf>::WHAT,
                "imgbuild does not write this version",
            )
        })
    }
}

record! {
    /// The Ignition config itself.
    pub struct IgnitionSection {
        /// The version of Ignition's specification; the oldest that the target takes where nothing
        /// is said.
        pub version: Option<Located<IgnitionVersion>>,
    }
    "ignition"
}

words! {
    /// The kernel package of the Debian base.
    pub enum Kernel {
        /// Drivers for real hardware.
        Generic = "generic",
        /// Small, for virtual machines.
        Cloud = "cloud",
    }
    "a kernel"
}

record! {
    /// A user of the node.
    pub struct User {
        /// The name to log in with.
        pub name: Located<UserName>,
        /// The number; chosen on the node where nothing is said.
        pub uid: Option<Located<u32>>,
        /// Further groups, such as `sudo`.
        pub groups: Vec<Located<UserName>>,
        /// The login shell; `/bin/bash` where nothing is said.
        pub shell: Option<Located<AbsolutePath>>,
        /// The home directory; `/home/NAME` where nothing is said.
        pub home_dir: Option<Located<AbsolutePath>>,
        /// Public keys, one an entry, as in `authorized_keys(5)`.
        pub ssh_authorized_keys: Vec<Located<SshPublicKey>>,
        /// Files of public keys on the machine that builds: beside the spec, or below `~/`; `*` in
        /// the last part of the path.
        pub ssh_authorized_keys_local: Vec<Located<SshKeyFiles>>,
        /// A hash as `openssl passwd -6` makes it.
        pub password_hash: Option<Located<PasswordHash>>,
        /// A file beside the spec whose first line is the password; hashed when the image is built.
        pub password_file: Option<Located<LocalText>>,
    }
    "a user",
    at_most_one(password_hash, password_file)
}

record! {
    /// A certificate authority of the site.
    pub struct CaCertificate {
        /// File name on the node, without its ending.
        pub name: Located<PlainName>,
        /// One or more certificates in PEM.
        pub inline: Option<Located<String>>,
        /// A file beside the spec with one or more certificates in PEM.
        pub local: Option<Located<LocalText>>,
    }
    "a CA certificate",
    exactly_one(inline, local)
}

record! {
    /// Swap space: compressed in memory, or on a device.
    pub struct Swap {
        /// A compressed swap device in memory.
        pub zram: Option<Zram>,
        /// A whole device or partition, made swap space on first boot.
        pub device: Option<Located<AbsolutePath>>,
    }
    "a swap space",
    exactly_one(zram, device)
}

record! {
    /// A compressed swap device in memory.
    pub struct Zram {
        /// How much it holds before compression: 512MiB.
        pub size: Located<ByteSize>,
    }
    "a zram device"
}
