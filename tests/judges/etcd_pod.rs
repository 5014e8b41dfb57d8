//! etcd as a static pod, on the node's own system: its program with the arguments of the manifest,
//! and the scripts that care for it. A stand-in for the kubelet runs what the manifest says as long
//! as it is there, and then ends it.
//!
//! Debian packages that must be there: squashfs-tools util-linux.

use std::fs;
use std::process::{Command, Stdio};

use imgbuild::facts::etcd::{EtcdRelease, etcd_flags};
use imgbuild::facts::kinds::Kind;
use imgbuild::node::Node;
use imgbuild::node::etcd::{EtcdBackup, EtcdPod, Snapshot};
use imgbuild::node::fragment::{Contents, Owner};
use imgbuild::parts::all;

use crate::base_root::Root;
use crate::clusters;
use crate::nodes;
use crate::patience::{PROGRAM, computed};
use crate::units;

/// The stand-in, with the address of the node.
const KUBELET: &str = r#"
export SYSTEMD_OFFLINE=1 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin
ip address add 192.168.1.10/24 dev lo
mkdir -p /run
manifest=/etc/kubernetes/manifests/etcd.yaml
kubelet() {
    pid=
    while sleep 0.1; do
        if [ ! -e $manifest ] && [ -n "$pid" ]; then
            kill "$pid"
            wait "$pid" || true
            pid=
        elif [ -e $manifest ] && [ -z "$pid" ]; then
            mapfile -t words <<< "$(sed -n '/^    command:/,/^    ports:/s/^    - //p' $manifest)"
            "${words[@]}" 2> /tmp/etcd.log &
            pid=$!
        fi
    done
}
kubelet &
healthy() {
    # Until the test has no patience any more.
    until etcdctl --command-timeout 5s endpoint health > /tmp/health 2>&1; do :; done
}
healthy
"#;

/// A node whose kubelet runs etcd.
fn node() -> Node {
    let keys = tempfile::tempdir().unwrap();
    let mut node = clusters::single(keys.path());
    let pod = EtcdPod {
        image: None,
        release: EtcdRelease::SYSTEM,
    };
    let member = node.etcd.as_mut().unwrap();
    member.pod = Some(pod.clone());
    member.backup = Some(EtcdBackup {
        schedule: "daily".to_owned(),
        keep: 2,
        span: nodes::span(20),
    });
    let kubernetes = node.kubernetes.as_mut().unwrap();
    let member = kubernetes.member.as_mut().unwrap();
    let plane = member.control_plane.as_mut().unwrap();
    plane.settings.etcd_pod = Some(pod);
    node
}

/// A member without data starts from the snapshot before the kubelet starts it, and root has the
/// data.
#[test]
fn the_kubelet_waits_for_a_restore() {
    let mut node = node();
    node.storage_device = Some(nodes::at(63, "/dev/vda"));
    node.etcd.as_mut().unwrap().restore = Some(Snapshot {
        bytes: b"snapshot".to_vec(),
        span: nodes::span(20),
    });
    let fragments = all(&node);
    let mut units = fragments.iter().flat_map(|fragment| &fragment.units);
    let unit = units
        .find(|unit| unit.name.as_str() == "imgbuild-etcd-restore.service")
        .unwrap();
    units::systemd_takes(unit);
    let text = unit.contents.as_deref().unwrap();
    for line in [
        "Before=kubelet.service",
        "RequiredBy=kubelet.service",
        "ExecStartPre=/usr/bin/install --directory --owner=root --group=root --mode=0700 /var/lib/etcd",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    let folders = fragments.iter().flat_map(|fragment| &fragment.directories);
    for folder in folders.filter(|folder| folder.path.as_str().ends_with("/etcd")) {
        assert_eq!(folder.owner, Owner::default(), "{}", folder.path);
        assert_eq!(folder.mode, 0o700, "{}", folder.path);
    }
}

/// The base with all of etcd's things of the node, and the scripts.
fn root() -> Root {
    let node = node();
    let root = Root::new();
    for file in all(&node).into_iter().flat_map(|fragment| fragment.files) {
        let path = file.path.as_str();
        let is_wanted = ["/usr/local/", "/etc/kubernetes/", "/etc/default/"]
            .iter()
            .any(|start| path.starts_with(start));
        if let (true, Some(Contents::Inline(bytes))) = (is_wanted, &file.contents) {
            root.lay(path, bytes, file.mode);
        }
    }
    let health = include_bytes!("../../configs/base/root/usr/lib/imgbuild/health");
    root.lay("/usr/lib/imgbuild/health", health, 0o755);
    fs::create_dir_all(root.path("var/lib/etcd")).unwrap();
    root
}

/// Its probes answer, the node's own `etcdctl` reads and writes over TLS, and who has no
/// certificate of the cluster's is refused.
#[test]
#[ignore = "needs a base: cargo xtask test"]
fn etcd_runs_by_its_manifest() {
    let root = root();
    let said = root.run(
        KUBELET,
        r#"
etcdctl put greeting hello
etcdctl get greeting --print-value-only
etcdctl endpoint status --write-out fields | grep '"Version"'
grep -o 'path: /.*z$' $manifest | while read -r _ path; do
    exec 3<> /dev/tcp/127.0.0.1/2381
    printf 'GET %s HTTP/1.0\r\n\r\n' "$path" >&3
    read -r _ status _ <&3
    echo "$path $status"
done
/usr/lib/imgbuild/health --etcd && echo healthy
for endpoint in https://127.0.0.1:2379 https://192.168.1.10:2379; do
    /usr/bin/etcdctl --endpoints "$endpoint" --cacert /etc/kubernetes/pki/etcd/ca.crt --command-timeout 2s get greeting 2> /dev/null ||
        echo refused
done
/usr/bin/openssl verify -x509_strict -CAfile /etc/kubernetes/pki/etcd/ca.crt /etc/kubernetes/pki/etcd/{server,peer,healthcheck-client}.crt
"#,
    );
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[..2], ["OK", "hello"], "{said}");
    assert!(lines[2].starts_with("\"Version\" : \"3.5."), "{said}");
    assert_eq!(
        lines[3..7],
        ["/livez 200", "/livez 200", "/readyz 200", "healthy"],
        "{said}"
    );
    assert_eq!(lines[7..9], ["refused", "refused"], "{said}");
    assert!(
        lines[9..].iter().all(|line| line.ends_with(".crt: OK")) && lines.len() == 12,
        "{said}"
    );
}

/// A snapshot brings everything back; the member stands still as long as it is told to, and longer
/// than that not.
#[test]
#[ignore = "needs a base: cargo xtask test"]
fn a_snapshot_brings_everything_back_through_the_kubelet() {
    let root = root();
    assert!(!root.path("etc/default/etcd").exists());
    let said = root.run(
        KUBELET,
        "
etcdctl put greeting hello
imgbuild-etcd-snapshot
etcdctl put greeting changed
cp /var/lib/imgbuild/etcd-snapshots/*.db /tmp/snapshot.db
imgbuild-etcd-restore /tmp/snapshot.db
healthy
etcdctl get greeting --print-value-only
ls /var/lib/etcd /etc/kubernetes/imgbuild
imgbuild-etcd-restore --stop
ls /etc/kubernetes/imgbuild
flock --nonblock /var/lib/etcd/member/snap/db echo stands still
imgbuild-etcd-restore /tmp/snapshot.db
healthy
stat -c %a /var/lib/etcd/member
imgbuild-etcd-restore --stop
rm -rf /var/lib/etcd/*
cp /tmp/snapshot.db /tmp/brought.db
imgbuild-etcd-restore --first /tmp/brought.db
mv /etc/kubernetes/imgbuild/etcd.stopped $manifest
healthy
etcdctl get greeting --print-value-only
ls /tmp/brought.db 2> /dev/null || echo gone
",
    );
    let lines: Vec<&str> = said.lines().collect();
    for (line, times) in [
        ("hello", 2),
        ("before-restore", 1),
        ("etcd.stopped", 1),
        ("stands still", 1),
        ("700", 1),
    ] {
        let count = lines.iter().filter(|found| **found == line).count();
        assert_eq!(count, times, "{line}: {said}");
    }
    assert!(said.ends_with("\nhello\ngone\n"), "{said}");
}

/// What the table says of the values of etcd's flags is what etcd says: it does not start with a
/// value of no kind, nor with one beyond the bounds.
#[test]
fn the_kinds_of_flags_are_etcd_s() {
    let data = tempfile::tempdir().unwrap();
    let complaint = |arguments: &[String]| {
        let child = Command::new("etcd")
            .args([
                "--listen-client-urls=unix://c:0",
                "--advertise-client-urls=unix://c:0",
            ])
            .args([
                "--listen-peer-urls=unix://p:0",
                "--initial-advertise-peer-urls=unix://p:0",
            ])
            .args(["--initial-cluster=default=unix://p:0", "--data-dir=m"])
            .args(arguments)
            .current_dir(data.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starting etcd (Debian package etcd-server)");
        let process = child.id();
        let output = PROGRAM.finish("etcd's word", child, || computed(process));
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let mut judged = 0;
    for flag in etcd_flags() {
        if matches!(flag.kind, Kind::Text | Kind::Words(_)) {
            continue;
        }
        let said = complaint(&[format!("--{}=wrong", flag.name)]);
        // The etcd that is at hand may lack a newer one's.
        if said.contains("flag provided but not defined") {
            continue;
        }
        assert!(said.contains("invalid "), "{}: {said}", flag.name);
        judged += 1;
    }
    assert!(judged > 20, "{judged}");
    for (flags, why) in [
        ("--election-timeout=400", "election-timeout"),
        ("--election-timeout=60000", "election-timeout"),
        ("--heartbeat-interval=0", "heartbeat-interval"),
        ("--log-level=verbose", "verbose"),
        (
            "--auto-compaction-mode=daily --auto-compaction-retention=1",
            "auto-compaction-mode",
        ),
    ] {
        let flags: Vec<String> = flags.split(' ').map(str::to_owned).collect();
        let said = complaint(&flags);
        assert!(said.contains(why), "{flags:?}: {said}");
    }
}
