//! kubeadm of the folder that `IMGBUILD_KUBE_DIR` names, where it has one, says what it would run:
//! the same as is generated. Without it nothing is tested, and the output says so. kubeadm only
//! prints here; nothing of the machine changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value as Json, json};

use crate::components::programs::{programs, version};
use crate::generated::{Generated, read_yaml};

/// kubeadm and its version; `None`, said aloud, where there is none.
fn kubeadm() -> Option<(PathBuf, imgbuild::facts::kubernetes::version::KubeVersion)> {
    let folder = programs()?;
    let program = folder.join("kubeadm");
    if !program.exists() {
        crate::skipped::skipped("IMGBUILD_KUBE_DIR has no kubeadm");
        return None;
    }
    Some((program, version(&folder)))
}

fn prints(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .expect("kubeadm runs");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn images_have_kubeadms_tags() {
    let Some((kubeadm, version)) = kubeadm() else {
        return;
    };
    let wanted = format!("v{version}");
    let listed = prints(
        &kubeadm,
        &["config", "images", "list", "--kubernetes-version", &wanted],
    );
    let release = version.release().expect("a version that is known");
    for image in [
        format!("registry.k8s.io/etcd:{}", release.etcd),
        format!("registry.k8s.io/coredns/coredns:{}", release.core_dns),
        format!("registry.k8s.io/pause:{}", release.pause),
        format!("registry.k8s.io/kube-proxy:{wanted}"),
    ] {
        assert!(
            listed.lines().any(|line| line == image),
            "{image}: {listed}"
        );
    }
}

/// Objects by kind and name.
fn by_kind(objects: Vec<Json>) -> BTreeMap<String, Json> {
    let key = |object: &Json| format!("{} {}", object["kind"], object["metadata"]["name"]);
    objects
        .into_iter()
        .map(|object| (key(&object), object))
        .collect()
}

/// The same objects, but for how the `DaemonSet`'s pods are told the node's settings, and settings
/// that kubeadm leaves at their defaults.
#[test]
fn the_proxys_objects_are_kubeadms() {
    let Some((kubeadm, version)) = kubeadm() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("kubeadm.yaml");
    fs::write(
        &config,
        format!(
            "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v{version}
controlPlaneEndpoint: 192.168.1.10:6443
networking: {{podSubnet: 10.244.0.0/16}}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
localAPIEndpoint: {{advertiseAddress: 192.168.1.10}}
nodeRegistration: {{criSocket: unix:///run/containerd/containerd.sock, name: kube1}}
"
        ),
    )
    .expect("written");
    let config = config.display().to_string();
    let printed = prints(
        &kubeadm,
        &[
            "init",
            "phase",
            "addon",
            "kube-proxy",
            "--print-manifest",
            "--config",
            &config,
        ],
    );
    let theirs = (printed
        .split("---\n")
        .filter(|text| !text.trim().is_empty()))
    .map(|text| read_yaml("kubeadm", text))
    .collect();
    let spec = format!(
        "\
version: 1
hostname: kube1
network: {{interfaces: [{{name: eth0, addresses: [192.168.1.10/24]}}]}}
etcd: {{}}
kubernetes: {{version: {version}, role: single, proxy: {{daemon_set: true, image: upstream}}}}
"
    );
    let node = Generated::of(&spec, &[]);
    let ours = by_kind(node.objects("/etc/kubernetes/imgbuild/15-kube-proxy.yaml"));
    let theirs = by_kind(theirs);
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        theirs.keys().collect::<Vec<_>>()
    );
    for (key, own) in &ours {
        let mut own = own.clone();
        let their = &theirs[key];
        match own["kind"].as_str().expect("text") {
            "ConfigMap" => {
                let kubeconfig = |map: &Json| {
                    read_yaml(key, map["data"]["kubeconfig.conf"].as_str().expect("text"))
                };
                assert_eq!(kubeconfig(&own), kubeconfig(their));
                own["data"] = their["data"].clone();
            }
            // The only group that there is.
            "RoleBinding" => {
                own["subjects"][0]
                    .as_object_mut()
                    .expect("a map")
                    .remove("apiGroup");
            }
            "DaemonSet" => as_kubeadm_has_it(&mut own, their),
            _ => {}
        }
        assert_eq!(&own, their, "{key}");
    }
}

/// Takes out of our `DaemonSet` what is meant to differ, once it was seen to.
fn as_kubeadm_has_it(own: &mut Json, their: &Json) {
    let pod = "/spec/template/spec";
    let container = format!("{pod}/containers/0");
    for (field, want) in [
        (
            format!("{container}/command/0"),
            json!("/usr/local/bin/kube-proxy"),
        ),
        (format!("{container}/volumeMounts/0/readOnly"), Json::Null),
        (format!("{container}/volumeMounts/1/readOnly"), json!(false)),
        (format!("{container}/env/1"), Json::Null),
    ] {
        assert_eq!(
            their.pointer(&field).unwrap_or(&Json::Null),
            &want,
            "{field}"
        );
    }
    // Found by the PATH that is said; not written to; and the default said.
    own["spec"]["template"]["spec"]["containers"][0]["command"][0] =
        json!("/usr/local/bin/kube-proxy");
    let own = &mut own["spec"]["template"]["spec"]["containers"][0];
    own["env"].as_array_mut().expect("a list").truncate(1);
    let mounts = &mut own["volumeMounts"];
    mounts[0].as_object_mut().expect("a map").remove("readOnly");
    mounts[1]["readOnly"] = json!(false);
}
