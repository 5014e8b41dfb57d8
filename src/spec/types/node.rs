//! A node as written, and the parts of it that are small.

use serde_json::{Value as Json, json};

use crate::diagnostic::{Located, codes};
use crate::facts::kernel::KernelFlavor;
use crate::facts::systems::{IgnitionVersion, TABLE, Target};
use crate::names::{AbsolutePath, Arch, Hostname, UserName};
use crate::spec::decode::{Leaf, LeafError, OneOrMany, Table, record, unknown_word, word_leaf};
use crate::spec::types::{
    BootFiles, Containerd, Etcd, Flannel, IgnitionSection, Kubernetes, Network, Passwd, Storage,
    Systemd,
};
use crate::spec::values::{
    ByteSize, ClusterName, FirmwareWord, KernelArgument, LocalText, ModuleName, PasswordHash,
    PlainName, ProxyException, ProxyUrl, Setting, SpecVersion, SshKeyFiles, SshPublicKey,
    SysctlKey,
};
use crate::spec::yaml::Scalar;

record! {
    /// One node: its own keys, merged over those that it shares with others.
    pub struct Spec {
        /// The version of this language: 1.
        pub version: Located<SpecVersion>,
        /// The operating system.
        #[default = "debian"]
        pub target: Option<Located<Target>>,
        /// The architecture of the machine.
        #[default = "amd64"]
        pub arch: Option<Located<Arch>>,
        /// The kernel of the Debian base.
        #[default = "generic"]
        pub kernel: Option<Located<KernelFlavor>>,
        /// The firmware of the Debian base: `wired`, `wifi`, `gpu` or `other` is what drivers of
        /// that kind ask for, `all` that of all drivers, and the name of a Debian package all of
        /// its files. With any firmware the initrd has microcode for Intel and AMD processors;
        /// `none` leaves out both.
        #[otherwise = "`wired`: network cards and storage; nothing with the kernel `cloud`"]
        #[example = "[wired, wifi]"]
        pub firmware: OneOrMany<Located<FirmwareWord>>,
        /// The name of the node: RFC 1123 labels in lower case. Debian, etcd, flannel and
        /// Kubernetes require it, and so does a file with several nodes.
        #[otherwise = "the one that Fedora CoreOS or Flatcar gets from the network"]
        #[example = "kube1"]
        pub hostname: Option<Located<Hostname>>,
        /// Users to make, or to change if the base has them.
        #[example = "[{name: core, groups: [sudo]}]"]
        pub users: Vec<User>,
        /// Interfaces, time servers, names of hosts, firewall.
        #[otherwise = "DHCP on every wired card"]
        pub network: Option<Network>,
        /// The HTTP proxy that the node's services use, the container runtime and Ignition among
        /// them.
        #[otherwise = "none"]
        #[example = "{http: 'http://proxy.example:3128'}"]
        pub proxy: Option<Proxy>,
        /// Kernel parameters by sysctl(8) key.
        #[example = "{vm.swappiness: 10}"]
        pub sysctls: Table<SysctlKey, Located<Setting>>,
        /// Kernel modules to load at boot.
        #[example = "[br_netfilter]"]
        pub modules: Vec<Located<ModuleName>>,
        /// Arguments to add to the kernel's command line, one per entry.
        #[example = "['console=ttyS0']"]
        pub kernel_arguments: Vec<Located<KernelArgument>>,
        /// Arguments to remove from the kernel's command line where the system or the base has
        /// them, each with its value.
        #[example = "[quiet]"]
        pub remove_kernel_arguments: Vec<Located<KernelArgument>>,
        /// Certificate authorities of the site, trusted by all programs of the node.
        #[example = "[{name: site, local: site-ca.pem}]"]
        pub ca_certificates: Vec<CaCertificate>,
        /// Swap space.
        #[otherwise = "none"]
        #[example = "{zram: {size: 512MiB}}"]
        pub swap: Option<Swap>,
        /// A whole block device that keeps the data of etcd and the runtime across boots. It is
        /// partitioned on the first boot and kept from then on.
        #[otherwise = "none: the data is in memory"]
        #[example = "/dev/disk/by-id/virtio-data"]
        pub storage_device: Option<Located<AbsolutePath>>,
        /// The kernel and initrd of a target that imgbuild does not build.
        pub base: Option<BootFiles>,
        /// A member of the cluster's etcd on this node; `{}` for one with all defaults.
        #[otherwise = "none"]
        #[example = "{}"]
        pub etcd: Option<Etcd>,
        /// flannel, which gives docker's containers one network on all nodes.
        #[otherwise = "none"]
        #[example = "{network: 10.244.0.0/16}"]
        pub flannel: Option<Flannel>,
        /// Container images and registries, with or without Kubernetes.
        pub containerd: Option<Containerd>,
        /// Kubernetes on this node.
        #[otherwise = "none"]
        #[example = "{version: 1.36.2, role: single}"]
        pub kubernetes: Option<Kubernetes>,
        /// The Ignition config itself.
        pub ignition: Option<IgnitionSection>,
        /// Disks, RAID, LUKS, file systems, files, directories, links and trees, as in Butane.
        pub storage: Option<Storage>,
        /// Units and drop-ins, as in Butane.
        pub systemd: Option<Systemd>,
        /// Users and groups, as in Butane.
        pub passwd: Option<Passwd>,
    }
    "a node"
}

record! {
    /// What the nodes of a file share apart from settings.
    pub struct ClusterSection {
        /// The name in certificates and tokens.
        #[otherwise = "the name of the file"]
        #[example = "lab"]
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

word_leaf!(KernelFlavor, "a kernel");

record! {
    /// A user of the node.
    pub struct User {
        /// The login name.
        #[example = "core"]
        pub name: Located<UserName>,
        /// The numeric ID.
        #[otherwise = "chosen on the node"]
        #[example = "1000"]
        pub uid: Option<Located<u32>>,
        /// Further groups.
        #[example = "[sudo]"]
        pub groups: Vec<Located<UserName>>,
        /// The login shell.
        #[otherwise = "`/bin/bash` on Debian, else that of the system"]
        #[example = "/bin/sh"]
        pub shell: Option<Located<AbsolutePath>>,
        /// The home directory.
        #[otherwise = "`/home/NAME`"]
        #[example = "/var/home/core"]
        pub home_dir: Option<Located<AbsolutePath>>,
        /// Public keys, one per entry, as in `authorized_keys(5)`.
        #[example = "[ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAHDhUcIyoxOD9GTVRbYmlwd36FjJOaoaivtr3Ey9LZ core@lab]"]
        pub ssh_authorized_keys: Vec<Located<SshPublicKey>>,
        /// Files of public keys on the machine that builds: beside the spec, or below `~/`. The
        /// last part of the path may have a `*`.
        #[example = "[~/.ssh/*.pub]"]
        pub ssh_authorized_keys_local: Vec<Located<SshKeyFiles>>,
        /// A hash as `openssl passwd -6` prints it.
        pub password_hash: Option<Located<PasswordHash>>,
        /// A file beside the spec whose first line is the password, which is hashed when the image
        /// is built.
        #[example = "core-password"]
        pub password_file: Option<Located<LocalText>>,
    }
    "a user",
    at_most_one(password_hash, password_file)
}

record! {
    /// A certificate authority of the site.
    pub struct CaCertificate {
        /// The file name on the node, without its extension.
        #[example = "site"]
        pub name: Located<PlainName>,
        /// One or more certificates in PEM.
        pub inline: Option<Located<String>>,
        /// A file beside the spec with one or more certificates in PEM.
        #[example = "site-ca.pem"]
        pub local: Option<Located<LocalText>>,
    }
    "a CA certificate",
    exactly_one(inline, local)
}

record! {
    /// Swap space: compressed in memory, or on a device.
    pub struct Swap {
        /// A compressed swap device in memory.
        #[example = "{size: 512MiB}"]
        pub zram: Option<Zram>,
        /// A whole device or partition, which becomes swap space on the first boot.
        #[example = "/dev/disk/by-partlabel/swap"]
        pub device: Option<Located<AbsolutePath>>,
    }
    "a swap space",
    exactly_one(zram, device)
}

record! {
    /// An HTTP proxy.
    pub struct Proxy {
        /// The proxy for `http` URLs.
        #[example = "http://proxy.example:3128"]
        pub http: Option<Located<ProxyUrl>>,
        /// The proxy for `https` URLs.
        #[otherwise = "the same as `http`"]
        #[example = "http://proxy.example:3128"]
        pub https: Option<Located<ProxyUrl>>,
        /// Names, domains, addresses and networks to reach without it, besides those of the node
        /// and its cluster.
        #[example = "[.lab.example, 10.0.0.0/8]"]
        pub no_proxy: Vec<Located<ProxyException>>,
    }
    "a proxy",
    at_least_one(http, https)
}

record! {
    /// A compressed swap device in memory.
    pub struct Zram {
        /// How much it holds, before compression.
        #[example = "512MiB"]
        pub size: Located<ByteSize>,
    }
    "a zram device"
}
