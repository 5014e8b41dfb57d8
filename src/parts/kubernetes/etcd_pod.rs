//! etcd as a static pod, in the form of kubeadm's (`kubeadm init phase etcd local`).

use super::artifacts::host_folders;
use super::flags::{Flags, yaml_scalar};
use super::{ETCD_MANIFEST, secret};
use crate::node::etcd::EtcdMember;
use crate::node::fragment::{Fragment, Origin};
use crate::node::images::ImageUse;
use crate::node::kubernetes::Kubernetes;
use crate::parts::etcd::flags;
use crate::parts::template::fill;

/// kubeadm's value; etcd 3.5 by default keeps ten times as many writes in memory.
const SNAPSHOT_COUNT: (&str, &str) = ("snapshot-count", "10000");

/// The manifest of `member`. Nothing if it is not a pod.
pub fn etcd_pod(kubernetes: &Kubernetes, member: &EtcdMember) -> Fragment {
    let Some(pod) = &member.pod else {
        return Fragment::default();
    };
    let system = kubernetes.system;
    let (image, program, (mounts, volumes)) = match &pod.image {
        Some(_) => (
            kubernetes.image(ImageUse::Etcd),
            "etcd",
            (String::new(), String::new()),
        ),
        // The system's program needs its libraries.
        None => (
            crate::oci::NODE_IMAGE.to_owned(),
            system.paths.etcd,
            host_folders(system.paths.system_folders),
        ),
    };
    let own = (pod.release.pod_flags.iter())
        .chain([&SNAPSHOT_COUNT])
        .map(|(flag, value)| (*flag, (*value).to_owned()));
    // The member's own flags, including the spec's, take precedence.
    let flags = Flags::new(own, &flags(member).into_iter().collect());
    let text = fill(
        include_str!("../../../manifests/etcd.yaml"),
        &[
            ("image", &image),
            ("program", program),
            ("arguments", &flags.yaml_items()),
            (
                "advertised",
                &yaml_scalar(&member.advertise_client_urls.join(",")),
            ),
            ("data_dir", &yaml_scalar(member.data_dir.as_str())),
            ("program_mounts", &mounts),
            ("program_volumes", &volumes),
        ],
    );
    Fragment {
        files: vec![secret(
            ETCD_MANIFEST,
            text,
            &Origin::new("etcd", member.span),
        )],
        ..Fragment::default()
    }
}
