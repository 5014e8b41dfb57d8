//! Each block of the note that ct or a shell would take: the spec of
//! `configs/container-linux-1.9.yaml` gives the same, byte for byte.

use std::fs;
use std::path::Path;

use crate::container_linux_nodes::{HASH, SSH_KEY, all, as_spec, example, note, one};

/// `block` with `line` after the line that holds `after`: what the note adds to a block later on.
fn with_line(block: &str, after: &str, line: &str) -> String {
    assert_eq!(block.matches(after).count(), 1, "{after}");
    let lines = block.lines().flat_map(|old| {
        let new = old.contains(after).then_some(line);
        std::iter::once(old).chain(new)
    });
    let lines: Vec<_> = lines.collect();
    lines.join("\n") + "\n"
}

/// The line of a block that starts with these dashes.
fn flag_of<'a>(block: &'a str, flag: &str) -> &'a str {
    block
        .lines()
        .find(|line| line.contains(flag))
        .expect("the note has it")
}

#[test]
fn the_example_gives_the_files_of_the_note() {
    let (node, _folder) = example();
    // Deviation: with the service accounts' keys, which the note adds further down ("(snip)").
    let api = note("service-account-apiserver.yaml");
    let api = with_line(
        &note("kube-apiserver.yaml"),
        "--anonymous-auth=true",
        flag_of(&api, "--service-account-key-file"),
    );
    // The note calls this container kube-apiserver by mistake; its own manifest has the right name.
    let manager = note("service-account-controller-manager.yaml");
    let manager = with_line(
        &note("kube-controller-manager.yaml"),
        "--leader-elect=true",
        flag_of(&manager, "--service-account-private-key-file"),
    );
    for (path, text) in [
        ("/etc/hostname", "app-kube1".to_owned()),
        (
            "/etc/kubernetes/kubeconfig/master-config.yaml",
            note("master-config.yaml"),
        ),
        ("/etc/kubernetes/manifests/kube-apiserver.yaml", api),
        (
            "/etc/kubernetes/manifests/kube-controller-manager.yaml",
            manager,
        ),
        (
            "/etc/kubernetes/manifests/kube-scheduler.yaml",
            note("kube-scheduler.yaml"),
        ),
        (
            "/etc/kubernetes/kubeconfig/kube-scheduler-config.yaml",
            note("kube-scheduler-config.yaml"),
        ),
        (
            "/etc/kubernetes/kubeconfig/kube-proxy-config.yaml",
            note("kube-proxy-config.yaml"),
        ),
        (
            "/etc/kubernetes/manifests/kube-proxy.yaml",
            note("kube-proxy.yaml"),
        ),
    ] {
        assert_eq!(node.text(path), text, "{path}");
        let file = node
            .config
            .storage
            .files
            .iter()
            .find(|file| file.path == path);
        let file = file.unwrap();
        assert_eq!(
            (file.mode, file.filesystem.as_str()),
            (Some(0o644), "root"),
            "{path}"
        );
    }
    let paths: Vec<_> = node.files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "/etc/hostname",
            "/etc/kubernetes/kubeconfig/kube-proxy-config.yaml",
            "/etc/kubernetes/kubeconfig/kube-scheduler-config.yaml",
            "/etc/kubernetes/kubeconfig/master-config.yaml",
            "/etc/kubernetes/manifests/kube-apiserver.yaml",
            "/etc/kubernetes/manifests/kube-controller-manager.yaml",
            "/etc/kubernetes/manifests/kube-proxy.yaml",
            "/etc/kubernetes/manifests/kube-scheduler.yaml",
            "/etc/kubernetes/ssl/sa.key",
            "/etc/kubernetes/ssl/sa.pub",
        ]
    );
    assert_eq!(node.config.ignition.version, "2.2.0");
    assert_eq!(node.warnings, ["W0537"], "an open API is told of");
}

#[test]
fn the_example_gives_the_units_of_the_note() {
    let (node, _folder) = example();
    let kubelet = node.unit("kubelet.service");
    assert_eq!(
        (kubelet.contents.as_str(), kubelet.enabled),
        (note("kubelet.service").as_str(), Some(true))
    );
    assert_eq!(
        node.networkd("10-static.network"),
        note("10-static.network")
    );
    let flannel = node.unit("flanneld.service");
    assert_eq!(flannel.enabled, Some(true));
    assert_eq!(
        node.dropin("flanneld.service", "50-network-config.conf"),
        note("50-network-config.conf")
    );
    // What ct makes of the note's `flannel: ~` and `etcd:`.
    assert_eq!(
        node.dropin("flanneld.service", "20-clct-flannel.conf"),
        "[Service]\nExecStart=\nExecStart=/usr/lib/coreos/flannel-wrapper $FLANNEL_OPTS"
    );
    assert_eq!(node.unit("etcd-member.service").enabled, Some(true));
    assert_eq!(
        node.dropin("etcd-member.service", "20-clct-etcd-member.conf"),
        ETCD
    );
    // Beyond the note, whose pods sit on docker's own bridge: docker waits for flannel.
    let docker = node.dropin("docker.service", "40-flannel.conf");
    assert!(docker.contains("\nAfter=flanneld.service"), "{docker}");
    let names: Vec<_> = node
        .config
        .systemd
        .units
        .iter()
        .map(|unit| unit.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "docker.service",
            "etcd-member.service",
            "flanneld.service",
            "kubelet.service"
        ]
    );
    let user = &node.config.passwd.users[0];
    assert_eq!(
        (user.name.as_str(), &user.ssh_authorized_keys[..]),
        ("core", &[SSH_KEY.to_owned()][..])
    );
}

const ETCD: &str = r#"[Service]
ExecStart=
ExecStart=/usr/lib/coreos/etcd-wrapper $ETCD_OPTS \
  --name="app-etcd-1" \
  --listen-peer-urls="http://0.0.0.0:2380" \
  --listen-client-urls="http://0.0.0.0:2379" \
  --initial-advertise-peer-urls="http://192.168.1.10:2380" \
  --initial-cluster="app-etcd-1=http://192.168.1.10:2380" \
  --initial-cluster-state="new" \
  --initial-cluster-token="xxxx" \
  --advertise-client-urls="http://192.168.1.10:2379""#;

/// Each fragment that the note gives to ct is a spec by two lines more, and means the same.
#[test]
fn fragments_for_ct_are_specs() {
    let passwd = note("ct-passwd.yaml")
        .replace("ssh-rsa xxxx", SSH_KEY)
        .replace("$6$xxxx", HASH);
    let node = one(&as_spec(&passwd));
    let user = &node.config.passwd.users[0];
    assert_eq!(user.name, "core");
    assert_eq!(user.ssh_authorized_keys, [SSH_KEY]);
    assert_eq!(user.password_hash.as_deref(), Some(HASH));
    assert_eq!(user.create, None);

    let hostname = note("ct-hostname.yaml").replace("(ホスト名)", "app-kube1");
    assert_eq!(one(&as_spec(&hostname)).text("/etc/hostname"), "app-kube1");

    let networkd = one(&as_spec(&note("ct-networkd.yaml")));
    assert_eq!(
        networkd.networkd("10-static.network"),
        note("10-static.network")
    );

    let etcd = one(&as_spec(&note("ct-etcd.yaml")));
    assert_eq!(
        etcd.dropin("etcd-member.service", "20-clct-etcd-member.conf"),
        ETCD
    );

    let flannel = one(&as_spec(
        &(note("ct-flannel.yaml") + &note("ct-flannel-network.yaml")),
    ));
    let unit = flannel.unit("flanneld.service");
    assert_eq!((unit.enabled, unit.dropins.len()), (Some(true), 2));
    assert_eq!(
        flannel.dropin("flanneld.service", "50-network-config.conf"),
        note("50-network-config.conf")
    );

    let kubelet = one(&as_spec(&note("ct-kubelet.yaml")));
    let unit = kubelet.unit("kubelet.service");
    assert_eq!(
        (unit.contents.as_str(), unit.enabled),
        (note("kubelet.service").as_str(), Some(true))
    );

    let ip_vs = one(&as_spec(&note("ct-ip-vs.yaml")));
    assert_eq!(ip_vs.text("/etc/modules-load.d/ip_vs.conf"), "ip_vs");
}

/// `local:` is a file beside the spec, as in ct's `-files-dir`.
#[test]
fn local_files_are_those_beside_the_spec() {
    for (fragment, local, path) in [
        (
            "ct-master-config.yaml",
            "kubeconfig/master-config.yaml",
            "/etc/kubernetes/kubeconfig/master-config.yaml",
        ),
        (
            "ct-kube-apiserver.yaml",
            "manifests/kube-apiserver.yaml",
            "/etc/kubernetes/manifests/kube-apiserver.yaml",
        ),
        (
            "ct-kube-proxy-config.yaml",
            "kubeconfig/kube-proxy-config.yaml",
            "/etc/kubernetes/kubeconfig/kube-proxy-config.yaml",
        ),
        (
            "ct-kube-proxy.yaml",
            "manifests/kube-proxy.yaml",
            "/etc/kubernetes/manifests/kube-proxy.yaml",
        ),
    ] {
        let text = note(local.rsplit('/').next().unwrap());
        let nodes = all(&as_spec(&note(fragment)), &[(local, &text)]).unwrap();
        assert_eq!(nodes[0].text(path), text, "{fragment}");
        assert_eq!(
            nodes[0].config.storage.files[0].mode,
            Some(0o644),
            "{fragment}"
        );
    }
}

/// IPVS: the gate as a text, and every module that it needs, where the note has one of them.
#[test]
fn ipvs_has_its_gate_and_its_modules() {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/container-linux-1.9.yaml");
    let text = fs::read_to_string(configs).unwrap();
    let text = text.replace("  # proxy: {mode: ipvs}", "  proxy: {mode: ipvs}");
    let nodes = all(&text, &[(".ssh/id_ed25519.pub", SSH_KEY)]).unwrap();
    let config = nodes[0].text("/etc/kubernetes/kubeconfig/kube-proxy-config.yaml");
    let mut lines = config.lines();
    for line in note("kube-proxy-config-ipvs.yaml").lines() {
        assert!(
            lines.any(|other| other == line),
            "{line} in its order in\n{config}"
        );
    }
    assert_eq!(
        nodes[0].text("/etc/modules-load.d/ip_vs.conf"),
        "ip_vs\nip_vs_rr\nip_vs_wrr\nip_vs_sh\nnf_conntrack\n"
    );
}
