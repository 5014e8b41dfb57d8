//! What a config is imported for, what is asked, and what stops an import.

use std::fs;
use std::path::Path;

use super::{imgbuild, said};

/// Imports `config` with `arguments`; returns the spec and what was said, or the exit code and what
/// was said.
fn imported(config: &str, arguments: &[&str]) -> Result<(String, String), (i32, String)> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("web.config"), config).unwrap();
    let output = imgbuild(
        folder.path(),
        &[&["import", "web.config"], arguments].concat(),
    );
    let told = said(&output);
    match output.status.code() {
        Some(0) => Ok((String::from_utf8(output.stdout).unwrap(), told)),
        code => Err((code.unwrap_or(-1), told)),
    }
}

/// Builds `spec` and returns the Ignition config, or what was said.
fn built(folder: &Path, spec: &str) -> Result<serde_json::Value, String> {
    fs::write(folder.join("web.yaml"), spec).unwrap();
    let output = imgbuild(folder, &["web.yaml", "-o", "web.ign"]);
    if !output.status.success() {
        return Err(said(&output));
    }
    Ok(serde_json::from_slice(&fs::read(folder.join("web.ign")).unwrap()).unwrap())
}

const IGNITION: &str = r#"{"ignition":{"version":"3.3.0"}}"#;
const ROUTER: &str = "variant: r4e\nversion: 1.1.0\n";
const CLUSTER: &str = "variant: openshift\nversion: 4.14.0\nmetadata: {name: a}\n";

#[test]
fn a_target_that_the_config_does_not_say_is_asked_for() {
    for config in [IGNITION, ROUTER, CLUSTER] {
        let (code, told) = imported(config, &[]).unwrap_err();
        assert_eq!(code, 2, "{config}: {told}");
        for words in ["E0601", "--target debian", "--target fedora-coreos"] {
            assert!(told.contains(words), "{config}: {words}\n{told}");
        }
        assert!(!told.contains("container-linux"), "{config}: {told}");
        for target in ["debian", "flatcar", "fedora-coreos"] {
            let (spec, _) = imported(config, &["--target", target]).expect(config);
            let line = format!("target: {target}");
            assert!(spec.lines().any(|found| found == line), "{config}: {spec}");
        }
        let (code, told) = imported(config, &["--target", "container-linux"]).unwrap_err();
        assert_eq!(code, 2, "{config}: {told}");
    }
    let (code, told) = imported(IGNITION, &["--target", "gentoo"]).unwrap_err();
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("no target `gentoo`"), "{told}");
}

#[test]
fn only_a_target_that_needs_a_name_gets_a_made_up_one() {
    for (target, names) in [("debian", 1), ("flatcar", 0), ("fedora-coreos", 0)] {
        let (spec, told) = imported(IGNITION, &["--target", target]).unwrap();
        assert_eq!(spec.matches("hostname: web").count(), names, "{spec}");
        assert_eq!(
            told.matches("does not name the node").count(),
            names,
            "{told}"
        );
    }
    let (spec, _) = imported(IGNITION, &["--target", "flatcar", "--hostname", "front1"]).unwrap();
    assert!(spec.contains("hostname: front1"), "{spec}");
}

#[test]
fn a_name_in_capitals_is_kept_where_it_can_be() {
    let config = "variant: fcos\nversion: 1.4.0\nstorage:\n  files:\n    - {path: /etc/hostname, \
                  contents: {inline: Home-Server}}\n";
    let (spec, told) = imported(config, &[]).unwrap();
    assert!(!spec.contains("hostname: home-server"), "{spec}");
    assert!(spec.contains("Home-Server"), "{spec}");
    assert!(!told.contains("warning"), "{told}");
    let (spec, told) = imported(config, &["--target", "debian"]).unwrap();
    assert!(spec.contains("hostname: home-server"), "{spec}");
    assert!(told.contains("in lower case"), "{told}");
}

#[test]
fn what_a_node_cannot_do_without_stops_the_import() {
    for (key, path) in [
        (
            "boot_device: {layout: s390x-virt, luks: {tpm2: true}}",
            "`s390x-virt`",
        ),
        (
            "boot_device: {luks: {tpm2: true, cex: {enabled: true}}}",
            "`boot_device.luks.cex`",
        ),
        ("grub: {users: [{name: root}]}", "a `password_hash`"),
        ("grub: {timeout: 1}", "`grub.timeout`"),
    ] {
        let config = format!("variant: fcos\nversion: 1.6.0\n{key}\n");
        let (code, told) = imported(&config, &[]).unwrap_err();
        assert_eq!(code, 2, "{key}: {told}");
        assert!(
            told.contains("E0602") && told.contains(path),
            "{key}: {told}"
        );
    }
}

#[test]
fn every_version_is_imported_as_one_that_the_target_takes() {
    for target in ["debian", "flatcar", "fedora-coreos"] {
        for minor in 0..=6 {
            let config = format!(r#"{{"ignition":{{"version":"3.{minor}.0"}}}}"#);
            let (spec, _) = imported(&config, &["--target", target]).unwrap();
            let folder = tempfile::tempdir().unwrap();
            built(folder.path(), &spec).unwrap_or_else(|told| panic!("{target} 3.{minor}: {told}"));
        }
    }
    for minor in 0..=4 {
        let config = format!(r#"{{"ignition":{{"version":"2.{minor}.0"}}}}"#);
        let (spec, _) = imported(&config, &[]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        built(folder.path(), &spec).unwrap_or_else(|told| panic!("2.{minor}: {told}"));
    }
    // Bits that only 3.6.0 has are refused where the target does not have it.
    let config = r#"{"ignition":{"version":"3.6.0"},"storage":{"files":[{"path":"/opt/a","mode":2541,"contents":{"source":"data:,a"}}]}}"#;
    for (target, said) in [("debian", "E0304"), ("flatcar", "E0304")] {
        let (spec, _) = imported(config, &["--target", target]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let told = built(folder.path(), &spec).unwrap_err();
        assert!(
            told.contains(said) && !told.contains("E0137"),
            "{target}: {told}"
        );
    }
}

#[test]
fn paths_of_spec_2_lose_what_says_nothing() {
    let config = r#"{"ignition":{"version":"2.2.0"},"storage":{"directories":[{"filesystem":"root","path":"/srv//data/","mode":493}]}}"#;
    let (spec, told) = imported(config, &[]).unwrap();
    assert!(!told.contains("warning"), "{told}");
    let folder = tempfile::tempdir().unwrap();
    let built = built(folder.path(), &spec).unwrap();
    assert_eq!(built["storage"]["directories"][0]["path"], "/srv/data");
}

#[test]
fn empty_maps_of_spec_3_say_nothing() {
    let config = r#"{"ignition":{"version":"3.3.0","config":{"replace":{"verification":{}}},"security":{"tls":{}}},"storage":{"files":[{"path":"/opt/a","user":{},"group":{"name":""},"contents":{"source":"data:,a","verification":{}}}]}}"#;
    let (spec, told) = imported(config, &["--target", "fedora-coreos"]).unwrap();
    assert!(!told.contains("warning"), "{told}");
    let folder = tempfile::tempdir().unwrap();
    let built = built(folder.path(), &spec).unwrap();
    assert_eq!(
        built,
        serde_json::json!({
            "ignition": {"version": "3.4.0"},
            "storage": {"files": [{"path": "/opt/a", "mode": 420, "contents": {"source": "data:,a"}}]},
        })
    );
}

#[test]
fn what_is_appended_to_keeps_its_mode() {
    let config = r#"{"ignition":{"version":"2.2.0"},"storage":{"files":[{"filesystem":"root","path":"/etc/sudoers","append":true,"contents":{"source":"data:,a"}},{"filesystem":"root","path":"/etc/a","contents":{"source":"data:,a"}}]}}"#;
    let (spec, _) = imported(config, &[]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let built = built(folder.path(), &spec).unwrap();
    let files = built["storage"]["files"].as_array().unwrap();
    let mode = |path: &str| {
        let mut files = files.iter();
        files.find(|file| file["path"] == path).unwrap().get("mode")
    };
    assert_eq!(mode("/etc/sudoers"), None);
    assert_eq!(mode("/etc/a"), Some(&serde_json::json!(0)));
}
