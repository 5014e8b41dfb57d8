//! PXE folders and payloads. Needs the Debian packages cpio and gzip.

use std::fs;
use std::process::Command;

use imgbuild::read::artifact;

use crate::flatcar::project::{BASE, HEAD, INITRD, KERNEL, Project, said};

#[test]
fn a_folder_has_kernel_initrd_and_the_config_in_an_archive_of_its_own() {
    let project = Project::new(&format!(
        "{HEAD}{BASE}kernel_arguments: [flatcar.autologin]\n"
    ));
    let tree = project.build("tree", &["--format", "pxe"]);
    assert_eq!(fs::read(tree.join("vmlinuz")).unwrap(), KERNEL.1);
    assert_eq!(fs::read(tree.join("initrd.img")).unwrap(), INITRD.1);
    let script = fs::read_to_string(tree.join("nodes/kube1.ipxe")).unwrap();
    assert!(
        script.contains(
            "\nkernel ../vmlinuz initrd=initrd.img initrd=kube1.cpio.gz flatcar.first_boot=1 console=tty0 \
             console=ttyS0,115200n8 flatcar.autologin\ninitrd ../initrd.img\ninitrd kube1.cpio.gz\nboot\n"
        ),
        "{script}"
    );

    // As the kernel unpacks it: each folder before what is in it.
    let payload = tree.join("nodes/kube1.cpio.gz");
    let unzipped = Command::new("gzip")
        .args(["--decompress", "--stdout"])
        .arg(&payload)
        .output()
        .expect("starting gzip");
    assert!(unzipped.status.success(), "{}", said(&unzipped));
    fs::write(project.path("payload.cpio"), unzipped.stdout).unwrap();
    let list = Command::new("cpio")
        .args(["--list", "--quiet"])
        .stdin(fs::File::open(project.path("payload.cpio")).unwrap())
        .output()
        .expect("starting cpio (Debian package cpio)");
    assert_eq!(
        String::from_utf8_lossy(&list.stdout),
        "usr\nusr/share\nusr/share/oem\nusr/share/oem/config.ign\n"
    );

    let config = artifact(&project.build("node.ign", &[])).unwrap().config;
    let value = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
    let mut config = value(&config);
    let arguments = config.as_object_mut().unwrap().remove("kernelArguments");
    assert!(arguments.is_some(), "those of an installed system");
    assert_eq!(value(&artifact(&payload).unwrap().config), config);
}

/// The payload alone asks for no base.
#[test]
fn payloads_need_no_base() {
    let project = Project::new(HEAD);
    for name in ["node.cpio", "node.cpio.gz", "node.cpio.zst"] {
        let read = artifact(&project.build(name, &[])).unwrap();
        assert!(read.config.starts_with(b"{\"ignition\""), "{name}");
        assert!(read.network.is_empty(), "{name}");
    }
}

#[test]
fn what_cannot_be_made_is_told() {
    let project = Project::new(HEAD);
    project.refuses(
        &["-o", "tree", "--format", "pxe"],
        "its spec does not say where the kernel and initrd are",
    );
    project.refuses(
        &["-o", "node.initrd"],
        "use a PXE folder, or the payload alone",
    );
}
