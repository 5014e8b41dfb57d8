//! The manual's topics: one Markdown file each, in a table.
//!
//! `imgbuild help TOPIC` shows them as text, `imgbuild man --dir` writes them as manual pages, and
//! each is the documentation of a module here. A new page is a file and a row.

// The definitions of links that every module begins with lead where the words do.
#![allow(rustdoc::redundant_explicit_links)]

pub mod markdown;
mod plain;
mod roff;
pub mod spec_keys;

use markdown::Block;

/// A page of the manual.
#[derive(Debug, Clone, Copy)]
pub struct Topic {
    /// What `imgbuild help` calls it, and, with `.md`, its file.
    pub name: &'static str,
    /// The section of the manual that it is in: 5 for files, 7 for everything else.
    pub section: u8,
    /// The page's heading.
    pub title: &'static str,
    /// What it is about, in a line that begins small and has no full stop.
    pub summary: &'static str,
    /// The page in Markdown.
    pub text: &'static str,
}

impl Topic {
    /// The page, read.
    pub fn blocks(&self) -> Vec<Block> {
        markdown::parse(self.text)
    }

    /// The page as text for a terminal of `width` columns.
    pub fn plain(&self, width: usize) -> String {
        plain::plain(&self.blocks(), width)
    }

    /// The page in roff, of a program of this `version`.
    pub fn manual_page(&self, version: &str) -> String {
        roff::page(self, version)
    }

    /// What `man` calls it.
    pub fn manual_name(&self) -> String {
        format!("imgbuild-{}", self.name)
    }

    /// How manual pages name each other: `imgbuild-keys(7)`.
    pub fn reference(&self) -> String {
        format!("{}({})", self.manual_name(), self.section)
    }
}

/// The topic of this name.
pub fn topic(name: &str) -> Option<&'static Topic> {
    TOPICS.iter().find(|topic| topic.name == name)
}

/// A link where nothing can be followed: another topic by its name, an address beside its text,
/// and of a file of the project the text alone.
fn shown_link(text: &str, target: &str, name_of: impl Fn(&Topic) -> String) -> String {
    if let Some(topic) = target.strip_suffix(".md").and_then(topic) {
        return name_of(topic);
    }
    if target.starts_with("https://") && text != target {
        return format!("{text} ({target})");
    }
    text.to_owned()
}

/// Declares the table, and a module for each page whose documentation it is. Links between pages
/// are `[name]`: in a page the definition at its end leads to the other's file, in a module the
/// one before the page, which comes first and therefore counts, to the other's module.
macro_rules! topics {
    ($($module:ident $name:literal ($section:literal) $title:literal: $summary:literal;)*) => {
        /// All pages, in the order in which they are best read.
        pub const TOPICS: &[Topic] = &[$(Topic {
            name: $name,
            section: $section,
            title: $title,
            summary: $summary,
            text: include_str!(concat!($name, ".md")),
        }),*];

        topics!(@modules [$($name $module)*] $($module $name)*);
    };
    (@modules $links:tt $($module:ident $name:literal)*) => {
        $(topics!(@module $module $name $links);)*
    };
    (@module $module:ident $name:literal [$($link:literal $to:ident)*]) => {
        $(#[doc = concat!("[", $link, "]: ", stringify!($to))])*
        #[doc = ""]
        #[doc = include_str!(concat!($name, ".md"))]
        #[allow(clippy::doc_markdown, reason = "names in prose, which are not Rust's")]
        pub mod $module {}
    };
}

topics! {
    spec "spec" (5) "The node spec":
        "the YAML file that describes a node or a cluster";
    spec_reference "reference" (5) "Reference of the node spec":
        "every key: its type, default, targets and diagnostics";
    network "network" (7) "Network":
        "interfaces, routes, time servers, host names and the firewall of a node";
    storage "storage" (7) "Storage and files":
        "what survives a reboot; files, disks, units and users beyond the defaults";
    kubernetes "kubernetes" (7) "Kubernetes":
        "control planes, workers, pod networks, DNS and manifests";
    pod_networks "pod-networks" (7) "Pod networks from manifests":
        "Calico, Canal, Cilium, Weave Net and kube-router, and clusters without kube-proxy";
    images "images" (7) "Programs, images and runtimes":
        "where programs and container images come from; containerd and CRI-O";
    etcd "etcd" (7) "etcd":
        "members, backup and recovery, etcd in a pod, an external etcd";
    keys "keys" (7) "Keys and certificates":
        "the key folder, expiry, rotation, joining machines, kubeconfig";
    security "security" (7) "Security":
        "safe defaults, the audit log, and the checks of the CIS benchmark";
    debian "debian" (7) "The Debian base":
        "how the default base OS is built and how a node boots";
    hardware "hardware" (7) "Hardware":
        "firmware and microcode for real machines";
    flatcar "flatcar" (7) "Flatcar":
        "nodes that run Flatcar Container Linux";
    fedora_coreos "fedora-coreos" (7) "Fedora CoreOS":
        "nodes that run Fedora CoreOS";
    container_linux "container-linux" (7) "Container Linux":
        "configs for CoreOS Container Linux, with Kubernetes 1.9";
    outputs "outputs" (7) "Outputs":
        "the formats that a build writes";
    network_boot "network-boot" (7) "Network boot":
        "PXE trees, iPXE scripts and the dnsmasq snippet";
    embed "embed" (7) "Fedora CoreOS live images":
        "configs in a live ISO or in a payload for its network boot";
    run "run" (7) "Nodes in QEMU":
        "boot specs and artifacts in virtual machines";
    artifact_tests "test" (7) "Tests of artifacts":
        "boot an artifact and check its nodes; JUnit, snapshots of booted machines";
    verify "verify" (7) "Verify, diff and inspect":
        "what is inside an artifact, and whether it comes from a spec";
    lock "lock" (7) "Lock file, cache and mirrors":
        "pinned versions, work without a network, closed networks";
    import "import" (7) "Import":
        "specs from Butane, Ignition and Container Linux configs";
    errors "errors" (7) "Diagnostics":
        "messages, codes, JSON, exit statuses, editor support";
}
