//! `imgbuild diff` as people run it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn imgbuild(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// A cluster of one control plane and one worker, of `version`.
fn cluster(version: &str, more: &str) -> String {
    format!(
        "\
version: 1
kubernetes: {{version: {version}}}
nodes:
  - hostname: worker1
    kubernetes: {{role: worker}}
    network: {{interfaces: [{{name: e, addresses: [10.0.0.2/24]}}]}}
    {more}
  - hostname: control1
    etcd: {{}}
    kubernetes: {{role: control-plane}}
    network: {{interfaces: [{{name: e, addresses: [10.0.0.1/24]}}]}}
"
    )
}

#[test]
fn an_upgrade_is_named_with_its_steps() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("old.yaml", cluster("1.35.1", ""));
    write(
        "new.yaml",
        cluster("1.36.2", "sysctls: {vm.max_map_count: 262144}"),
    );
    write("far.yaml", cluster("1.34.1", ""));
    let made = imgbuild(folder.path(), &["keys", "init", "old.yaml"]);
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );

    let same = imgbuild(folder.path(), &["diff", "old.yaml", "old.yaml"]);
    assert_eq!(
        String::from_utf8_lossy(&same.stdout),
        "control1: no changes\nworker1: no changes\n"
    );

    let done = imgbuild(folder.path(), &["diff", "old.yaml", "new.yaml"]);
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.status.code(), Some(0), "{said}");
    for line in [
        "control1: Kubernetes 1.35.1 -> 1.36.2",
        "  + file /etc/sysctl.d/90-imgbuild.conf",
        "  1. kubectl drain control1 --ignore-daemonsets --delete-emptydir-data",
        "  3. kubectl uncordon control1",
        "  6. kubectl uncordon worker1",
    ] {
        assert!(said.lines().any(|l| l == line), "no `{line}`:\n{said}");
    }
    assert!(!said.contains("PRIVATE KEY"), "{said}");

    for (old, new, why) in [
        ("far.yaml", "new.yaml", "an upgrade by 2 minor versions"),
        ("new.yaml", "old.yaml", "a downgrade"),
    ] {
        let done = imgbuild(folder.path(), &["diff", old, new]);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn an_artifact_is_compared_with_its_spec() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("node.yaml"), "version: 1\nhostname: a\n").unwrap();
    for output in ["a.ign", "a.cpio.gz", "a.cpio"] {
        let built = imgbuild(folder.path(), &["node.yaml", "-o", output]);
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        let done = imgbuild(folder.path(), &["diff", output, "node.yaml"]);
        assert_eq!(
            String::from_utf8_lossy(&done.stdout),
            "a: no changes\n",
            "{output}"
        );
    }
    fs::write(folder.path().join("damaged.cpio"), "070701").unwrap();
    let done = imgbuild(folder.path(), &["diff", "damaged.cpio", "node.yaml"]);
    assert_eq!(done.status.code(), Some(2));
    let done = imgbuild(folder.path(), &["diff", "missing.cpio", "node.yaml"]);
    assert_eq!(done.status.code(), Some(1));
}

#[test]
fn a_fixed_field_of_a_manifest_is_told_beforehand() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let web = |labels: &str, image: &str| {
        format!(
            "\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: default}}
spec:
  selector: {{matchLabels: {labels}}}
  template:
    metadata: {{labels: {{app: web, tier: front}}}}
    spec: {{containers: [{{name: web, image: {image}}}]}}
"
        )
    };
    write("one.yaml", &web("{app: web}", "web:1"));
    write("two.yaml", &web("{app: web, tier: front}", "web:2"));
    write("three.yaml", &web("{'app': \"web\"}", "web:3"));
    let node = |manifest: &str| {
        format!(
            "\
version: 1
hostname: kube1
network: {{interfaces: [{{name: eth0, addresses: [192.168.1.10/24]}}]}}
etcd: {{}}
kubernetes: {{version: 1.36.2, role: single, manifests: [{manifest}]}}
"
        )
    };
    for name in ["one", "two", "three"] {
        write(&format!("node-{name}.yaml"), &node(&format!("{name}.yaml")));
    }
    let made = imgbuild(folder.path(), &["keys", "init", "node-one.yaml"]);
    assert!(made.status.success());

    let said = |new: &str| {
        let done = imgbuild(folder.path(), &["diff", "node-one.yaml", new]);
        assert_eq!(done.status.code(), Some(0));
        String::from_utf8(done.stdout).unwrap()
    };
    let line = "  ! Deployment default/web: `spec.selector` cannot change: the API server refuses \
                the file until the object is deleted; or give it another name";
    let refused = said("node-two.yaml");
    assert!(refused.lines().any(|said| said == line), "{refused}");
    let accepted = said("node-three.yaml");
    assert!(!accepted.contains('!'), "{accepted}");
    assert!(accepted.contains("three.yaml"), "{accepted}");
}
