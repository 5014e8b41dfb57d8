//! Upgrades of Kubernetes: which are supported, and in which order nodes are replaced.

use super::Release;

/// Whether a node may be upgraded from one version to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Skew {
    /// The same version.
    None,
    /// A later patch, or the next minor.
    Upgrade,
    /// Not supported, with the reason.
    Unsupported(String),
}

/// Judges the upgrade from `old` to `new`.
pub fn skew(old: &Release, new: &Release) -> Skew {
    let (before, after) = (old.version, new.version);
    if before == after {
        Skew::None
    } else if after.minor < before.minor {
        Skew::Unsupported(format!(
            "{before} to {after} is a downgrade, which Kubernetes does not support: the older API server may be unable to read what the \
             newer one wrote. Restore a snapshot of etcd that {before} did not write to"
        ))
    } else if after.minor > before.minor + 1 {
        Skew::Unsupported(format!(
            "{before} to {after} is an upgrade by {} minor versions, but Kubernetes supports one at a time. Upgrade to 1.{} first",
            after.minor - before.minor,
            before.minor + 1
        ))
    } else {
        Skew::Upgrade
    }
}

fn has_control_plane(role: &str) -> bool {
    matches!(role, "control-plane" | "single")
}

/// The steps to replace nodes (name, role), in order: control planes first, one node at a time.
pub fn steps(nodes: &[(&str, &str)]) -> Vec<String> {
    let mut nodes = nodes.to_vec();
    nodes.sort_by_key(|(_, role)| !has_control_plane(role));
    let mut steps = Vec::new();
    for (name, role) in nodes {
        match role {
            // There are no other nodes to drain to.
            "standalone" => steps.push(format!("boot {name} from its new image")),
            "single" => steps.push(format!(
                "take a snapshot of etcd, boot {name} from its new image, wait until it is ready"
            )),
            _ => {
                steps.push(format!(
                    "kubectl drain {name} --ignore-daemonsets --delete-emptydir-data"
                ));
                steps.push(format!(
                    "boot {name} from its new image, wait until it is ready"
                ));
                steps.push(format!("kubectl uncordon {name}"));
            }
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn release(version: &str) -> Release {
        Release {
            version: version.parse().expect("a version"),
            role: "worker".to_owned(),
        }
    }

    #[test]
    fn one_minor_at_a_time_and_none_back() {
        for (old, new, want) in [
            ("1.36.2", "1.36.2", "none"),
            ("1.35.1", "1.36.2", "upgrade"),
            ("1.36.1", "1.36.2", "upgrade"),
            ("1.36.2", "1.36.1", "upgrade"),
            ("1.34.9", "1.36.2", "an upgrade by 2 minor versions"),
            ("1.36.2", "1.35.9", "a downgrade"),
        ] {
            let found = match skew(&release(old), &release(new)) {
                Skew::None => "none".to_owned(),
                Skew::Upgrade => "upgrade".to_owned(),
                Skew::Unsupported(why) => why,
            };
            assert!(found.contains(want), "{old} to {new}: {found}");
        }
    }

    #[test]
    fn control_planes_go_first() {
        let steps = steps(&[("w", "worker"), ("c", "control-plane"), ("s", "standalone")]);
        let firsts: Vec<&str> = steps
            .iter()
            .filter_map(|step| step.split_whitespace().find(|word| word.len() == 1))
            .collect();
        assert_eq!(firsts, ["c", "c", "c", "w", "w", "w", "s"]);
    }
}
