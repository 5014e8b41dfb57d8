//! Care of etcd, before the programs that do it: systemd reads the schedules, etcd's own programs
//! run in the scripts of the node.
//!
//! Debian packages that must be there: squashfs-tools systemd util-linux.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use imgbuild::facts::systems::Target;
use imgbuild::node::Node;
use imgbuild::node::etcd::EtcdBackup;
use imgbuild::node::fragment::Contents;
use imgbuild::parts::all;
use imgbuild::spec::CalendarEvent;

use crate::base_root::Root;
use crate::nodes;

/// Every kind of event, with lists, ranges and repetitions of every field.
fn events() -> Vec<String> {
    let days = ["", "Mon ", "Mon,Wed..Fri ", "Saturday,sun "];
    let dates = [
        "",
        "*-*-* ",
        "*-*-01 ",
        "*-01,07-1..15/3 ",
        "02-29 ",
        "*-*~1 ",
        "*-*-1/30 ",
        "*-*-10/5,20 ",
    ];
    let times = [
        "",
        "03:30",
        "*:0/15",
        "0..23/2:59",
        "*:*",
        "12:00:30",
        "0/6,1:5..10/5:00",
    ];
    let mut events: Vec<String> = [
        "minutely",
        "Hourly",
        "daily",
        "weekly",
        "monthly",
        "quarterly",
        "semiannually",
        "yearly",
        "annually",
    ]
    .map(str::to_owned)
    .into();
    for day in days {
        for date in dates {
            for time in times {
                let event = format!("{day}{date}{time}").trim().to_owned();
                if !event.is_empty() {
                    events.push(format!("{event} UTC"));
                    events.push(event);
                }
            }
        }
    }
    events
}

fn calendar(events: &[String]) -> Output {
    Command::new("systemd-analyze")
        .arg("calendar")
        .args(events)
        .output()
        .expect("starting systemd-analyze (Debian package systemd)")
}

#[test]
fn systemd_takes_every_schedule_that_we_take() {
    let events: Vec<String> = events()
        .iter()
        .map(|event| CalendarEvent::parse(event).unwrap().as_str().to_owned())
        .collect();
    let done = calendar(&events);
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(!said.contains("Next elapse: never"), "{said}");
    assert_eq!(said.matches("Next elapse:").count(), events.len());
}

#[test]
fn what_systemd_refuses_we_refuse() {
    for event in [
        "dayly",
        "Fri..Mon 03:00",
        "24:00",
        "03",
        "*:0/60",
        "03:00 04:00",
        "1:2:3:4",
        "*-13-01",
        "*-*-32",
        "*-*-00",
        "*-*~29",
        "*-*-*/2",
        "Mon.. 03:00",
        "12:60",
        "a:b",
        "03:00 Mon",
        "*:,5",
        "*:1..",
        "Mon,,Tue",
    ] {
        assert!(CalendarEvent::parse(event).is_err(), "{event}");
        assert!(
            !calendar(&[event.to_owned()]).status.success(),
            "systemd takes {event}"
        );
    }
}

/// Starts and stops the member on its node.
const PRELUDE: &str = "export SYSTEMD_OFFLINE=1 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin; \
            start() { (set -a; . /etc/default/etcd; exec etcd) > /tmp/etcd.log 2>&1 & until etcdctl endpoint health > /dev/null 2>&1; do kill -0 $! || { cat /tmp/etcd.log; exit 1; }; done; }; \
            stop() { kill %%; wait %% || true; };";

/// The base with etcd's part of `node` in it.
fn root_of(node: &Node) -> Root {
    let root = Root::new();
    let wanted = [
        "/usr/local/",
        "/opt/bin/",
        "/etc/default/etcd",
        "/etc/etcd/",
        "/etc/imgbuild/",
    ];
    for file in all(node).into_iter().flat_map(|fragment| fragment.files) {
        let path = file.path.as_str();
        if let (true, Some(Contents::Inline(bytes))) = (
            wanted.iter().any(|start| path.starts_with(start)),
            &file.contents,
        ) {
            root.lay(path, bytes, file.mode);
        }
    }
    root
}

/// The node of the system that has docker and no etcd, with a docker that runs what the image has
/// on the node itself.
fn flatcar() -> Root {
    let mut node = node();
    node.target = Target::Flatcar;
    node.etcd.as_mut().unwrap().image = Some("registry.example/etcd:1".to_owned());
    let root = root_of(&node);
    root.lay(
        "/usr/bin/docker",
        b"\
#!/bin/bash -eu
case $1 in
    exec | run) while [[ $1 != /usr/local/bin/* ]]; do shift; done; exec \"/usr/bin/${1##*/}\" \"${@:2}\" ;;
    image) test -e /tmp/pulled ;;
    pull) echo \"$3\" > /tmp/pulled ;;
esac
",
        0o755,
    );
    root
}

/// The same scripts where etcd is an image.
#[test]
#[ignore = "needs a base: cargo xtask test"]
fn a_snapshot_brings_everything_back_through_docker() {
    let root = flatcar();
    fs::create_dir_all(root.path("var/lib/etcd")).unwrap();
    let start = "PATH=/opt/bin:$PATH; unset ETCDCTL_ENDPOINTS; \
        start() { (while IFS= read -r line; do export \"$line\"; done < /etc/etcd/environment; exec etcd) > /tmp/etcd.log 2>&1 & \
            until etcdctl endpoint health > /dev/null 2>&1; do kill -0 $! || { cat /tmp/etcd.log; exit 1; }; done; }; start;";
    let said = root.run(PRELUDE, &format!(
        "{start} etcdctl put greeting hello; imgbuild-etcd-snapshot; etcdctl put greeting changed; \
         cp /var/lib/imgbuild/etcd-snapshots/*.db /tmp/snapshot.db; stop"
    ));
    assert!(said.contains("\"totalKey\":"), "{said}");
    let said = root.run(PRELUDE, &format!(
        "cd /tmp; /opt/bin/imgbuild-etcd-restore snapshot.db; {start} etcdctl get greeting --print-value-only; stop; cat /tmp/pulled"
    ));
    assert!(said.lines().any(|line| line == "hello"), "{said}");
    assert!(said.ends_with("registry.example/etcd:1\n"), "{said}");
}

/// A node with nothing but a member that talks in the clear on the loopback interface.
fn node() -> Node {
    let mut member = nodes::etcd();
    let client = vec!["http://127.0.0.1:2379".to_owned()];
    let peer = vec!["http://127.0.0.1:2380".to_owned()];
    member.listen_client_urls.clone_from(&client);
    member.advertise_client_urls = client;
    member.listen_peer_urls.clone_from(&peer);
    member.initial_advertise_peer_urls.clone_from(&peer);
    member.initial_cluster = vec![("kube1".to_owned(), peer[0].clone())];
    member.tls = None;
    member.restore = None;
    member.backup = Some(EtcdBackup {
        schedule: "daily".to_owned(),
        keep: 2,
        span: nodes::span(20),
    });
    Node {
        etcd: Some(member),
        ..nodes::bare()
    }
}

/// The node's own scripts, with the node's own programs: a snapshot is taken, rotated, refused when
/// damaged, and restored by hand and at boot.
#[test]
#[ignore = "needs a base: cargo xtask test"]
fn a_snapshot_brings_everything_back() {
    let root = root_of(&node());
    fs::create_dir_all(root.path("var/lib/etcd")).unwrap();
    fs::set_permissions(root.path("var/lib/etcd"), fs::Permissions::from_mode(0o700)).unwrap();

    let said = root.run(PRELUDE,
        "start; etcdctl put greeting hello; imgbuild-etcd-snapshot; etcdctl put greeting changed; etcdctl del other; \
         cp /var/lib/imgbuild/etcd-snapshots/*.db /tmp/snapshot.db; \
         for i in 1 2 3; do imgbuild-etcd-snapshot; sleep 1; done; stat -c '%a' /var/lib/imgbuild/etcd-snapshots; \
         ls /var/lib/imgbuild/etcd-snapshots | wc -l; stat -c '%a' /var/lib/imgbuild/etcd-snapshots/*.db; stop",
    );
    assert!(said.contains("\"totalKey\":"), "{said}");
    assert!(said.ends_with("\n700\n2\n600\n600\n"), "{said}");

    // What the build checks is what etcd writes.
    let snapshot = fs::read(root.path("tmp/snapshot.db")).unwrap();
    assert_eq!(snapshot.len() % 512, 32);

    // A damaged one is refused before anything is touched.
    let mut damaged = snapshot.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 4096].fill(0xa5);
    fs::write(root.path("tmp/damaged.db"), damaged).unwrap();
    let said = root.run(
        PRELUDE,
        "! imgbuild-etcd-restore /tmp/damaged.db > /tmp/said 2>&1; ls /var/lib/etcd; \
         start; etcdctl get greeting --print-value-only; stop",
    );
    assert!(said.lines().any(|line| line == "changed"), "{said}");

    let said = root.run(PRELUDE,
        "imgbuild-etcd-restore /tmp/snapshot.db; ls /var/lib/etcd; start; \
         etcdctl get greeting --print-value-only; etcdctl put greeting again; etcdctl get greeting --write-out fields; stop",
    );
    for line in ["before-restore", "member", "hello"] {
        assert!(said.lines().any(|found| found == line), "{line}: {said}");
    }
    // Far behind what clients saw before.
    assert!(said.contains("\"Revision\" : 10000000"), "{said}");

    // At boot: into an empty folder only, and the file goes.
    let said = root.run(PRELUDE,
        "rm -rf /var/lib/etcd/*; cp /tmp/snapshot.db /tmp/brought.db; imgbuild-etcd-restore --first /tmp/brought.db; \
         ls /tmp/brought.db 2>&1 || true; start; etcdctl get greeting --print-value-only; etcdctl put greeting kept; stop; \
         cp /tmp/snapshot.db /tmp/brought.db; imgbuild-etcd-restore --first /tmp/brought.db; \
         start; etcdctl get greeting --print-value-only; stop",
    );
    assert!(said.contains("/tmp/brought.db"), "{said}");
    let values: Vec<&str> = said
        .lines()
        .filter(|line| ["hello", "kept"].contains(line))
        .collect();
    assert_eq!(values, ["hello", "kept"], "{said}");
}
