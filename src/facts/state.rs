//! The folders in which a node's programs keep what changes.

/// imgbuild's own.
pub const IMGBUILD: &str = "/var/lib/imgbuild";

/// The volumes of pods, on nodes whose cluster has local ones.
pub const VOLUMES: &str = "/var/lib/imgbuild/volumes";

/// etcd's, unless a spec sets another.
pub const ETCD: &str = "/var/lib/etcd";

/// containerd's.
pub const CONTAINERD: &str = "/var/lib/containerd";

/// CRI-O's, shared with podman, buildah and skopeo (containers-storage.conf(5), `graphroot`).
pub const CONTAINERS: &str = "/var/lib/containers";

/// The kubelet's.
pub const KUBELET: &str = "/var/lib/kubelet";

/// All of them.
pub const FOLDERS: &[&str] = &[IMGBUILD, ETCD, CONTAINERD, CONTAINERS, KUBELET];
