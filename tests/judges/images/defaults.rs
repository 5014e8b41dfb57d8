//! A cluster whose spec says nothing of programs, images and DNS.

use std::fs;
use std::path::Path;

use imgbuild::names::Arch;

use crate::images::made::archive;
use crate::images::node::{imgbuild, succeeds};
use crate::registry::Registry;

const CORE_DNS: &str = "coredns/coredns:v1.14.2";

/// Nobody listens there.
const NO_REGISTRY: &str = "127.0.0.1:1";

fn spec(folder: &Path, more: &str) {
    let text = format!(
        "\
version: 1
hostname: kube1
network: {{interfaces: [{{name: eth0, addresses: [192.168.1.10/24], dns: [192.168.1.1]}}]}}
etcd: {{}}
kubernetes: {{version: 1.36.2, role: single{more}}}
"
    );
    fs::write(folder.join("node.yaml"), text).unwrap();
}

/// Builds the config, with registry.k8s.io at `registry`. Returns whether CoreDNS is applied, and
/// what was said.
fn built(folder: &Path, registry: &str, more: &[&str]) -> (bool, String) {
    let mirror = format!("registry.k8s.io=http://{registry}");
    let mut arguments = vec!["node.yaml", "--registry-mirror", &mirror, "-o", "node.ign"];
    arguments.extend(more);
    let output = imgbuild(folder, &arguments);
    succeeds(&output);
    let config = fs::read_to_string(folder.join("node.ign")).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (config.contains("/30-coredns.yaml"), said)
}

#[test]
fn dns_is_there_where_its_image_can_be_had() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    spec(folder, "");
    // Without a registry, the rest of the cluster is built, and the lack is told.
    for more in [&[][..], &["--offline"], &["--locked"]] {
        let (has_dns, said) = built(folder, NO_REGISTRY, more);
        assert!(!has_dns, "{said}");
        assert!(
            said.contains("warning: the cluster has no DNS") && said.contains(CORE_DNS),
            "{said}"
        );
    }

    let registry = Registry::open();
    let file = archive(&folder.join("a.tar"), "a", Arch::Amd64, "dns");
    registry.push(&file, CORE_DNS);
    let (has_dns, said) = built(folder, &registry.host, &[]);
    assert!(has_dns && !said.contains("warning: the cluster"), "{said}");
    let lock = fs::read_to_string(folder.join("imgbuild.lock")).unwrap();
    let pin = format!(
        "\"registry.k8s.io/{CORE_DNS}\": \"{}\"",
        registry.manifest(CORE_DNS).0
    );
    assert!(lock.contains(&pin), "{lock}");

    // The lock is enough to decide the same again.
    drop(registry);
    let first = fs::read(folder.join("node.ign")).unwrap();
    let (has_dns, said) = built(folder, NO_REGISTRY, &["--offline", "--locked"]);
    assert!(has_dns && !said.contains("warning: the cluster"), "{said}");
    assert!(first == fs::read(folder.join("node.ign")).unwrap());
    let inspected = imgbuild(folder, &["inspect", "node.yaml"]);
    let inspected = String::from_utf8(inspected.stdout).unwrap();
    assert!(inspected.contains("30-coredns.yaml"), "{inspected}");
}

#[test]
fn dns_is_there_where_its_archive_is_beside_the_programs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    spec(folder, "");
    let programs = folder.join("programs");
    fs::create_dir(&programs).unwrap();
    let name = format!("registry.k8s.io/{CORE_DNS}");
    archive(&programs.join("coredns.tar"), &name, Arch::Amd64, "dns");
    // Beside it, what is no image at all.
    fs::write(programs.join("backup.tar"), "notes").unwrap();
    let (has_dns, said) = built(folder, NO_REGISTRY, &["--programs", "programs"]);
    assert!(has_dns && !said.contains("warning: the cluster"), "{said}");

    fs::remove_file(programs.join("coredns.tar")).unwrap();
    let (has_dns, said) = built(folder, NO_REGISTRY, &["--programs", "programs"]);
    assert!(!has_dns && said.contains("backup.tar"), "{said}");
}

#[test]
fn what_the_spec_says_of_dns_holds() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (more, want, warning) in [
        (", dns: none", false, None),
        (", cni: none", false, None),
        (
            ", dns: coredns",
            true,
            Some("nodes pull registry.k8s.io/coredns"),
        ),
        (
            ", dns: none, cni: flannel",
            false,
            Some("nodes pull ghcr.io/flannel-io/flannel"),
        ),
    ] {
        spec(folder, more);
        let elsewhere = format!("ghcr.io=http://{NO_REGISTRY}");
        let (has_dns, said) = built(folder, NO_REGISTRY, &["--registry-mirror", &elsewhere]);
        assert_eq!(has_dns, want, "{more}: {said}");
        match warning {
            Some(warning) => assert!(said.contains(warning), "{more}: {said}"),
            None => assert!(!said.contains("warning"), "{more}: {said}"),
        }
    }
}
