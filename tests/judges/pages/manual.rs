//! `imgbuild man`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use imgbuild::pages::TOPICS;

fn man(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .arg("man")
        .args(arguments)
        .output()
        .unwrap()
}

fn write_into(folder: &Path) -> BTreeMap<String, String> {
    let done = man(&["--dir", folder.to_str().unwrap()]);
    assert!(done.status.success(), "{done:?}");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn every_command_and_topic_has_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let pages = write_into(&folder.path().join("new/man"));
    for name in [
        "imgbuild.1",
        "imgbuild-check.1",
        "imgbuild-keys-rotate.1",
        "imgbuild-keys.7",
        "imgbuild-spec.5",
        "imgbuild-help.1",
    ] {
        assert!(pages.contains_key(name), "{name}: {:?}", pages.keys());
    }
    for topic in TOPICS {
        let page = &pages[&format!("imgbuild-{}.{}", topic.name, topic.section)];
        assert!(
            page.contains(topic.summary.split(' ').next().unwrap()),
            "{page}"
        );
        // Every other page is named by the program's own.
        assert!(pages["imgbuild.1"].contains(&topic.reference().replace('-', "\\-")));
    }
    assert!(!pages.contains_key("imgbuild-keys-help.1"));
    // The same again, over what is there.
    assert_eq!(write_into(&folder.path().join("new/man")), pages);
    let main = man(&[]);
    assert_eq!(String::from_utf8(main.stdout).unwrap(), pages["imgbuild.1"]);
}

#[test]
fn all_pages_or_none_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = man(&["--dir", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("file") && said.contains("exists"), "{said}");

    // A folder where a page would be.
    let taken = folder.path().join("taken");
    fs::create_dir_all(taken.join("imgbuild-spec.5")).unwrap();
    let refused = man(&["--dir", taken.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("imgbuild-spec.5"), "{said}");
    assert_eq!(fs::read_dir(&taken).unwrap().count(), 1, "{said}");
}

/// Pages are for everybody, less the umask.
#[test]
fn pages_are_public() {
    let folder = tempfile::tempdir().unwrap();
    write_into(folder.path());
    let mode = fs::metadata(folder.path().join("imgbuild.1"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o700, 0o600);
    let probe = folder.path().join("probe");
    fs::write(&probe, "").unwrap();
    assert_eq!(mode, fs::metadata(probe).unwrap().permissions().mode());
}

/// groff has nothing to warn of, and shows what was written.
#[test]
fn groff_reads_every_page() {
    let folder = tempfile::tempdir().unwrap();
    for name in write_into(folder.path()).keys() {
        let read = Command::new("groff")
            .args(["-man", "-ww", "-Kutf8", "-Tutf8", "-P-cbou"])
            .arg(folder.path().join(name))
            .output()
            .expect("groff, of the Debian package groff-base");
        let said = String::from_utf8_lossy(&read.stderr);
        assert!(read.status.success() && said.is_empty(), "{name}: {said}");
        let text = String::from_utf8_lossy(&read.stdout);
        assert!(text.contains("NAME"), "{name}: {text}");
        assert!(
            !text.contains("\\f") && !text.contains("**"),
            "{name}: {text}"
        );
    }
}
