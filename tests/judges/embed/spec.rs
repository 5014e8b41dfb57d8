//! Node specs into live images.

use crate::embed::images::live_image;
use crate::embed::lab::Lab;

const SPEC: &str = "version: 1\nhostname: kube1\nkernel_arguments: [a=1]\n";

#[test]
fn a_spec_becomes_a_live_image() {
    let lab = Lab::new();
    live_image(&lab, "live.iso");
    lab.write("node.yaml", SPEC);
    lab.prints("node.yaml -o node.ign");
    lab.prints("node.yaml --format embed --base live.iso -o node.iso");
    let shown = lab.says("inspect node.iso");
    for line in [
        "node.iso: a live ISO image of Fedora CoreOS",
        "  node        kube1",
        "  arguments   mitigations=auto,nosmt coreos.liveiso=live ignition.firstboot a=1",
    ] {
        assert!(shown.lines().any(|found| found == line), "{line}\n{shown}");
    }
    // Arguments are not in the config, so that is all that differs.
    assert_eq!(lab.says("diff node.ign node.iso"), "kube1: no changes\n");
    lab.prints("embed live.iso --ignition node.yaml -o same.iso");
    assert!(lab.read("node.iso") == lab.read("same.iso"));
    let streamed = lab.prints("node.yaml --format embed --base live.iso -o -");
    assert!(lab.read("node.iso") == streamed);

    lab.prints("embed live.iso --dest-ignition node.yaml --dest-device /dev/sda -o install.iso");
    let shown = lab.says("inspect install.iso");
    assert!(shown.contains("the installed system's config"), "{shown}");

    for (arguments, why) in [
        ("node.yaml --format embed -o a.iso", "--base LIVE_ISO"),
        (
            "node.yaml --base live.iso -o a.ign",
            "only with --format embed",
        ),
        (
            "node.yaml --format embed --base node.iso -o a.iso",
            "--remove",
        ),
        (
            "node.yaml --format embed --base node.ign -o a.iso",
            "not an ISO image",
        ),
    ] {
        let said = lab.refuses(arguments);
        assert!(said.contains(why), "{arguments}: {said}");
    }
}
