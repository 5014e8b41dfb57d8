//! PXE folders, payloads and ISOs. Needs the Debian packages cpio and gzip.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild::read::artifact;
use sha2::{Digest, Sha512};

use crate::fedora_coreos::project::{BASE, HEAD, INITRD, KERNEL, Project, ROOT};
use crate::live_iso;

const NETWORK: &str =
    "network: {interfaces: [{name: ens3, addresses: [192.168.1.10/24], gateway: 192.168.1.1}]}\n";

/// A file that ends at a multiple of four, as it does in a PXE folder.
fn aligned(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The files of a payload as cpio sees them: mode and path.
fn listed(payload: &Path) -> String {
    let script = "gzip --decompress --stdout \"$0\" | cpio --quiet -tv | awk '{print $1, $NF}'";
    let run = Command::new("sh")
        .args(["-c", script])
        .arg(payload)
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "cpio and gzip (Debian packages of these names): {run:?}"
    );
    String::from_utf8(run.stdout).unwrap()
}

#[test]
fn a_folder_has_kernel_initrd_root_and_the_node_in_an_archive_of_its_own() {
    let project = Project::new(&format!("{HEAD}{BASE}{NETWORK}kernel_arguments: [a=1]\n"));
    let tree = project.build("tree", &["--format", "pxe"]);
    assert_eq!(fs::read(tree.join("vmlinuz")).unwrap(), KERNEL.1);
    assert_eq!(
        fs::read(tree.join("initrd.img")).unwrap(),
        aligned(INITRD.1)
    );
    assert_eq!(fs::read(tree.join("rootfs.img")).unwrap(), ROOT.1);
    let script = fs::read_to_string(tree.join("nodes/kube1.ipxe")).unwrap();
    assert!(
        script.contains(
            "\nkernel ../vmlinuz initrd=initrd.img initrd=rootfs.img initrd=kube1.cpio.gz ignition.firstboot ignition.platform.id=metal \
             console=tty0 console=ttyS0,115200n8 a=1\ninitrd ../initrd.img\ninitrd ../rootfs.img\ninitrd kube1.cpio.gz\nboot\n"
        ),
        "{script}"
    );
    let payload = tree.join("nodes/kube1.cpio.gz");
    assert_eq!(
        listed(&payload),
        "-rw------- config.ign\n\
         drwxr-xr-x etc\n\
         drwxr-xr-x etc/coreos-firstboot-network\n\
         -rw------- etc/coreos-firstboot-network/ens3.nmconnection\n"
    );
    let shown = project.prints(&["inspect", "tree/nodes/kube1.cpio.gz"]);
    for line in [
        "tree/nodes/kube1.cpio.gz: a payload for a Fedora CoreOS live system, to append to its initrd",
        "  node        kube1",
        "  keyfile     ens3.nmconnection",
    ] {
        assert!(shown.lines().any(|found| found == line), "{line}\n{shown}");
    }
    // What the initrd has is what the config writes, and no other keyfile.
    assert_eq!(
        project.prints(&["diff", "node.yaml", "tree/nodes/kube1.cpio.gz"]),
        "kube1: no changes\n"
    );
    is_verified(&project, "tree");
    fs::write(tree.join("rootfs.img"), "another").unwrap();
    let run = project.imgbuild(&["verify", "tree", "node.yaml"]);
    let text = String::from_utf8_lossy(&run.stdout);
    assert!(
        text.contains("the base's root file system (rootfs.img)"),
        "{text}"
    );
}

#[test]
fn nodes_of_two_systems_share_a_folder() {
    let own = BASE.replace('\n', "\n    ");
    let own = own.trim_end();
    let flatcar = own
        .replace(KERNEL.0, INITRD.0)
        .replace(&format!("    rootfs: {{source: {}}}", ROOT.0), "");
    let project = Project::new(&format!(
        "version: 1\nnodes:\n  - target: fedora-coreos\n    hostname: kube1\n    {own}\n  - target: flatcar\n    \
         hostname: kube2\n    arch: arm64\n    {flatcar}\n"
    ));
    let tree = project.build("tree", &["--format", "pxe"]);
    let read = |path: &str| fs::read(tree.join(path)).unwrap();
    assert_eq!(read("bases/amd64/vmlinuz"), KERNEL.1);
    assert_eq!(read("bases/amd64/rootfs.img"), ROOT.1);
    assert_eq!(read("bases/arm64/vmlinuz"), INITRD.1);
    assert!(!tree.join("bases/arm64/rootfs.img").exists());
    is_verified(&project, "tree");
    for (file, named) in [
        ("bases/amd64/rootfs.img", "the base's root file system"),
        ("bases/arm64/vmlinuz", "the kernel"),
    ] {
        let before = read(file);
        fs::write(tree.join(file), "another").unwrap();
        let run = project.imgbuild(&["verify", "tree", "node.yaml"]);
        let text = String::from_utf8_lossy(&run.stdout);
        assert!(text.contains(&format!("~ {named} ({file})")), "{text}");
        fs::write(tree.join(file), before).unwrap();
    }
}

/// What was built is what the spec gives.
fn is_verified(project: &Project, artifact: &str) {
    let text = project.prints(&["verify", artifact, "node.yaml"]);
    assert!(
        text.contains("identical to what node.yaml builds"),
        "{text}"
    );
}

#[test]
fn a_machine_that_fetches_its_root_needs_none_in_the_folder() {
    let base = BASE.lines().filter(|line| !line.contains("rootfs"));
    let base: Vec<_> = base.collect();
    let project = Project::new(&format!(
        "{HEAD}{}\nkernel_arguments: ['coreos.live.rootfs_url=http://10.0.0.1/rootfs.img']\n",
        base.join("\n")
    ));
    let tree = project.build("tree", &["--format", "pxe"]);
    assert!(!tree.join("rootfs.img").exists());
    assert_eq!(fs::read(tree.join("initrd.img")).unwrap(), INITRD.1);
    let script = fs::read_to_string(tree.join("nodes/kube1.ipxe")).unwrap();
    assert!(
        script.contains(
            " coreos.live.rootfs_url=http://10.0.0.1/rootfs.img\ninitrd ../initrd.img\ninitrd kube1"
        ),
        "{script}"
    );
}

#[test]
fn payloads_need_no_base() {
    let project = Project::new(&format!("{HEAD}{NETWORK}"));
    for name in ["node.cpio", "node.cpio.gz", "node.cpio.zst"] {
        let read = artifact(&project.build(name, &[])).unwrap();
        assert!(read.config.starts_with(b"{\"ignition\""), "{name}");
        assert!(read.network.contains_key("ens3.nmconnection"), "{name}");
    }
}

/// A live ISO beside the spec.
fn live(project: &Project) {
    let path = |name: &str| project.path(name);
    live_iso::write(&path("live.iso"), &path(KERNEL.0), &path(INITRD.0), None);
}

#[test]
fn an_iso_of_a_live_iso_is_what_embed_makes() {
    let spec = format!(
        "{HEAD}{NETWORK}kernel_arguments: [a=1]\n\
         remove_kernel_arguments: ['mitigations=auto,nosmt', no-such]\n"
    );
    let project = Project::new(&format!("{spec}base: {{iso: {{source: live.iso}}}}\n"));
    live(&project);
    let iso = fs::read(project.build("node.iso", &[])).unwrap();
    let shown = project.prints(&["inspect", "node.iso"]);
    let kept = live_iso::ARGUMENTS.replacen("mitigations=auto,nosmt ", "", 1);
    assert_ne!(kept, live_iso::ARGUMENTS);
    let arguments = format!("  arguments   {kept} a=1");
    for line in [
        "node.iso: a live ISO image of Fedora CoreOS",
        "  node        kube1",
        arguments.as_str(),
        "  keyfile     ens3.nmconnection",
    ] {
        assert!(shown.lines().any(|found| found == line), "{line}\n{shown}");
    }
    assert_eq!(
        project.prints(&["diff", "node.yaml", "node.iso"]),
        "kube1: no changes\n"
    );
    is_verified(&project, "node.iso");

    project.build("formats.iso", &["--format", "embed"]);
    assert!(fs::read(project.path("formats.iso")).unwrap() == iso);
    fs::write(project.path("node.yaml"), &spec).unwrap();
    project.build("named.iso", &["--format", "embed", "--base", "live.iso"]);
    assert!(fs::read(project.path("named.iso")).unwrap() == iso);
    project.prints(&[
        "embed",
        "live.iso",
        "--ignition",
        "node.yaml",
        "-o",
        "embed.iso",
    ]);
    assert!(fs::read(project.path("embed.iso")).unwrap() == iso);
}

#[test]
fn a_live_iso_is_checked_and_makes_nothing_else() {
    let with = |source: &str| format!("{HEAD}base: {{iso: {{source: {source}}}}}\n");
    let project = Project::new(&with("live.iso"));
    live(&project);
    project.build("node.iso", &[]);
    project.refuses(
        &["-o", "tree", "--format", "pxe"],
        "a live ISO, from which only an ISO can be built",
    );
    fs::write(project.path("node.yaml"), with("node.iso")).unwrap();
    project.refuses(&["-o", "other.iso"], "already has an embedded config");
    fs::write(project.path("node.yaml"), with("live-kernel.x86_64")).unwrap();
    project.refuses(&["-o", "other.iso"], "not an ISO image");

    let mut hash = String::from("sha512-");
    for byte in Sha512::digest(b"another") {
        write!(hash, "{byte:02x}").unwrap();
    }
    let spec = with(&format!("live.iso, hash: {hash}"));
    fs::write(project.path("node.yaml"), spec).unwrap();
    let run = project.imgbuild(&["node.yaml", "-o", "other.iso"]);
    let said = crate::fedora_coreos::project::said(&run);
    assert_eq!(run.status.code(), Some(1), "{said}");
    assert!(
        said.contains("fetching the live ISO") && said.contains("hash mismatch of"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_made_is_told() {
    let project = Project::new(HEAD);
    for arguments in [&["-o", "tree", "--format", "pxe"][..], &["-o", "node.iso"]] {
        project.refuses(
            arguments,
            "its spec does not say where the kernel and initrd are",
        );
    }
    project.refuses(&["-o", "node.iso", "--format", "embed"], "--base LIVE_ISO");
    project.refuses(
        &["-o", "node.initrd"],
        "use a PXE folder, or the payload alone",
    );
}
