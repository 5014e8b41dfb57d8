//! What brings the node into its cluster once the API answers.

use super::secret;
use crate::parts::names::{path, unit};
use crate::parts::template::fill;
use crate::parts::{File, Fragment, Origin, Unit};
use crate::plan::{Kubernetes, PROGRAMS, Role};

/// Where the script and the manifests are.
const FOLDER: &str = "/etc/kubernetes/imgbuild";

/// Nothing where the node knows no API server.
pub fn first_boot(kubernetes: &Kubernetes) -> Fragment {
    let Some(api) = &kubernetes.kubelet.api else {
        return Fragment::default();
    };
    let origin = Origin::new("first boot", kubernetes.span);
    let mut files = vec![File::text(
        path(&format!("{FOLDER}/join")),
        fill(
            include_str!("../../../manifests/join.sh"),
            &[("programs", PROGRAMS)],
        ),
        origin.clone(),
    )];
    let (kubeconfig, labels) = match &kubernetes.control_plane {
        Some(plane) => {
            files.push(File::text(
                path(&format!("{FOLDER}/10-rbac.yaml")),
                include_str!("../../../manifests/rbac.yaml"),
                origin.clone(),
            ));
            for (index, (name, text)) in plane.manifests.iter().enumerate() {
                // May hold Secrets. The number keeps the order of the spec, ours first.
                files.push(secret(
                    &format!("{FOLDER}/50-{index:03}-{name}.yaml"),
                    text.as_str(),
                    &origin,
                ));
            }
            // A kubelet may not give its own node this label; it says what `kubectl get nodes` shows as the role.
            let mut labels = vec!["node-role.kubernetes.io/control-plane=".to_owned()];
            // Keys and values have no character that a unit's command line reads in another way.
            labels.extend(
                (kubernetes.kubelet.api_labels.iter()).map(|(key, value)| format!("{key}={value}")),
            );
            ("/etc/kubernetes/super-admin.conf", labels.join(" "))
        }
        None => ("/etc/kubernetes/kubelet.conf", String::new()),
    };
    files.push(
        File::text(
            path("/usr/local/bin/kubectl"),
            fill(
                include_str!("../../../manifests/kubectl"),
                &[("programs", PROGRAMS)],
            ),
            origin.clone(),
        )
        .mode(0o755),
    );
    debug_assert!(kubernetes.role != Role::Standalone);
    let server = api.server.trim_start_matches("https://");
    let (host, port) = server.rsplit_once(':').unwrap_or((server, "443"));
    let unit = Unit::enabled(
        unit("imgbuild-kubernetes.service"),
        fill(
            include_str!("../../../manifests/imgbuild-kubernetes.service"),
            &[
                ("kubeconfig", kubeconfig),
                ("node", &kubernetes.node_name),
                ("host", host.trim_matches(['[', ']'])),
                ("port", port),
                ("labels", &labels),
            ],
        ),
        origin,
    );
    Fragment {
        files,
        units: vec![unit],
        ..Fragment::default()
    }
}
