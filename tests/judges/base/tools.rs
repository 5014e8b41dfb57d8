//! Programs of the machine that judge what the base is made of.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};

/// Runs a program of the Debian package `package` and gives what it printed.
pub fn run(package: &str, program: &str, arguments: &[&OsStr]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .output()
        .unwrap_or_else(|error| panic!("{program} (Debian package `{package}`): {error}"));
    assert!(
        output.status.success(),
        "{program}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// One line of `unsquashfs -lln`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// As `ls` writes it: `-rwsr-xr-x`.
    pub mode: String,
    /// `0/42`
    pub owner: String,
    pub target: Option<String>,
}

/// Everything in a root image, by absolute path.
pub fn list(image: &Path) -> BTreeMap<String, Listed> {
    let text = run(
        "squashfs-tools",
        "unsquashfs",
        &[
            OsStr::new("-lln"),
            OsStr::new("-d"),
            OsStr::new(""),
            image.as_os_str(),
        ],
    );
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let (Some(mode), Some(owner), Some(_size), Some(_day), Some(time)) = (
            words.next(),
            words.next(),
            words.next(),
            words.next(),
            words.next(),
        ) else {
            continue;
        };
        // Names may have spaces: the rest of the line after the time.
        let Some((_, rest)) = line.split_once(&format!(" {time} ")) else {
            continue;
        };
        let (path, target) = match rest.split_once(" -> ") {
            Some((path, target)) if mode.starts_with('l') => (path, Some(target.to_owned())),
            _ => (rest, None),
        };
        let path = if path.is_empty() { "/" } else { path };
        let listed = Listed {
            mode: mode.to_owned(),
            owner: owner.to_owned(),
            target,
        };
        found.insert(path.to_owned(), listed);
    }
    assert!(!found.is_empty(), "unsquashfs printed: {text}");
    found
}

/// Unpacks a root image, or the parts of it that are named, to `folder`.
pub fn unpack(image: &Path, folder: &Path, parts: &[&str]) {
    let mut arguments = vec![
        OsStr::new("-quiet"),
        OsStr::new("-no-progress"),
        OsStr::new("-no-xattrs"),
        OsStr::new("-d"),
        folder.as_os_str(),
        image.as_os_str(),
    ];
    arguments.extend(parts.iter().map(OsStr::new));
    run("squashfs-tools", "unsquashfs", &arguments);
}

/// SHA-256 of a file.
pub fn sha256(path: &Path) -> String {
    let mut file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer).expect("read");
        if count == 0 {
            return hex(&hash.finalize());
        }
        hash.update(&buffer[..count]);
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}

/// SHA-256 of every file below `folder`, by path below it.
pub fn hashes(folder: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("list") {
            let path = entry.expect("list").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below").to_owned();
                found.insert(name, sha256(&path));
            }
        }
    }
    found
}
