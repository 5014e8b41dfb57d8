//! etcd and kube-proxy in pods: the units, and the kubeconfig of kube-proxy.
//!
//! Debian packages that must be there: kubernetes-client systemd.

use std::fs;
use std::process::Command;

use crate::generated::Generated;
use crate::pods::{CLUSTER, settings, single};
use crate::units::systemd_takes;

#[test]
fn systemd_takes_the_units() {
    let care = ", backup: {schedule: daily, keep: 2}";
    let node = single("1.36.2", care, "");
    node.units.iter().for_each(systemd_takes);
    assert!(
        node.unit("imgbuild-etcd-snapshot.service")
            .contains("After=kubelet.service\n")
    );
    for index in 0..4 {
        Generated::nth(CLUSTER, &[], index)
            .units
            .iter()
            .for_each(systemd_takes);
    }
}

/// kubectl reads the kubeconfig, which leads to the endpoint with the token of the pod.
#[test]
fn the_proxys_kubeconfig_is_kubectls() {
    for (index, server) in [
        (None, "https://192.168.1.10:6443"),
        (Some(0), "https://kubernetes-api:6443"),
    ] {
        let node = index.map_or_else(
            || single("1.36.2", "", ""),
            |index| Generated::nth(CLUSTER, &[], index),
        );
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config");
        fs::write(&path, &settings(&node)["kubeconfig.conf"]).expect("written");
        let output = Command::new("kubectl")
            .args([
                "config",
                "view",
                "--minify",
                "--raw",
                "-o",
                "jsonpath={.clusters[0].cluster.server} {.users[0].user.tokenFile}",
                "--kubeconfig",
            ])
            .arg(&path)
            .output()
            .expect("running kubectl (Debian package kubernetes-client)");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            format!("{server} /var/run/secrets/kubernetes.io/serviceaccount/token")
        );
    }
}
