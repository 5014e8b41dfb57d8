//! Artifacts as other programs write them: `verify` says that they mean the same, `inspect` and
//! `diff` read them.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::verify::lab::{Lab, SPEC};

/// Runs a shell's command in the lab, for which `package` is needed.
fn shell(lab: &Lab, package: &str, command: &str) {
    let output = Command::new("sh")
        .args(["-ec", command])
        .current_dir(lab.path(""))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command} (Debian package {package}): {said}"
    );
}

/// `config` as a program that writes all that can be said would have it: nulls, empty lists,
/// defaults, base64, another order.
fn wordy(config: &Value) -> Value {
    let mut config = config.clone();
    config["ignition"]["config"] = json!({"merge": [], "replace": null});
    config["ignition"]["proxy"] = Value::Null;
    config["storage"]["disks"] = json!([]);
    for file in config["storage"]["files"].as_array_mut().unwrap() {
        if file["contents"]["source"] == "data:,hello" {
            file["contents"] = json!({"source": "data:text/plain;charset=utf-8;base64,aGVsbG8=", "compression": ""});
        }
        file["append"] = json!([]);
        if file["mode"] == 0o644 {
            file.as_object_mut().unwrap().remove("mode");
        }
        if file.get("overwrite").is_none() {
            file["overwrite"] = json!(false);
        }
    }
    for unit in config["systemd"]["units"].as_array_mut().unwrap() {
        unit["mask"] = json!(false);
        unit["dropins"] = unit.get("dropins").cloned().unwrap_or(json!([]));
    }
    for user in config["passwd"]["users"].as_array_mut().unwrap() {
        user["system"] = json!(false);
        user["shouldExist"] = json!(true);
    }
    for list in ["files", "links"] {
        if let Some(list) = config["storage"][list].as_array_mut() {
            list.reverse();
        }
    }
    config
}

fn config(lab: &Lab) -> Value {
    serde_json::from_slice(&lab.read("node.ign")).unwrap()
}

/// Makes `theirs` out of `config.json`.
const MEDIA: [(&str, &str, &str); 7] = [
    (
        "Joliet",
        "an ISO image with a config for an installer",
        "genisoimage -quiet -J -V config -o theirs config.json",
    ),
    (
        "Rock Ridge",
        "an ISO image with a config for an installer",
        "genisoimage -quiet -R -V config -o theirs config.json",
    ),
    (
        "plain names",
        "an ISO image with a config for an installer",
        "genisoimage -quiet -l -V config -o theirs config.json",
    ),
    (
        "a config drive",
        "an ISO image with a config for Ignition (a config drive)",
        "genisoimage -quiet -R -J -V config-2 -o theirs -graft-points openstack/latest/user_data=config.json",
    ),
    (
        "a config drive of xorriso",
        "an ISO image with a config for Ignition (a config drive)",
        "xorriso -as mkisofs -quiet -J -V config-2 -o theirs -graft-points openstack/latest/user_data=config.json",
    ),
    (
        "a payload in xz",
        "a node's payload, to append to a base initrd",
        "mkdir -p tree && cd tree && cpio --quiet -id < ../node.cpio && find . -mindepth 1 | LC_ALL=C sort \
         | cpio --quiet -o -H newc -R 0:0 | xz --check=crc32 > ../theirs",
    ),
    (
        "a payload in gzip",
        "a node's payload, to append to a base initrd",
        "mkdir -p tree && cd tree && cpio --quiet -id < ../node.cpio && find . -mindepth 1 \
         | cpio --quiet -o -H newc -R 0:0 | gzip -1 > ../theirs",
    ),
];

#[test]
fn media_and_payloads() {
    let lab = Lab::new();
    lab.prints("node.yaml -o node.ign");
    lab.prints("node.yaml -o node.cpio");
    let config = config(&lab);
    lab.write("config.json", config.to_string());
    for (name, kind, command) in MEDIA {
        shell(&lab, "cpio genisoimage xorriso xz-utils", command);
        lab.is_equal("theirs node.yaml", "differently");
        let shown = lab.prints("inspect theirs");
        for line in [
            &format!("theirs: {kind}"),
            "  node        kube1",
            "  file /etc/motd  (0644)",
            "  unit a.service  (enabled)",
            "  user core",
        ] {
            assert!(
                shown.lines().any(|shown| shown == line),
                "{name}: {line}\n{shown}"
            );
        }
        assert_eq!(
            lab.prints("diff theirs node.yaml"),
            "kube1: no changes\n",
            "{name}"
        );
        fs::remove_file(lab.path("theirs")).unwrap();
    }
    // What else is on the medium is a difference.
    lab.write("more", "more");
    shell(
        &lab,
        "genisoimage",
        "genisoimage -quiet -J -V config -o theirs config.json more",
    );
    lab.differs("theirs node.yaml", &["+ file more"]);
    shell(
        &lab,
        "genisoimage",
        "genisoimage -quiet -J -V cidata -o theirs config.json",
    );
    lab.differs("theirs node.yaml", &["~ volume config -> cidata"]);
}

#[test]
fn configs() {
    let lab = Lab::new();
    lab.prints("node.yaml -o node.ign");
    let config = config(&lab);
    let mut other = config.clone();
    other["storage"]["files"]
        .as_array_mut()
        .unwrap()
        .push(json!({"path": "/etc/more"}));
    let mut later = config.clone();
    later["ignition"]["version"] = json!("3.4.0");
    let mut fetching = config.clone();
    fetching["ignition"]["config"] = json!({"merge": [{"source": "https://example.com/more.ign"}]});
    let mut told = config.clone();
    told["kernelArguments"] = json!({"shouldExist": ["quiet"]});
    for (name, theirs, differs) in [
        ("compact", config.to_string(), &[][..]),
        ("pretty", format!("\n{config:#}\n"), &[]),
        ("wordy", wordy(&config).to_string(), &[]),
        ("a file more", other.to_string(), &["+ file /etc/more"]),
        (
            "a later version",
            later.to_string(),
            &["~ Ignition 3.3.0 -> 3.4.0"],
        ),
        (
            "another config",
            fetching.to_string(),
            &["+ config to merge https://example.com/more.ign"],
        ),
        (
            "an argument",
            told.to_string(),
            &["+ kernel argument, by Ignition: quiet"],
        ),
    ] {
        lab.write("theirs.json", &theirs);
        if differs.is_empty() {
            lab.is_equal("theirs.json node.yaml", "JSON is encoded differently");
            assert_eq!(
                lab.prints("diff theirs.json node.yaml"),
                "kube1: no changes\n",
                "{name}"
            );
        } else {
            lab.differs("theirs.json node.yaml", differs);
        }
        let shown = lab.prints("inspect theirs.json");
        assert!(
            shown.contains("  unit a.service  (enabled)"),
            "{name}: {shown}"
        );
    }
}

/// What ct writes says nothing in many places.
#[test]
fn a_config_of_ct() {
    let lab = Lab::new();
    lab.write(
        "ct.yaml",
        "version: 1\ntarget: container-linux\nstorage: {files: [{filesystem: root, path: /etc/hostname, mode: 0644, contents: {inline: kube1}}]}\n\
         systemd: {units: [{name: a.service, enabled: true, contents: \"[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n\"}]}\n\
         networkd: {units: [{name: a.network, contents: \"[Match]\\nName=eth0\\n\"}]}\n",
    );
    let theirs = r#"{"ignition":{"config":{},"security":{"tls":{}},"timeouts":{},"version":"2.2.0"},
        "networkd":{"units":[{"contents":"[Match]\nName=eth0\n","name":"a.network"}]},"passwd":{},
        "storage":{"files":[{"filesystem":"root","path":"/etc/hostname","contents":{"source":"data:,kube1","verification":{}},"mode":420}]},
        "systemd":{"units":[{"contents":"[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n","enabled":true,"name":"a.service"}]}}"#;
    lab.write("theirs.json", theirs);
    lab.is_equal("theirs.json ct.yaml", "JSON is encoded differently");
    let shown = lab.prints("inspect theirs.json");
    for line in [
        "  Ignition    2.2.0, ",
        "  networkd unit a.network",
        "  file /etc/hostname  (0644)",
    ] {
        assert!(
            shown.lines().any(|shown| shown.starts_with(line)),
            "{line}\n{shown}"
        );
    }
    shell(
        &lab,
        "genisoimage",
        "cp theirs.json config.json && genisoimage -quiet -J -V config -o theirs.iso config.json",
    );
    lab.is_equal("theirs.iso ct.yaml", "laid out differently");
}

/// coreos-installer puts the config that it is given into one of its own, with nulls where it says
/// nothing.
#[test]
fn a_config_in_a_config() {
    let lab = Lab::new();
    lab.prints("node.yaml -o node.ign");
    let inner = imgbuild::data_url::resource(&lab.read("node.ign"));
    let outer = json!({
        "ignition": {"config": {"merge": [inner], "replace": null}, "proxy": null, "security": null, "timeouts": null, "version": "3.3.0"},
        "kernelArguments": null, "passwd": null, "systemd": null,
        "storage": {"directories": null, "disks": null, "files": [
            {"path": "/etc/coreos/installer.d/0000-dest", "mode": 384, "contents": {"source": "data:,a", "compression": null}, "append": null}]},
    });
    lab.write("theirs.ign", outer.to_string());
    let shown = lab.prints("inspect theirs.ign");
    for line in [
        "  node        kube1",
        "  file /etc/coreos/installer.d/0000-dest  (0600)",
        "  file /etc/motd  (0644)",
        "  unit a.service  (enabled)",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line}\n{shown}");
    }
    lab.differs(
        "theirs.ign node.yaml",
        &["+ file /etc/coreos/installer.d/0000-dest"],
    );
    let told = lab.prints("diff node.ign theirs.ign");
    assert_eq!(told, "kube1:\n  + file /etc/coreos/installer.d/0000-dest\n");
}

/// A small live ISO: an embed area and a kernel.
fn live_iso(lab: &Lab) {
    let tree = lab.path("live");
    for (path, contents) in [
        (
            "coreos/igninfo.json",
            br#"{"file": "images/ignition.img"}"#.to_vec(),
        ),
        (
            "coreos/features.json",
            br#"{"installer-config": true, "live-initrd-network": true}"#.to_vec(),
        ),
        ("images/ignition.img", vec![0; 64 << 10]),
        ("images/pxeboot/vmlinuz", vec![b'K'; 30_001]),
    ] {
        let path = tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
    shell(
        lab,
        "genisoimage",
        "genisoimage -quiet -R -J -V fedora-coreos-1 -o live.iso live",
    );
    fs::remove_dir_all(tree).unwrap();
}

#[test]
fn live_isos() {
    let lab = Lab::new();
    lab.write(
        "node.yaml",
        format!("{}target: fedora-coreos\n", SPEC.replace("etcd: {}\n", "")),
    );
    live_iso(&lab);
    lab.prints("node.yaml --format embed --base live.iso -o node.iso");
    lab.is_the_same("node.iso node.yaml --base live.iso");
    let (text, code) = lab.verify("node.iso node.yaml");
    assert!(
        code == 0 && text.contains("without --base the live system itself is not compared"),
        "{text}"
    );

    // The live system.
    let at = lab.find("node.iso", b"KKKK");
    lab.tampered("node.iso", "bad.iso", at + 3);
    lab.differs(
        "bad.iso node.yaml --base live.iso",
        &["~ live system: file images/pxeboot/vmlinuz: differs from byte 3 on"],
    );
    let at = lab.find("node.iso", b"fedora-coreos-1");
    lab.tampered("node.iso", "bad.iso", at);
    lab.differs(
        "bad.iso node.yaml --base live.iso",
        &["~ volume fedora-coreos-1 -> "],
    );
    // What is embedded.
    lab.write(
        "other.yaml",
        "version: 1\nhostname: kube1\ntarget: fedora-coreos\n",
    );
    lab.prints("other.yaml --format embed --base live.iso -o other.iso");
    for options in ["", "--base live.iso"] {
        lab.differs(
            &format!("other.iso node.yaml {options}"),
            &["- file /etc/motd", "- unit a.service"],
        );
    }
    let area = lab.find("node.iso", b"\xfd7zXZ\0");
    lab.tampered("node.iso", "bad.iso", area + 100);
    lab.differs(
        "bad.iso node.yaml --format embed --base live.iso",
        &["~ it cannot be read: "],
    );

    // The same, packed by others, and with a file more.
    let unpack = format!(
        "dd if=node.iso bs=1 skip={area} count=65536 status=none > area && mkdir tree && cd tree && xz --single-stream -dc ../area | cpio --quiet -id"
    );
    shell(&lab, "cpio xz-utils", &unpack);
    let pack = |command: &str| {
        shell(
            &lab,
            "cpio",
            &format!(
                "cd tree && find . -mindepth 1 | cpio --quiet -o -H newc -R 0:0 | {command} > ../theirs.img"
            ),
        );
        let mut image = lab.read("node.iso");
        let mut theirs = lab.read("theirs.img");
        theirs.resize(64 << 10, 0);
        image[area..area + theirs.len()].copy_from_slice(&theirs);
        lab.write("theirs.iso", image);
    };
    pack("gzip -9");
    lab.is_equal(
        "theirs.iso node.yaml --base live.iso",
        "encoded differently",
    );
    assert_eq!(
        lab.prints("diff theirs.iso node.yaml"),
        "kube1: no changes\n"
    );
    // The payload for network boot, theirs and ours.
    lab.prints("embed --pxe --ignition node.yaml -o ours.img");
    lab.is_the_same("ours.img node.yaml");
    shell(
        &lab,
        "xz-utils",
        "gzip -dc theirs.img | xz --check=crc32 > theirs.xz",
    );
    lab.is_equal("theirs.xz node.yaml", "encoded differently");
    lab.write("tree/init", "#!/bin/sh\n");
    pack("gzip -9");
    lab.differs("theirs.iso node.yaml", &["+ embedded file init"]);
    shell(
        &lab,
        "xz-utils",
        "gzip -dc theirs.img | xz --check=crc32 > theirs.xz",
    );
    lab.differs("theirs.xz node.yaml", &["+ file init"]);
}
