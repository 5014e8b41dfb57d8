//! The Ignition configs. Needs the Debian packages ignition and systemd.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::fedora_coreos::project::{self, HEAD, Project, files, said};

/// All that a node of Fedora CoreOS may ask for.
const FULL: &str = "\
users: [{name: core, ssh_authorized_keys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEYSg9hGbKSkAWGFpVxlXKW9iNw1CmJDcrJ5mFvWTXIm lab']}, {name: ops, groups: [sudo, wheel, site]}]
network:
  interfaces: [{name: ens3, addresses: [192.168.1.10/24], gateway: 192.168.1.1, dns: [192.168.1.1]}]
  ntp: {servers: [ntp.lab.example]}
  hosts: {192.168.1.11: [kube2]}
  firewall: {allow_from: [192.168.1.0/24]}
sysctls: {vm.max_map_count: 262144}
modules: [br_netfilter]
kernel_arguments: [mitigations=off]
remove_kernel_arguments: [quiet]
etcd: {settings: {heartbeat-interval: 200}, backup: {keep: 3}}
storage: {files: [{path: /usr/local/bin/hello, mode: 0755, contents: {inline: \"#!/bin/sh\\n\"}}]}
systemd: {units: [{name: zincati.service, mask: true}]}
passwd: {groups: [{name: site, gid: 2000}]}
";

/// Debian's Ignition 2.14 knows 3.4.0 as its experimental version.
fn validate(project: &Project, config: &Path) {
    let text = fs::read_to_string(config).unwrap();
    assert!(text.contains("\"version\": \"3.4.0\""), "{text}");
    let path = project.path("experimental.ign");
    fs::write(&path, text.replacen("3.4.0", "3.4.0-experimental", 1)).unwrap();
    project::validate(&path);
}

#[test]
fn a_full_config_is_accepted_and_complete() {
    let project = Project::new(&format!("{HEAD}{FULL}"));
    let config = project.build("node.ign", &[]);
    validate(&project, &config);
    let files = files(&config);
    for (path, part) in [
        ("/etc/hostname", "kube1\n"),
        ("/etc/hosts", "192.168.1.10\tkube1\n192.168.1.11\tkube2\n"),
        (
            "/etc/NetworkManager/system-connections/ens3.nmconnection",
            "address1=192.168.1.10/24,192.168.1.1\n",
        ),
        (
            "/etc/sysconfig/nftables.conf",
            "ip saddr { 192.168.1.0/24 } tcp dport 2379 accept",
        ),
        ("/etc/chrony.conf", "server ntp.lab.example iburst"),
        (
            "/etc/sysctl.d/90-imgbuild.conf",
            "vm.max_map_count = 262144\n",
        ),
        ("/etc/modules-load.d/imgbuild.conf", "br_netfilter\n"),
        ("/usr/local/bin/hello", "#!/bin/sh\n"),
        ("/etc/etcd/environment", "\nETCD_HEARTBEAT_INTERVAL=200\n"),
        (
            "/usr/local/bin/etcdctl",
            "exec /usr/bin/podman exec --interactive --env=ETCDCTL_ENDPOINTS=https://127.0.0.1:2379",
        ),
        (
            "/usr/local/sbin/imgbuild-etcd-snapshot",
            "/usr/bin/podman exec etcd /usr/local/bin/etcdutl snapshot status",
        ),
        (
            "/usr/local/sbin/imgbuild-etcd-restore",
            "/usr/bin/podman run --rm --security-opt=label=disable --network=none",
        ),
        ("/etc/kubernetes/pki/etcd/server.crt", "BEGIN CERTIFICATE"),
    ] {
        let text = files
            .get(path)
            .unwrap_or_else(|| panic!("{path} is missing"));
        assert!(text.contains(part), "{path}: {text}");
    }
    let json: serde_json::Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    let file = |path: &str| {
        let mut files = json["storage"]["files"].as_array().unwrap().iter();
        files.find(|file| file["path"] == path).unwrap()
    };
    // NetworkManager takes no keyfile that others than root can read.
    assert_eq!(
        json["kernelArguments"],
        serde_json::json!({"shouldExist": ["mitigations=off"], "shouldNotExist": ["quiet"]})
    );
    let keyfile = file("/etc/NetworkManager/system-connections/ens3.nmconnection");
    assert_eq!(keyfile["mode"], 0o600);
    // Fedora has a file of its own there.
    assert_eq!(file("/etc/chrony.conf")["overwrite"], true);
    let mut others = (files.iter()).filter(|(path, _)| !path.ends_with("/nftables.conf"));
    assert!(!others.any(|(_, text)| text.contains("docker")));
    let groups = json["passwd"]["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 1, "Fedora has the others: {groups:?}");
}

/// `update-ca-trust` takes them from there. Needs openssl.
#[test]
fn authorities_go_where_the_system_makes_its_lists_of() {
    let spec = format!("{HEAD}ca_certificates: [{{name: site, local: site.pem}}]\n");
    let project = Project::new(&spec);
    let made = Command::new("openssl")
        .args(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=site -days 30"
                .split(' '),
        )
        .args(["-keyout", "/dev/null", "-out"])
        .arg(project.path("site.pem"))
        .output()
        .expect("starting openssl (Debian package openssl)");
    assert!(made.status.success(), "{}", said(&made));
    let config = project.build("node.ign", &[]);
    validate(&project, &config);
    let files = files(&config);
    let pem = fs::read_to_string(project.path("site.pem")).unwrap();
    assert_eq!(files["/etc/pki/ca-trust/source/anchors/site.pem"], pem);
    assert!(!files.keys().any(|path| path.starts_with("/etc/ssl")));
    let text = fs::read_to_string(config).unwrap();
    assert!(text.contains("\"certificateAuthorities\""), "{text}");
}

#[test]
fn etcd_runs_by_podman_which_needs_no_daemon() {
    let project = Project::new(&format!("{HEAD}etcd: {{}}\n"));
    let config = project.build("node.ign", &[]);
    let json: serde_json::Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    let units = json["systemd"]["units"].as_array().unwrap();
    let unit = units
        .iter()
        .find(|unit| unit["name"] == "etcd.service")
        .unwrap();
    let text = unit["contents"].as_str().unwrap();
    for part in [
        "\nAfter=network-online.target\n",
        "\nExecStart=/usr/bin/podman run --rm --name=etcd --network=host --user=232:232 ",
        " --security-opt=no-new-privileges --security-opt=label=disable ",
        " --volume=/var/lib/etcd:/var/lib/etcd --volume=/etc/kubernetes/pki/etcd:/etc/kubernetes/pki/etcd:ro ",
        " gcr.io/etcd-development/etcd:v3.",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("docker"), "{text}");
    // The test machine need not have podman.
    let path = project.path("etcd.service");
    fs::write(&path, text.replace("/usr/bin/podman", "/bin/true")).unwrap();
    let run = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(&path)
        .output()
        .expect("starting systemd-analyze (Debian package systemd)");
    let said = said(&run);
    assert!(
        run.status.success() && !said.contains("etcd.service"),
        "{said}"
    );
}

#[test]
fn the_example_is_accepted() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/fedora-coreos-node.yaml");
    let project = Project::new(&fs::read_to_string(example).unwrap());
    fs::create_dir(project.path("home")).unwrap();
    let config = project.build("node.ign", &[]);
    validate(&project, &config);
}
