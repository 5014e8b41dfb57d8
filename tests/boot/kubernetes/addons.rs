//! flannel and CoreDNS, from archives that are in the nodes' images.

use std::path::Path;

use imgbuild::qemu::Switch;

use super::members::{self, PAIR};
use super::{KUBECTL, PATIENCE};
use crate::guest::Guest;
use crate::lab::Lab;

/// Pods on different nodes talk through flannel's tunnel and know each other's Service by its name.
#[test]
#[ignore = "boots two machines: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn addons_come_from_embedded_archives() {
    let Some(programs) = super::programs() else {
        return;
    };
    let images = programs.join("images");
    if !Path::new(&images).is_dir() {
        crate::skipped::skipped("IMGBUILD_KUBE_DIR has no folder `images`");
        return;
    }
    let lab = Lab::new();
    let more = format!(
        ", cni: flannel, dns: coredns, artifacts: {{images: ['{}']}}",
        images.display()
    );
    let spec = members::spec(&lab, &PAIR, |_| more.clone());
    let tree = super::build(&lab, &spec, "tree", &programs, &["--format", "pxe"]);
    let switch = Switch::new().unwrap();
    let [control, worker] = PAIR.each_ref().map(|member| {
        let machine = member.machine(&lab, &tree);
        Guest::start(&lab, "kubernetes-addons", machine, Some(&switch)).patient(PATIENCE)
    });
    control.wait_until_ready();
    worker.wait_until_ready();
    members::open_to_pods(&control, "kube1");
    members::pods_talk_across(&control, "10.96.0.77");
    for node in [&control, &worker] {
        let link = node.ask("ip -d link show flannel.1");
        assert!(link.contains("vxlan"), "{link}");
    }
    control.insist(&format!(
        "{KUBECTL} -n kube-system rollout status {} deployment/coredns",
        super::WAIT
    ));
    let pod = control.ask(&format!(
        "{KUBECTL} get pods -l app=web -o jsonpath='{{.items[0].metadata.name}}'"
    ));
    control.says(
        &format!("{KUBECTL} exec {pod} -- getent hosts web.default.svc.cluster.local"),
        "10.96.0.77      web.default.svc.cluster.local",
    );
    control.says(
        &format!("{KUBECTL} exec {pod} -- getent hosts web"),
        "10.96.0.77      web.default.svc.cluster.local",
    );
}
