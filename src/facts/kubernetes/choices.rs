//! What users choose of Kubernetes for a node, where it is one of a few words.

use crate::words::words;

words! {
    /// The part that a node plays in its cluster.
    pub enum Role {
        /// Runs the control plane, and only those other pods that ask for it.
        ControlPlane = "control-plane",
        /// Runs pods.
        Worker = "worker",
        /// A cluster of one: control plane and pods on the same node.
        Single = "single",
        /// A kubelet without an API server, which runs the static pods in
        /// /etc/kubernetes/manifests.
        Standalone = "standalone",
    }
}

impl Role {
    /// Returns whether the API server runs here.
    pub fn has_control_plane(self) -> bool {
        matches!(self, Self::ControlPlane | Self::Single)
    }
}

words! {
    /// How a worker joins its cluster.
    pub enum Join {
        /// Its image holds certificates that were signed when it was built.
        Certificate = "certificate",
        /// Its image holds a token, for which the cluster signs a certificate.
        Token = "token",
    }
}

words! {
    /// How connections to services are led to their pods.
    pub enum ProxyMode {
        /// Rules of iptables.
        Iptables = "iptables",
        /// The kernel's virtual servers.
        Ipvs = "ipvs",
        /// Rules of nftables.
        Nftables = "nftables",
        /// Not by kube-proxy, which does not run: by the pod network.
        None = "none",
    }
}

words! {
    /// What the pods of kube-proxy's `DaemonSet` run.
    pub enum ProxyImage {
        /// The node's own program, which nodes made by `kubeadm join` lack.
        Node = "node",
        /// `registry.k8s.io/kube-proxy`, on every node.
        Upstream = "upstream",
    }
}
