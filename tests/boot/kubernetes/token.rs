//! A worker whose image holds a bootstrap token in place of certificates.

use imgbuild::qemu::Switch;

use super::members::{self, PAIR};
use super::{KUBECTL, PATIENCE};
use crate::guest::Guest;
use crate::lab::Lab;

/// It joins, runs pods that its neighbour's reach, and neither knows nor learns what is not its
/// own.
#[test]
#[ignore = "boots two machines: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn worker_joins_by_token() {
    let Some(programs) = super::programs() else {
        return;
    };
    let lab = Lab::new();
    let spec = members::spec(&lab, &PAIR, |member| {
        if member.is_control_plane() {
            String::new()
        } else {
            ", join: token".to_owned()
        }
    });
    let tree = super::build(&lab, &spec, "tree", &programs, &["--format", "pxe"]);
    let switch = Switch::new().unwrap();
    let [control, worker] = PAIR.each_ref().map(|member| {
        let machine = member.machine(&lab, &tree);
        Guest::start(&lab, "kubernetes-token", machine, Some(&switch)).patient(PATIENCE)
    });
    control.wait_until_ready();
    worker.wait_until_ready();
    control.eventually("two nodes that are Ready", || {
        members::ready(&control) == (2, 0)
    });
    let requests = control.ask(&format!("{KUBECTL} get csr --no-headers"));
    assert!(
        requests.contains("system:bootstrap:") && requests.contains("Approved,Issued"),
        "{requests}"
    );
    members::open_to_pods(&control, "kube1");
    members::pods_talk_across(&control, "10.96.0.77");

    // No key of an authority, and nobody's certificate but its own.
    worker.says(
        "sudo find / -xdev -name 'ca.key' -o -xdev -name 'sa.key'",
        "",
    );
    worker.says("sudo ls /etc/kubernetes/pki", "ca.crt");
    // A secret that no pod of the worker's uses, asked for with the worker's own name.
    control.ask(&format!(
        "{KUBECTL} create secret generic of-another --from-literal=word=secret"
    ));
    let own = "sudo kubectl --kubeconfig $(sudo sh -c 'echo /var/lib/kubelet/pki-*/kubelet.conf')";
    worker.says(
        &format!("{own} auth whoami -o jsonpath='{{.status.userInfo.username}}'"),
        "system:node:worker1",
    );
    worker.refuses(
        &format!("{own} get secret of-another"),
        "no relationship found between node 'worker1' and this object",
    );
    worker.refuses(
        &format!("{own} label node kube1 mine=true"),
        "only its own Node object",
    );
}
