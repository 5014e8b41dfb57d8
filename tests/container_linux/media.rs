//! The config ISO and the config drive, as their readers see them. Needs the Debian packages
//! genisoimage and xorriso.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use imgbuild::pack::Format;
use imgbuild::read::artifact;

const SPEC: &str = "version: 1\ntarget: container-linux\nhostname: kube1\netcd: ~\n";

fn imgbuild(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn tool(package: &str, program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|_| panic!("{program} is needed: apt install {package}"));
    assert!(output.status.success(), "{program}: {}", said(&output));
    output.stdout
}

fn project(spec: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("node.yaml"), spec).unwrap();
    folder
}

#[test]
fn the_config_iso_shows_its_file_under_both_names() {
    let folder = project(SPEC);
    let made = imgbuild(folder.path(), &["node.yaml", "-o", "config.iso"]);
    assert!(made.status.success(), "{}", said(&made));
    let made = imgbuild(folder.path(), &["node.yaml", "-o", "config.json"]);
    assert!(made.status.success(), "{}", said(&made));
    let config = fs::read(folder.path().join("config.json")).unwrap();

    let iso = folder.path().join("config.iso");
    let iso = iso.to_str().unwrap();
    let joliet = tool(
        "genisoimage",
        "isoinfo",
        &["-J", "-i", iso, "-x", "/config.json;1"],
    );
    assert_eq!(joliet, config);
    let plain = tool(
        "genisoimage",
        "isoinfo",
        &["-i", iso, "-x", "/CONFIG.JSON;1"],
    );
    assert_eq!(plain, config);
    let about = String::from_utf8(tool("genisoimage", "isoinfo", &["-d", "-i", iso])).unwrap();
    assert!(about.contains("Volume id: config\n"), "{about}");
    assert!(about.contains("Joliet with UCS level 3 found"), "{about}");
    assert!(about.contains("NO Rock Ridge present"), "{about}");
    assert!(!about.contains("El Torito"), "{about}");
    let listed = tool("genisoimage", "isoinfo", &["-J", "-f", "-i", iso]);
    assert_eq!(String::from_utf8_lossy(&listed), "/config.json;1\n");
    // Another reader, which looks for what it can boot.
    let report = tool(
        "xorriso",
        "xorriso",
        &["-indev", iso, "-report_el_torito", "plain", "-find"],
    );
    assert!(!String::from_utf8_lossy(&report).contains("El Torito images"));

    let read = artifact(Path::new(iso)).unwrap();
    assert_eq!((read.format, read.config), (Format::ConfigIso, config));
}

#[test]
fn the_config_drive_is_where_ignition_looks() {
    let folder = project(SPEC);
    let made = imgbuild(
        folder.path(),
        &["node.yaml", "-o", "drive.iso", "--format", "config-2"],
    );
    assert!(made.status.success(), "{}", said(&made));
    let iso = folder.path().join("drive.iso");
    let iso = iso.to_str().unwrap();
    let user_data = tool(
        "genisoimage",
        "isoinfo",
        &["-J", "-i", iso, "-x", "/openstack/latest/user_data;1"],
    );
    assert!(imgbuild::ignition::v2::read(&user_data).is_ok());
    // What udev calls the device: /dev/disk/by-label/config-2.
    let label = tool(
        "util-linux",
        "blkid",
        &["-p", "-o", "value", "-s", "LABEL", iso],
    );
    assert_eq!(String::from_utf8_lossy(&label).trim(), "config-2");
    assert_eq!(
        artifact(Path::new(iso)).unwrap().format,
        Format::ConfigDrive
    );
}

/// Both media hold the config of any target.
#[test]
fn other_targets_have_the_media_too() {
    let folder = project("version: 1\nhostname: kube1\n");
    for format in ["config-iso", "config-2"] {
        let made = imgbuild(
            folder.path(),
            &["node.yaml", "-o", "a.iso", "--format", format],
        );
        assert!(made.status.success(), "{format}: {}", said(&made));
        let shown = imgbuild(folder.path(), &["inspect", "a.iso"]);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("Ignition    3.3.0"), "{shown}");
    }
}

#[test]
fn what_container_linux_has_no_base_for_is_refused() {
    let folder = project(SPEC);
    for (output, format) in [
        ("a.iso", "iso"),
        ("a.initrd", "initrd"),
        ("a/", "pxe"),
        ("a.cpio.gz", "cpio.gz"),
    ] {
        let made = imgbuild(
            folder.path(),
            &["node.yaml", "-o", output, "--format", format],
        );
        assert_eq!(made.status.code(), Some(2), "{format}");
        let words = said(&made);
        assert!(words.contains("Container Linux"), "{words}");
        assert!(!folder.path().join(output).exists());
    }
}

/// The same spec gives the same bytes; what changes is told.
#[test]
fn media_repeat_and_are_compared() {
    let folder = project(SPEC);
    for name in ["one.iso", "two.iso"] {
        let made = imgbuild(folder.path(), &["node.yaml", "-o", name]);
        assert!(made.status.success(), "{}", said(&made));
    }
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("one.iso"), read("two.iso"));
    let more = format!(
        "{SPEC}networkd: {{units: [{{name: a.network, contents: \"[Match]\\nName=eth0\\n\"}}]}}\n"
    );
    fs::write(folder.path().join("node.yaml"), more).unwrap();
    let told = imgbuild(folder.path(), &["diff", "one.iso", "node.yaml"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(told, "kube1:\n  + networkd unit a.network\n");
}

/// Configs of Flatcar and Fedora CoreOS are in the version that they take; there is no ISO without
/// a base.
#[test]
fn other_targets_write_their_own_version() {
    for (spec, version) in [
        (
            "target: flatcar\nnetwork: {interfaces: [{name: eth0, dhcp: true}]}\n",
            "3.3.0",
        ),
        ("target: fedora-coreos\n", "3.4.0"),
        (
            "target: fedora-coreos\nignition: {version: 3.6.0}\nstorage: {files: [{path: /opt/a, mode: 04755, contents: {inline: a}}]}\n",
            "3.6.0",
        ),
    ] {
        let users = "users: [{name: core, groups: [sudo], password_hash: '*'}]\n";
        let folder = project(&format!("version: 1\nhostname: kube1\n{users}{spec}"));
        let made = imgbuild(
            folder.path(),
            &["node.yaml", "-o", "-", "--format", "ignition"],
        );
        assert!(made.status.success(), "{spec}: {}", said(&made));
        let config: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
        assert_eq!(config["ignition"]["version"], version, "{spec}");
        assert_eq!(config["passwd"]["users"][0].get("shell"), None, "{spec}");
        assert_eq!(config["passwd"].get("groups"), None, "sudo is there");
        let made = imgbuild(
            folder.path(),
            &["node.yaml", "-o", "a.iso", "--format", "iso"],
        );
        assert_eq!(made.status.code(), Some(2), "{spec}");
    }
}
