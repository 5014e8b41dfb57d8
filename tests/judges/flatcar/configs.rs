//! The Ignition configs. Needs the Debian package ignition.

use std::fs;
use std::path::Path;

use crate::flatcar::project::{HEAD, Project};
pub use crate::flatcar::project::{files, validate};

/// All that a node of Flatcar may ask for, with etcd.
const FULL: &str = "\
users: [{name: core, ssh_authorized_keys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEYSg9hGbKSkAWGFpVxlXKW9iNw1CmJDcrJ5mFvWTXIm lab']}, {name: ops, groups: [sudo, docker, site]}]
network:
  interfaces: [{name: eth0, addresses: [192.168.1.10/24], gateway: 192.168.1.1, dns: [192.168.1.1]}]
  ntp: {servers: [ntp.lab.example]}
  hosts: {192.168.1.11: [kube2]}
sysctls: {vm.max_map_count: 262144}
modules: [br_netfilter]
kernel_arguments: [flatcar.autologin]
etcd: {settings: {heartbeat-interval: 200}}
storage: {files: [{path: /opt/bin/hello, mode: 0755, contents: {inline: \"#!/bin/sh\\n\"}}]}
systemd: {units: [{name: update-engine.service, mask: true}]}
passwd: {groups: [{name: site, gid: 2000}]}
";

#[test]
fn a_full_config_is_accepted_and_complete() {
    let project = Project::new(&format!("{HEAD}{FULL}"));
    let config = project.build("node.ign", &[]);
    validate(&config);
    let json: serde_json::Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    assert_eq!(json["ignition"]["version"], "3.3.0");
    assert_eq!(
        json["kernelArguments"],
        serde_json::json!({"shouldExist": ["flatcar.autologin"]})
    );
    let files = files(&config);
    for (path, part) in [
        ("/etc/hostname", "kube1\n"),
        ("/etc/hosts", "192.168.1.10\tkube1\n192.168.1.11\tkube2\n"),
        (
            "/etc/systemd/network/10-eth0.network",
            "Address=192.168.1.10/24\n",
        ),
        (
            "/etc/systemd/timesyncd.conf.d/10-imgbuild.conf",
            "NTP=ntp.lab.example\n",
        ),
        (
            "/etc/sysctl.d/90-imgbuild.conf",
            "vm.max_map_count = 262144\n",
        ),
        ("/etc/modules-load.d/imgbuild.conf", "br_netfilter\n"),
        ("/opt/bin/hello", "#!/bin/sh\n"),
        // docker takes the rest of a line as it is: no quotes.
        ("/etc/etcd/environment", "\nETCD_HEARTBEAT_INTERVAL=200\n"),
        (
            "/etc/etcd/environment",
            "\nETCD_INITIAL_CLUSTER=kube1=https://192.168.1.10:2380\n",
        ),
        (
            "/opt/bin/etcdctl",
            "--env=ETCDCTL_ENDPOINTS=https://127.0.0.1:2379",
        ),
        ("/etc/kubernetes/pki/etcd/server.crt", "BEGIN CERTIFICATE"),
    ] {
        let text = files
            .get(path)
            .unwrap_or_else(|| panic!("{path} is missing"));
        assert!(text.contains(part), "{path}: {text}");
    }
    // Nothing where nothing can be written, and no program that stops a package's etcd.
    let on_the_image: Vec<_> = files
        .keys()
        .filter(|path| path.starts_with("/usr"))
        .collect();
    assert!(on_the_image.is_empty(), "{on_the_image:?}");

    let units = json["systemd"]["units"].as_array().unwrap();
    let unit = units
        .iter()
        .find(|unit| unit["name"] == "etcd.service")
        .unwrap();
    let text = unit["contents"].as_str().unwrap();
    for part in [
        "--env-file=/etc/etcd/environment",
        "--volume=/var/lib/etcd:/var/lib/etcd --volume=/etc/kubernetes/pki/etcd:/etc/kubernetes/pki/etcd:ro",
        " gcr.io/etcd-development/etcd:v3.",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let groups = json["passwd"]["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 1, "Flatcar has the others: {groups:?}");
}

#[test]
fn etcd_runs_from_the_image_that_is_named() {
    let project = Project::new(&format!(
        "{HEAD}etcd: {{tls: false, image: 'mirror.example:5000/etcd:v3.6.4'}}\n"
    ));
    let config = project.build("node.ign", &[]);
    validate(&config);
    let text = fs::read_to_string(config).unwrap();
    assert!(text.contains(" mirror.example:5000/etcd:v3.6.4 /usr/local/bin/etcd\\n"));
    assert!(!text.contains("/etc/kubernetes/pki"), "it has no keys");
}

#[test]
fn the_example_is_accepted() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/flatcar-node.yaml");
    let project = Project::new(&fs::read_to_string(example).unwrap());
    fs::create_dir(project.path("home")).unwrap();
    validate(&project.build("node.ign", &[]));
}
