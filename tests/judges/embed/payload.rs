//! Payloads for network boot.

use std::process::{Command, Stdio};

use crate::embed::lab::{CONFIG, Lab};

/// What a shell command prints; it has to go well.
fn shell(lab: &Lab, command: &str) -> String {
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(lab.path(""))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_payload_is_an_archive_that_others_read() {
    let lab = Lab::new();
    lab.write("eth0.nmconnection", "[connection]\nid=eth0\n");
    let wanted = "embed --pxe --ignition config.ign --network-keyfile eth0.nmconnection";
    let output = lab.imgbuild(&format!("{wanted} -o config.img"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("ignition.firstboot ignition.platform.id=metal"),
        "{said}"
    );
    assert_eq!(
        lab.prints(&format!("{wanted} -o -")),
        lab.read("config.img")
    );
    assert_eq!(
        shell(
            &lab,
            "xz -dc config.img | cpio --quiet -tv | awk '{print $1, $NF}'"
        ),
        "-rw------- config.ign\n\
         drwxr-xr-x etc\n\
         drwxr-xr-x etc/coreos-firstboot-network\n\
         -rw------- etc/coreos-firstboot-network/eth0.nmconnection\n"
    );
    assert_eq!(
        shell(
            &lab,
            "xz -dc config.img | cpio --quiet -i --to-stdout config.ign"
        ),
        CONFIG
    );
    assert!(shell(&lab, "xz --list -vv config.img").contains("CRC32"));

    // Behind a live system's initrd it is found as the kernel finds it.
    shell(
        &lab,
        "mkdir tree && echo a > tree/init && (cd tree && echo init | cpio --quiet -o -H newc | gzip) > live.img",
    );
    shell(
        &lab,
        "head -c 700 /dev/zero > zeros && cat live.img zeros config.img > all.img",
    );
    for (file, kind) in [("config.img", true), ("all.img", true), ("live.img", false)] {
        if !kind {
            assert!(
                lab.refuses(&format!("inspect {file}"))
                    .contains("contains no config")
            );
            continue;
        }
        let shown = lab.says(&format!("inspect {file}"));
        for line in ["  node        kube1", "  keyfile     eth0.nmconnection"] {
            assert!(shown.lines().any(|found| found == line), "{line}\n{shown}");
        }
    }
    assert_eq!(
        lab.says("diff config.ign config.img"),
        "kube1:\n  + keyfile eth0.nmconnection\n"
    );
    // Only the network.
    lab.prints("embed --pxe --network-keyfile eth0.nmconnection -o network.img");
    assert!(
        lab.says("inspect network.img")
            .contains("  Ignition    none\n")
    );
}
