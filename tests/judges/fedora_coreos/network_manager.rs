//! `NetworkManager`'s own reader of keyfiles, out of its library. Needs the Debian packages
//! python3-gi and gir1.2-nm-1.0.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

/// What it makes of each of `keyfiles`: the settings that it would write itself, by section and
/// key, or what it complains of.
pub fn read(keyfiles: &[String]) -> Vec<Result<BTreeMap<String, String>, String>> {
    // Debian's own: another python3 on the path does not have Debian's modules.
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", include_str!("network_manager.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs python3 (Debian: python3-gi, gir1.2-nm-1.0)");
    let mut stdin = python.stdin.take().expect("piped");
    stdin
        .write_all(&serde_json::to_vec(keyfiles).unwrap())
        .expect("writing to python3");
    drop(stdin);
    let output = python.wait_with_output().expect("waiting for python3");
    assert!(
        output.status.success(),
        "the reader failed; it needs Debian's python3-gi and gir1.2-nm-1.0"
    );
    let judged: Vec<(Vec<String>, String)> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(judged.len(), keyfiles.len());
    let judged = judged.into_iter();
    judged
        .map(|(complaints, text)| {
            if complaints.is_empty() {
                Ok(settings(&text))
            } else {
                Err(complaints.join("; "))
            }
        })
        .collect()
}

/// The settings of a keyfile: `section.key`.
pub fn settings(keyfile: &str) -> BTreeMap<String, String> {
    let mut section = "";
    let mut settings = BTreeMap::new();
    for line in keyfile.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, value)) = line.split_once('=') {
            settings.insert(format!("{section}.{key}"), value.to_owned());
        }
    }
    settings
}
