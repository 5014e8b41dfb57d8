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
