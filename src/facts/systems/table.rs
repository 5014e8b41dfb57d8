//! The table itself.

use super::{
    Abilities, Accounts, Clock, ContainerEngine, Containerd, ContainerdConfig, Facts, IgnitionRuns,
    IgnitionVersion, KernelArguments, LinkManager, Paths, Services, SpecKeys, Sysext,
    SysextArrival, Target, Units, UserNames,
};
use super::{accounts, base_files, selinux};
use crate::facts::container_linux::hyperkube::HYPERKUBE;
use crate::facts::debian::Release;
use crate::facts::state;

/// What only Debian has: its own base, and the features of its stage 0.
const OF_THE_BASE: &str = "it applies only to the base that imgbuild builds from Debian packages";

/// What other targets have, and Debian does not.
const BUILT: &str = "imgbuild builds it from Debian packages";

/// Mount points of imgbuild's own file systems, on `storage_device` or in memory.
const DEBIAN_MOUNTS: &[&str] = state::FOLDERS;

/// Groups that all targets have.
const SHARED_GROUPS: &[&str] = &[
    "adm",
    "audio",
    "bin",
    "cdrom",
    "daemon",
    "dialout",
    "disk",
    "floppy",
    "kmem",
    "kvm",
    "lp",
    "render",
    "root",
    "sudo",
    "sys",
    "systemd-journal",
    "tape",
    "tty",
    "users",
    "utmp",
    "video",
];

/// Further groups of Debian's base-passwd, and those created by packages of the base.
const DEBIAN_GROUPS: &[&str] = &[
    "_ssh",
    "backup",
    "clock",
    "dip",
    "etcd",
    "fax",
    "games",
    "input",
    "irc",
    "list",
    "mail",
    "man",
    "messagebus",
    "news",
    "nogroup",
    "operator",
    "plugdev",
    "proxy",
    "sasl",
    "sgx",
    "shadow",
    "src",
    "staff",
    "systemd-network",
    "systemd-resolve",
    "systemd-timesync",
    "uucp",
    "voice",
    "www-data",
];

/// Further groups of Container Linux' and Flatcar's baselayout.
const COREOS_GROUPS: &[&str] = &[
    "console",
    "core",
    "docker",
    "etcd",
    "fleet",
    "messagebus",
    "nobody",
    "portage",
    "rkt",
    "rkt-admin",
    "sshd",
    "systemd-network",
    "systemd-resolve",
    "systemd-timesync",
    "uucp",
    "wheel",
];

/// Further groups of Fedora's setup, and those created by packages of Fedora CoreOS.
const FEDORA_GROUPS: &[&str] = &["core", "docker", "input", "lock", "man", "nobody", "wheel"];

/// Flatcar's own update settings.
const UPDATES: &str = "write update settings to /etc/flatcar/update.conf under `storage.files`; \
                       to disable updates, `mask` their units under `systemd:`";

/// Flatcar's initrd copies `usr/share/oem` to a file system in memory that is /oem on the node
/// (bootengine: `minimal-init`, `51diskless-generator/sysroot-oem.mount`; before,
/// `99setup-root/initrd-setup-root`), and links in /etc/extensions lead to images there, as with
/// Flatcar's own. Images that keep to the level need not be of its version (changelog of release
/// 3185).
const FLATCAR_SYSEXT: Sysext = Sysext {
    in_initrd: "usr/share/oem/sysext",
    arrival: SysextArrival::Linked("/oem/sysext"),
    release: "ID=flatcar\nSYSEXT_LEVEL=1.0\n",
};

/// The initrd's files are gone once the system runs, but its /run stays. The programs need nothing
/// of the system, so that any release takes them; Fedora's os-release has no level, only versions.
const FEDORA_SYSEXT: Sysext = Sysext {
    in_initrd: "usr/lib/imgbuild/extensions",
    arrival: SysextArrival::Moved,
    release: "ID=_any\n",
};

/// The cache does not have the kernel.
const NOT_IN_CACHE: &str = "a single initrd needs its kernel in imgbuild's cache, which has only \
                            Debian's: use a PXE folder, or the payload alone";

/// Upstream's image of etcd.
const ETCD_IMAGE: &str = "gcr.io/etcd-development/etcd:v3.5.21";

/// What updates Fedora CoreOS.
const ZINCATI: &str =
    "Zincati updates the system: write its settings to /etc/zincati/config.d under `storage.files`";

/// Container Linux boots with the menu on its own disk.
const OWN_MENU: &str = "it boots from its own disk; its menu is /usr/share/oem/grub.cfg";

/// Container Linux has its own base.
const NO_BASE: &str = "imgbuild has no base for this target: create a config ISO or the JSON, and \
                       pass it to the target's installer";

/// A payload is for Debian's base.
const NO_PAYLOAD: &str = "its initrd does not look for a payload";

/// The node pulls it from the registry.
const PULLED: &str = "the node pulls its only image itself";

/// Debian's base has a unit that reports it.
const SILENT: &str = "it does not report on the console that it is up";

/// Container Linux' runtime.
const DOCKER: &str = "it runs docker";

/// Only nodes with Kubernetes from the base do.
const NO_ADDONS: &str = "the node does not apply addons: use kubectl";

/// One row per target, in the order of [`Target`].
pub static TABLE: [Facts; 4] = [
    Facts {
        target: Target::Debian,
        name: "debian",
        title: "Debian",
        keys: SpecKeys::Own,
        kubernetes: None,
        // Debian 13 has Ignition 2.14.0, which supports 3.0.0 to 3.3.0.
        ignition: &[IgnitionVersion::V3_3],
        debian: Some(Release::Trixie),
        iso: "iso",
        refused_formats: &[],
        refused_keys: &[
            (
                "networkd",
                "write its files with `network:` or `storage.files`",
            ),
            (
                "flannel",
                "use flannel in pods: `kubernetes: {cni: flannel}`",
            ),
            ("docker", "containers are run by containerd"),
            (
                "locksmith",
                "the node is an image, updated only by booting another one",
            ),
            (
                "update",
                "the node is an image, updated only by booting another one",
            ),
            ("platform", "set addresses with `network:`"),
            (
                "ignition.version",
                "Debian's Ignition supports 3.3.0 at most",
            ),
            ("base", BUILT),
            (
                "kubernetes.artifacts.cni_plugins",
                "the CNI plugins are a package of the base",
            ),
        ],
        ignition_runs: IgnitionRuns::AtEveryBoot,
        first_boot: &["ignition.firstboot", "ignition.platform.id=metal"],
        mounts: DEBIAN_MOUNTS,
        has_usr_local: true,
        abilities: Abilities {
            btrfs: false,
            clevis: false,
            is_named_by_network: false,
        },
        accounts: Accounts {
            names: UserNames::Any,
            md5: false,
        },
        has_fixed_root: false,
        kernel_arguments: KernelArguments::BootLoader,
        links: LinkManager::Networkd,
        clock: Clock::Timesyncd,
        containers: None,
        root_url: None,
        predictable_names: false,
        services: Services {
            takes_all_links: false,
            loads_nftables: true,
            links_ca_bundle: false,
        },
        containerd: Containerd {
            // Debian 13 has containerd 1.7.24.
            config_versions: &[ContainerdConfig::V2],
            selinux: false,
            is_off: false,
            config_variable: None,
        },
        says_ready: Ok(()),
        memory: 2048,
        etcd_image: None,
        sysext: None,
        selinux: None,
        no_pull: None,
        no_cri_o: None,
        files: &base_files::DEBIAN,
        base_accounts: accounts::DEBIAN,
        groups: &[SHARED_GROUPS, DEBIAN_GROUPS],
        // useradd's own default is /bin/sh.
        shell: Some("/bin/bash"),
        paths: Paths {
            kubelet: "/usr/bin/kubelet",
            programs: "/opt/kubernetes/bin",
            images: "/opt/kubernetes/images",
            cni_plugins: None,
            user_programs: "/usr/local/bin",
            admin_programs: "/usr/local/sbin",
            system_folders: &[("usr", "/usr"), ("alternatives", "/etc/alternatives")],
            linked_authorities: &[],
            manifests: "/etc/kubernetes/manifests",
            kubeconfig: "/etc/kubernetes",
            cni_bin: "/opt/cni/bin",
            etcd: "/usr/bin/etcd",
            flannel: None,
            ca_certificates: "/etc/ssl/certs",
            trust_anchors: None,
            nftables: Some("/etc/nftables.conf"),
            config: "imgbuild/config.ign",
            network: Some("imgbuild/network"),
            fw_cfg: None,
        },
        units: Units {
            etcd: "etcd.service",
            flannel: None,
            beside_flannel: &[],
            runtime: "containerd.service",
            kubelet: "kubelet.service",
            metadata: None,
        },
    },
    Facts {
        target: Target::Flatcar,
        name: "flatcar",
        title: "Flatcar",
        keys: SpecKeys::Own,
        kubernetes: None,
        // 3.3.0 since release 3185 (older configs are converted), 3.4.0 with Ignition 2.15, 3.5.0
        // with 2.20, then 3.6.0: the Ignition of a release decides.
        ignition: &[
            IgnitionVersion::V3_3,
            IgnitionVersion::V3_4,
            IgnitionVersion::V3_5,
            IgnitionVersion::V3_6,
        ],
        debian: None,
        iso: "iso",
        refused_formats: &[("initrd", NOT_IN_CACHE)],
        refused_keys: &[
            ("kernel", OF_THE_BASE),
            ("firmware", OF_THE_BASE),
            ("base.rootfs", "its initrd contains the whole system"),
            (
                "base.iso",
                "its own ISO has no room for a config: imgbuild makes one from kernel and initrd",
            ),
            (
                "etcd.static_pod",
                "etcd's tools are in its image, which docker runs: leave etcd to its unit",
            ),
            (
                "storage_device",
                "define disks and file systems under `storage:`",
            ),
            (
                "networkd",
                "write its files with `network:` or `storage.files`",
            ),
            (
                "docker",
                "write its settings to /etc/docker/daemon.json under `storage.files`",
            ),
            ("locksmith", UPDATES),
            ("update", UPDATES),
            ("platform", "set addresses with `network:`"),
        ],
        ignition_runs: IgnitionRuns::AtFirstBoot,
        // 1 and never `detected`, which requires a disk to signal the first boot.
        first_boot: &["flatcar.first_boot=1"],
        mounts: &[],
        has_usr_local: false,
        // clevis: since 2024 (Flatcar's documentation, "Setting up LUKS disk encryption").
        abilities: Abilities {
            btrfs: true,
            clevis: true,
            is_named_by_network: true,
        },
        accounts: Accounts {
            names: UserNames::Lower,
            md5: false,
        },
        has_fixed_root: false,
        kernel_arguments: KernelArguments::Ignition,
        links: LinkManager::Networkd,
        clock: Clock::Timesyncd,
        containers: Some(ContainerEngine {
            program: "/usr/bin/docker",
            daemon: Some("docker.service"),
            files: None,
        }),
        root_url: None,
        predictable_names: false,
        services: Services {
            // `zz-default.network`, and from a network or a medium `yy-pxe.network` (coreos-init).
            takes_all_links: true,
            loads_nftables: false,
            links_ca_bundle: true,
        },
        containerd: Containerd {
            // Alpha, beta and stable have containerd 2.1 to 2.3 in August 2026; LTS 2024 (4081) has
            // 1.7.21 (flatcar/scripts, branches flatcar-4790, -4757, -4593 and -4081:
            // app-containers/containerd).
            config_versions: &[ContainerdConfig::V3, ContainerdConfig::V2],
            selinux: true,
            is_off: false,
            config_variable: Some("CONTAINERD_CONFIG"),
        },
        says_ready: Err(SILENT),
        // Its initrd contains all of /usr, unpacked in memory, and requires 3 GB.
        memory: 3072,
        etcd_image: Some(ETCD_IMAGE),
        sysext: Some(FLATCAR_SYSEXT),
        // Its policy only logs.
        selinux: None,
        no_pull: Some("Flatcar has no CNI plugins: they must come with the node"),
        no_cri_o: Some("its pods are run by Flatcar's containerd"),
        files: &base_files::UNKNOWN,
        base_accounts: "",
        groups: &[SHARED_GROUPS, COREOS_GROUPS],
        shell: None,
        paths: Paths {
            kubelet: "/usr/bin/kubelet",
            // systemd-sysext makes what it overlays read-only, and network add-ons write to
            // /opt/cni/bin: so not below /opt.
            programs: "/usr/lib/kubernetes/bin",
            images: "/usr/lib/kubernetes/images",
            cni_plugins: Some("/usr/lib/kubernetes/cni"),
            user_programs: "/opt/bin",
            admin_programs: "/opt/bin",
            system_folders: &[("usr", "/usr")],
            linked_authorities: &[("usr-share-ca-certificates", "/usr/share/ca-certificates")],
            manifests: "/etc/kubernetes/manifests",
            kubeconfig: "/etc/kubernetes",
            cni_bin: "/opt/cni/bin",
            etcd: "/usr/bin/docker",
            flannel: Some("/usr/bin/docker"),
            ca_certificates: "/usr/share/ca-certificates",
            trust_anchors: None,
            nftables: Some("/etc/nftables.conf"),
            config: "usr/share/oem/config.ign",
            network: None,
            fw_cfg: Some("opt/org.flatcar-linux/config"),
        },
        units: Units {
            etcd: "etcd.service",
            flannel: Some("flanneld.service"),
            // It sets options of docker's daemon, and restarts that.
            beside_flannel: &["flannel-docker-opts.service"],
            runtime: "containerd.service",
            kubelet: "kubelet.service",
            metadata: Some("coreos-metadata.service"),
        },
    },
    Facts {
        target: Target::FedoraCoreos,
        name: "fedora-coreos",
        title: "Fedora CoreOS",
        keys: SpecKeys::Own,
        kubernetes: None,
        ignition: &[
            IgnitionVersion::V3_4,
            IgnitionVersion::V3_5,
            IgnitionVersion::V3_6,
        ],
        debian: None,
        iso: "iso",
        refused_formats: &[("initrd", NOT_IN_CACHE)],
        refused_keys: &[
            ("kernel", OF_THE_BASE),
            ("firmware", OF_THE_BASE),
            (
                "storage_device",
                "define disks and file systems under `storage:`",
            ),
            (
                "proxy",
                "write drop-ins with `Environment=` for the services under `systemd:`",
            ),
            (
                "swap",
                "define a disk for it under `storage:`, and its unit under `systemd:`",
            ),
            (
                "etcd.static_pod",
                "etcd's tools are in its image, which podman runs: leave etcd to its unit",
            ),
            (
                "flannel",
                "flannel's unit is not supported yet: write your own under `systemd:`",
            ),
            (
                "networkd",
                "it runs NetworkManager: write its files with `network:` or `storage.files`",
            ),
            (
                "docker",
                "write its settings to /etc/docker/daemon.json under `storage.files`",
            ),
            ("locksmith", ZINCATI),
            ("update", ZINCATI),
            ("platform", "set addresses with `network:`"),
        ],
        ignition_runs: IgnitionRuns::AtFirstBoot,
        first_boot: &["ignition.firstboot", "ignition.platform.id=metal"],
        mounts: &[],
        has_usr_local: true,
        abilities: Abilities {
            btrfs: true,
            clevis: true,
            is_named_by_network: true,
        },
        accounts: Accounts {
            names: UserNames::Any,
            md5: false,
        },
        has_fixed_root: true,
        kernel_arguments: KernelArguments::Ignition,
        links: LinkManager::NetworkManager,
        clock: Clock::Chrony,
        containers: Some(ContainerEngine {
            program: "/usr/bin/podman",
            daemon: None,
            // SELinux lets a container use what is labeled for it. Separate labels would keep the
            // files from others.
            files: Some("--security-opt=label=disable"),
        }),
        root_url: Some("coreos.live.rootfs_url"),
        predictable_names: true,
        services: Services {
            takes_all_links: false,
            loads_nftables: true,
            links_ca_bundle: false,
        },
        containerd: Containerd {
            // Fedora 42 has containerd 2.0, and later releases newer ones; Fedora 40 had 1.6.
            config_versions: &[ContainerdConfig::V3, ContainerdConfig::V2],
            selinux: true,
            // Only docker's socket is on by default, which would start it.
            is_off: true,
            config_variable: None,
        },
        says_ready: Err(SILENT),
        // With its root file system in the initrd (Fedora CoreOS' documentation, "Booting live
        // Fedora CoreOS").
        memory: 4096,
        etcd_image: Some(ETCD_IMAGE),
        sysext: Some(FEDORA_SYSEXT),
        selinux: Some(selinux::FEDORA),
        no_pull: Some("Fedora CoreOS has no CNI plugins: they must come with the node"),
        no_cri_o: Some("its pods are run by Fedora CoreOS' containerd"),
        files: &base_files::UNKNOWN,
        base_accounts: "",
        groups: &[SHARED_GROUPS, FEDORA_GROUPS],
        shell: None,
        paths: Paths {
            kubelet: "/usr/bin/kubelet",
            // Neither in /opt, a link to /var/opt, nor below /usr/lib are files programs to the
            // policy (the type `bin_t`), which services may run.
            programs: "/usr/libexec/kubernetes/bin",
            images: "/usr/lib/kubernetes/images",
            // Where Fedora's own package puts them.
            cni_plugins: Some("/usr/libexec/cni"),
            user_programs: "/usr/local/bin",
            admin_programs: "/usr/local/sbin",
            // iptables is a link by way of /etc/alternatives.
            system_folders: &[("usr", "/usr"), ("alternatives", "/etc/alternatives")],
            linked_authorities: &[],
            manifests: "/etc/kubernetes/manifests",
            kubeconfig: "/etc/kubernetes",
            cni_bin: "/opt/cni/bin",
            etcd: "/usr/bin/podman",
            flannel: None,
            ca_certificates: "/etc/pki/ca-trust/extracted/pem",
            trust_anchors: Some("/etc/pki/ca-trust/source/anchors"),
            nftables: Some("/etc/sysconfig/nftables.conf"),
            config: "config.ign",
            network: Some("etc/coreos-firstboot-network"),
            fw_cfg: Some("opt/com.coreos/config"),
        },
        units: Units {
            etcd: "etcd.service",
            flannel: None,
            beside_flannel: &[],
            runtime: "containerd.service",
            kubelet: "kubelet.service",
            metadata: Some("afterburn.service"),
        },
    },
    Facts {
        target: Target::ContainerLinux,
        name: "container-linux",
        title: "Container Linux",
        keys: SpecKeys::Ct,
        kubernetes: Some(HYPERKUBE.minor),
        // ct's releases 0.8 and 0.9 write 2.2.0, its last commit 2.3.0.
        ignition: &[IgnitionVersion::V2_2, IgnitionVersion::V2_3],
        debian: None,
        iso: "config-iso",
        refused_formats: &[
            ("iso", NO_BASE),
            ("initrd", NO_BASE),
            ("pxe", NO_BASE),
            ("cpio", NO_PAYLOAD),
            ("cpio.gz", NO_PAYLOAD),
            ("cpio.zst", NO_PAYLOAD),
            (
                "embed",
                "Fedora CoreOS supports only Ignition's specification 3",
            ),
        ],
        refused_keys: &[
            ("kernel", OF_THE_BASE),
            ("firmware", OF_THE_BASE),
            (
                "storage_device",
                "define disks and file systems under `storage:`",
            ),
            ("kernel_arguments", OWN_MENU),
            ("remove_kernel_arguments", OWN_MENU),
            ("containerd", "it runs docker, and pulls its images itself"),
            (
                "ca_certificates",
                "write them to /etc/ssl/certs/NAME.pem under `storage.files`",
            ),
            (
                "swap",
                "define a disk for it under `storage:`, and its unit under `systemd:`",
            ),
            (
                "network.firewall",
                "it has no nftables; write iptables-restore rules to /var/lib/iptables/rules-save",
            ),
            (
                "storage.luks",
                "Ignition 2.x does not support encrypted devices",
            ),
            (
                "storage.trees",
                "ct does not support trees: list the files under `storage.files`",
            ),
            ("kubernetes.programs", PULLED),
            ("kubernetes.artifacts", PULLED),
            ("kubernetes.runtime", DOCKER),
            ("kubernetes.domain", NO_ADDONS),
            ("kubernetes.dns", NO_ADDONS),
            ("kubernetes.storage", NO_ADDONS),
            ("kubernetes.metrics", NO_ADDONS),
            (
                "kubernetes.manifests",
                "apply them with kubectl: the node does not",
            ),
            (
                "kubernetes.etcd_backup",
                "take snapshots with `etcdctl snapshot save`: the node does not",
            ),
            (
                "kubernetes.extra_sans",
                "the certificate covers the node and its endpoint",
            ),
            (
                "kubernetes.feature_gates",
                "set them under `extra_args:`, by component",
            ),
            (
                "kubernetes.kubelet",
                "set the flags of Kubernetes 1.9 under `extra_args:`",
            ),
            (
                "kubernetes.audit",
                "set the flags of Kubernetes 1.9 under `extra_args:`",
            ),
            (
                "kubernetes.encryption",
                "set the flags of Kubernetes 1.9 under `extra_args:`",
            ),
            (
                "kubernetes.external_etcd",
                "set the URLs as `etcd_servers:`",
            ),
            (
                "kubernetes.static_pods",
                "write them to /etc/kubernetes/manifests under `storage.files`",
            ),
            ("kubernetes.join", "workers come with their certificate"),
            (
                "kubernetes.bootstrap_token",
                "workers come with their certificate",
            ),
            (
                "kubernetes.bootstrap_token_ttl",
                "workers come with their certificate",
            ),
            ("kubernetes.key_algorithm", "its keys use curve P-256"),
        ],
        ignition_runs: IgnitionRuns::AtFirstBoot,
        first_boot: &["coreos.first_boot=1"],
        mounts: &[],
        has_usr_local: false,
        abilities: Abilities {
            btrfs: true,
            clevis: false,
            is_named_by_network: true,
        },
        accounts: Accounts {
            names: UserNames::Lower,
            md5: true,
        },
        has_fixed_root: false,
        kernel_arguments: KernelArguments::BootLoader,
        links: LinkManager::Networkd,
        clock: Clock::Timesyncd,
        containers: None,
        root_url: None,
        predictable_names: false,
        services: Services {
            takes_all_links: false,
            loads_nftables: false,
            links_ca_bundle: false,
        },
        containerd: Containerd {
            config_versions: &[],
            selinux: false,
            is_off: false,
            config_variable: None,
        },
        says_ready: Err(SILENT),
        memory: 2048,
        etcd_image: None,
        sysext: None,
        selinux: None,
        no_pull: None,
        no_cri_o: Some(DOCKER),
        files: &base_files::UNKNOWN,
        base_accounts: "",
        groups: &[SHARED_GROUPS, COREOS_GROUPS],
        shell: None,
        paths: Paths {
            kubelet: "/usr/lib/coreos/kubelet-wrapper",
            programs: "/opt/kubernetes/bin",
            images: "/opt/kubernetes/images",
            cni_plugins: None,
            user_programs: "/opt/bin",
            admin_programs: "/opt/bin",
            system_folders: &[("usr", "/usr")],
            linked_authorities: &[],
            manifests: "/etc/kubernetes/manifests",
            kubeconfig: "/etc/kubernetes/kubeconfig",
            cni_bin: "/opt/cni/bin",
            etcd: "/usr/lib/coreos/etcd-wrapper",
            flannel: Some("/usr/lib/coreos/flannel-wrapper"),
            ca_certificates: "/usr/share/ca-certificates",
            trust_anchors: None,
            nftables: None,
            config: "usr/share/oem/config.ign",
            network: None,
            fw_cfg: Some("opt/com.coreos/config"),
        },
        units: Units {
            etcd: "etcd-member.service",
            flannel: Some("flanneld.service"),
            beside_flannel: &[],
            runtime: "docker.service",
            kubelet: "kubelet.service",
            metadata: Some("coreos-metadata.service"),
        },
    },
];
