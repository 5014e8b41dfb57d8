//! etcd in a pod: its manifest, and what else of the node knows of it. systemd judges the units in
//! `tests/judges/components/pods.rs`.

use imgbuild::facts::etcd::etcd_flags;
use imgbuild::facts::kubernetes::version::RELEASES;
use serde_json::json;

use crate::generated::Generated;
use crate::pods::{CLUSTER, DAEMON_SET, single};

const ETCD: &str = "/etc/kubernetes/manifests/etcd.yaml";

#[test]
fn the_manifests_read_well() {
    let node = single("1.36.2", "", "");
    insta::assert_snapshot!("etcd", node.text(ETCD));
    insta::assert_snapshot!("kube_proxy", node.text(DAEMON_SET));
    let control = Generated::nth(CLUSTER, &[], 1);
    insta::assert_snapshot!("kube_proxy_of_many", control.text(DAEMON_SET));
    insta::assert_snapshot!(
        "api_server_order",
        control.unit("imgbuild-api-server-order.service")
    );
}

/// Each version is given flags that its own etcd knows, and no others; and which etcd that is
/// follows from where it comes from.
#[test]
fn each_etcd_knows_its_flags() {
    let named = ", image: 'registry.example/etcd:v3.5.21'";
    let upstream = |minor: u16| match minor {
        ..34 => 5,
        34..37 => 6,
        _ => 7,
    };
    for release in &RELEASES {
        let version = format!("1.{}.0", release.minor);
        let pulled = format!("registry.k8s.io/etcd:{}", release.etcd);
        for (etcd, kubernetes, image, program, minor) in [
            ("", "", "imgbuild.local/node:1", "/usr/bin/etcd", 5),
            (
                "",
                ", artifacts: pull",
                &pulled,
                "etcd",
                upstream(release.minor),
            ),
            (
                named,
                ", artifacts: pull",
                "registry.example/etcd:v3.5.21",
                "etcd",
                5,
            ),
        ] {
            let node = single(&version, etcd, kubernetes);
            let pod = node.pod("etcd");
            let container = &pod["spec"]["containers"][0];
            assert_eq!(container["image"], *image, "{version} {etcd}");
            assert_eq!(container["command"][0], program, "{version} {etcd}");
            let flags = node.flags("etcd");
            for flag in &flags {
                let name = flag
                    .trim_start_matches("--")
                    .split('=')
                    .next()
                    .expect("a name");
                let known = etcd_flags().find(|known| known.name == name);
                assert!(
                    known.is_none_or(|known| known.minors.why_not(minor).is_none()),
                    "etcd 3.{minor} {flag}"
                );
            }
            let check = if minor == 5 {
                "--experimental-initial-corrupt-check=true"
            } else {
                "--feature-gates=InitialCorruptCheck=true"
            };
            assert!(
                flags.iter().any(|flag| flag == check),
                "{version}: {flags:?}"
            );
        }
    }
}

/// What the spec says of the member reaches its pod.
#[test]
fn settings_reach_etcd() {
    let node = single(
        "1.36.2",
        ", data_dir: /var/lib/members/one, settings: {quota-backend-bytes: 4294967296, snapshot-count: 5000}",
        "",
    );
    let flags = node.flags("etcd");
    for want in [
        "--data-dir=/var/lib/members/one",
        "--quota-backend-bytes=4294967296",
        "--snapshot-count=5000",
        "--listen-metrics-urls=http://127.0.0.1:2381",
        "--client-cert-auth=true",
        "--peer-client-cert-auth=true",
    ] {
        assert_eq!(
            flags.iter().filter(|flag| *flag == want).count(),
            1,
            "{want}"
        );
    }
    let pod = node.pod("etcd");
    let volume = &pod["spec"]["volumes"][0]["hostPath"];
    assert_eq!(
        *volume,
        json!({"path": "/var/lib/members/one", "type": "Directory"})
    );
    assert!(
        node.unit("kubelet.service").contains(
            "RequiresMountsFor=/var/lib/kubelet /opt/kubernetes/bin /var/lib/members/one "
        ),
        "the kubelet waits for the data"
    );
}

/// Each file that a flag names is mounted, there, and nobody's but root's where it is a key.
#[test]
fn etcd_has_its_files() {
    let node = single("1.36.2", "", "");
    let pod = node.pod("etcd");
    let mounts = pod["spec"]["containers"][0]["volumeMounts"]
        .as_array()
        .expect("mounts")
        .clone();
    let mut named = 0;
    for flag in node.flags("etcd") {
        let (_, value) = flag.split_once('=').expect("a value");
        if !value.starts_with("/etc/") {
            continue;
        }
        named += 1;
        let is_mounted = mounts.iter().any(|mount| {
            let at = mount["mountPath"].as_str().expect("text");
            mount["readOnly"] == true && value.starts_with(&format!("{at}/"))
        });
        assert!(is_mounted, "{flag}");
        let (mode, _) = &node.files[value];
        let want = if flag.contains("key-file=") {
            0o600
        } else {
            0o644
        };
        assert_eq!(*mode, want, "{value}");
    }
    assert_eq!(named, 6);
    assert_eq!(node.files[ETCD].0, 0o600);
    assert!(!node.files.contains_key("/etc/default/etcd"));
    assert!(
        node.units
            .iter()
            .all(|unit| unit.name.as_str() != "etcd.service")
    );
}

/// The API server waits for etcd, and on further control planes for the earlier ones; no kubelet
/// waits for either.
#[test]
fn the_api_server_waits_for_etcd() {
    for (index, earlier) in [
        (0, ""),
        (1, "192.168.1.11:6443"),
        (2, "192.168.1.11:6443 192.168.1.12:6443"),
    ] {
        let node = Generated::nth(CLUSTER, &[], index);
        let manifest = "/etc/kubernetes/imgbuild/after-etcd/kube-apiserver.yaml";
        assert!(node.files.contains_key(manifest), "{index}");
        assert!(
            !node
                .files
                .contains_key("/etc/kubernetes/manifests/kube-apiserver.yaml"),
            "{index}"
        );
        let order = node.unit("imgbuild-api-server-order.service");
        for want in [
            &format!("\"EARLIER={earlier}\""),
            &format!("/imgbuild/api-server-order {manifest}\n"),
            " kubelet.service\n",
        ] {
            assert!(order.contains(want), "{index} {want}: {order}");
        }
        assert!(!order.contains("Before="), "{order}");
        assert_eq!(
            node.flags("kube-apiserver")
                .iter()
                .filter(|flag| *flag == "--etcd-servers=https://127.0.0.1:2379")
                .count(),
            1
        );
    }
    let worker = Generated::nth(CLUSTER, &[], 3);
    assert!(
        worker
            .units
            .iter()
            .all(|unit| unit.name.as_str() != "imgbuild-api-server-order.service")
    );
}
