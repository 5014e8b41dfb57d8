//! Every format as imgbuild writes it, and with one byte changed.

use std::fs;
use std::io::{Read, Write};

use flate2::read::GzDecoder;

use crate::verify::lab::{Lab, SPEC};

#[test]
fn configs_payloads_and_media() {
    let lab = Lab::new();
    for (name, options) in [
        ("node.ign", ""),
        ("node.cpio", ""),
        ("node.cpio.gz", ""),
        ("node.cpio.zst", ""),
        ("config.iso", "--format config-iso"),
        ("drive.iso", "--format config-2"),
    ] {
        lab.prints(&format!("node.yaml -o {name} {options}"));
        lab.is_the_same(&format!("{name} node.yaml"));
    }
    // The path of a unit's program, which stands in each as it is.
    for name in ["node.ign", "node.cpio", "config.iso", "drive.iso"] {
        let at = lab.find(name, b"/bin/true") + 1;
        lab.tampered(name, "bad", at);
        lab.differs(
            "bad node.yaml",
            &[
                "~ unit a.service",
                "-ExecStart=/bin/true",
                "+ExecStart=/cin/true",
            ],
        );
    }
    // In compressed ones a byte is not that easily changed: they are unpacked, changed, and packed
    // again; or they are damaged.
    let mut raw = Vec::new();
    GzDecoder::new(&lab.read("node.cpio.gz")[..])
        .read_to_end(&mut raw)
        .unwrap();
    let at = lab.find("node.cpio", b"/bin/true") + 1;
    raw[at] ^= 1;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&raw).unwrap();
    lab.write("bad.cpio.gz", gzip.finish().unwrap());
    lab.write("bad.cpio.zst", zstd::bulk::compress(&raw, 19).unwrap());
    for name in ["bad.cpio.gz", "bad.cpio.zst"] {
        lab.differs(&format!("{name} node.yaml"), &["~ unit a.service"]);
    }
    lab.tampered("node.cpio.gz", "damaged.cpio.gz", 200);
    lab.differs("damaged.cpio.gz node.yaml", &["~ it cannot be read: "]);
    // zstd's checksum is left out: what is damaged may be read, as something else.
    lab.tampered("node.cpio.zst", "damaged.cpio.zst", 200);
    lab.differs("damaged.cpio.zst node.yaml", &["~ "]);
    // A file more, which no config tells of.
    let mut more = lab.read("node.cpio");
    let mut archive = imgbuild::formats::cpio::Archive::new(Vec::new());
    archive.file("init", 0o755, b"#!/bin/sh\n").unwrap();
    more.extend(archive.finish().unwrap());
    lab.write("more.cpio", more);
    lab.differs("more.cpio node.yaml", &["+ file init"]);
    // The name of the volume, and a byte behind the last file.
    let at = lab.find("drive.iso", b"config-2");
    lab.tampered("drive.iso", "bad.iso", at);
    lab.differs("bad.iso node.yaml", &["~ volume config-2 -> bonfig-2"]);
    let mut longer = lab.read("config.iso");
    longer.extend([1; 2048]);
    lab.write("longer.iso", longer);
    let (text, code) = lab.verify("longer.iso node.yaml --exact");
    assert_eq!(code, 1, "{text}");
}

#[test]
fn keys_and_nodes_are_those_of_the_artifact() {
    let lab = Lab::new();
    lab.prints("node.yaml -o node.ign");
    // Other keys give other certificates, and none is made.
    lab.differs(
        "node.ign node.yaml --keys none",
        &[
            "warning: none lacks keys",
            "~ file /etc/kubernetes/pki/etcd/ca.crt",
        ],
    );
    assert!(!lab.path("none").exists());
    // A node of a cluster is known by its name.
    lab.prints("cluster.yaml --node b -o b.ign");
    lab.is_the_same("b.ign cluster.yaml");
    lab.differs("b.ign cluster.yaml --node a", &["~ file /etc/hostname"]);
    lab.write("nameless.ign", r#"{"ignition":{"version":"3.3.0"}}"#);
    for (arguments, why) in [
        ("nameless.ign cluster.yaml", "choose with --node (a, b)"),
        (
            "node.ign node.yaml --base live.iso",
            "--base is valid only with a",
        ),
        ("node.ign node.yaml --format pxe", "a PXE tree is a folder"),
        ("node.ign node.yaml --format tar", "expected one of"),
        ("keys node.yaml", "is not a PXE folder"),
        ("vmlinuz node.yaml", "give --format"),
    ] {
        let (text, code) = lab.verify(arguments);
        assert!(
            code == 2 && text.contains(why),
            "{arguments}: {code} {text}"
        );
    }
    // What is nothing that imgbuild writes differs from what it would write.
    lab.differs(
        "vmlinuz node.yaml --format cpio",
        &["~ it cannot be read: "],
    );
    let (text, code) = lab.verify("missing.iso node.yaml");
    assert!(code == 1 && text.contains("missing.iso"), "{text}");
    lab.write("bad.yaml", "version: 1\nhostname: [\n");
    assert_eq!(lab.verify("node.ign bad.yaml").1, 2);
}

#[test]
fn a_network_boot_folder() {
    let lab = Lab::new();
    lab.prints("cluster.yaml -o out/ --cache cache");
    lab.is_the_same("out cluster.yaml");
    let shown = lab.prints("inspect out");
    for line in [
        "out: a node of a folder for network boot",
        "  node        b",
        "  arguments   flatcar.first_boot=1 console=tty0 console=ttyS0,115200n8 lab.b=1",
    ] {
        assert!(shown.lines().any(|found| found == line), "{line}\n{shown}");
    }
    assert_eq!(
        lab.prints("diff out cluster.yaml"),
        "a: no changes\nb: no changes\n"
    );

    let script = lab.read("out/nodes/b.ipxe");
    let payload = lab.read("out/nodes/b.cpio.gz");
    let other = lab.read("out/nodes/a.cpio.gz");
    let changed = |text: &str| {
        String::from_utf8(script.clone())
            .unwrap()
            .replace("lab.b=1", text)
    };
    for (file, contents, lines) in [
        (
            "nodes/b.ipxe",
            changed("lab.b=2").into_bytes(),
            &[
                "b: - kernel argument lab.b=1",
                "b: + kernel argument lab.b=2",
            ][..],
        ),
        ("nodes/b.cpio.gz", other, &["b: ~ file /etc/hostname"]),
        (
            "nodes/b.cpio.gz",
            payload[..payload.len() / 2].to_vec(),
            &["b: ~ it cannot be read: "],
        ),
        (
            "vmlinuz",
            vec![8; 10_001],
            &["~ the kernel (vmlinuz): differs from byte 0 on"],
        ),
        (
            "boot.ipxe",
            b"#!ipxe\n".to_vec(),
            &["~ the boot script of all machines (boot.ipxe): "],
        ),
        (
            "machines/52-54-00-00-00-0a.ipxe",
            b"#!ipxe\n".to_vec(),
            &["~ the boot script of a machine, machines/52-54-00-00-00-0a.ipxe: "],
        ),
        (
            "machines/52-54-00-00-00-0b.ipxe",
            b"#!ipxe\n".to_vec(),
            &["+ the boot script of a machine, machines/52-54-00-00-00-0b.ipxe"],
        ),
    ] {
        let path = lab.path("out").join(file);
        let before = fs::read(&path).ok();
        fs::write(&path, contents).unwrap();
        lab.differs("out cluster.yaml", lines);
        match before {
            Some(before) => fs::write(&path, before).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
    }
    let at = lab.find("out/initrd.img", b"of the system");
    fs::copy(lab.path("out/initrd.img"), lab.path("initrd.img")).unwrap();
    lab.tampered("out/initrd.img", "out/initrd.img", at);
    lab.differs(
        "out cluster.yaml",
        &["the base's initrd (initrd.img): ~ file etc/issue: contents differ"],
    );
    fs::copy(lab.path("initrd.img"), lab.path("out/initrd.img")).unwrap();
    // What dnsmasq.conf asks for is no difference; a node that is gone is.
    lab.write("out/undionly.kpxe", "iPXE");
    lab.is_equal("out cluster.yaml", "undionly.kpxe is an additional file");
    for file in ["a.cpio.gz", "a.ipxe"] {
        fs::remove_file(lab.path("out/nodes").join(file)).unwrap();
    }
    lab.differs("out cluster.yaml", &["- node a"]);
}

/// With the real base: an ISO and an initrd.
#[test]
#[ignore = "needs a base: cargo xtask test"]
fn images_of_debian() {
    let lab = Lab::new();
    for name in ["node.iso", "node.initrd"] {
        lab.prints(&format!("node.yaml -o {name}"));
        let same = lab.prints(&format!("verify {name} node.yaml"));
        assert!(same.contains("identical"), "{same}");
        lab.write("node.yaml", SPEC.replace("/bin/true", "/bin/false"));
        let output = lab.imgbuild(&format!("verify {name} node.yaml"));
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("~ unit a.service"), "{text}");
        assert!(
            !text.contains("root image") && !text.contains("the kernel ("),
            "{text}"
        );
        lab.write("node.yaml", SPEC);
    }
}
