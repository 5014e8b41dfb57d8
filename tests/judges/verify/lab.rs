//! A folder with specs, and imgbuild in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A node with something of every kind in its config.
pub const SPEC: &str = "\
version: 1
hostname: kube1
users: [{name: core, groups: [sudo]}]
etcd: {}
storage: {files: [{path: /etc/motd, overwrite: true, contents: {inline: hello}}]}
systemd: {units: [{name: a.service, enabled: true, contents: \"[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n\"}]}
";

/// A cluster of Flatcar, which brings kernel and initrd: stand-ins here.
pub const CLUSTER: &str = "\
version: 1
target: flatcar
base: {kernel: {source: vmlinuz}, initrd: {source: initrd.cpio}}
nodes:
  - {hostname: a, network: {interfaces: [{mac: '52:54:00:00:00:0a', dhcp: true}]}}
  - {hostname: b, kernel_arguments: [lab.b=1]}
";

pub struct Lab(tempfile::TempDir);

impl Lab {
    /// `node.yaml`, `cluster.yaml` and what the latter takes.
    pub fn new() -> Self {
        let lab = Self(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
        lab.write("node.yaml", SPEC);
        lab.write("cluster.yaml", CLUSTER);
        lab.write("vmlinuz", vec![7; 10_001]);
        let mut initrd = imgbuild::formats::cpio::Archive::new(Vec::new());
        initrd.file("init", 0o755, b"#!/bin/sh\n").unwrap();
        initrd.file("etc/issue", 0o644, b"of the system\n").unwrap();
        lab.write("initrd.cpio", initrd.finish().unwrap());
        lab
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).unwrap();
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// `imgbuild ARGUMENTS`, the arguments parted by spaces.
    pub fn imgbuild(&self, arguments: &str) -> Output {
        let program = std::env::var_os("IMGBUILD_PROGRAM")
            .map_or_else(|| env!("CARGO_BIN_EXE_imgbuild").into(), PathBuf::from);
        let mut command = Command::new(program);
        command.args(arguments.split_whitespace());
        command.current_dir(self.0.path()).output().unwrap()
    }

    /// What it prints; it has to go well.
    pub fn prints(&self, arguments: &str) -> String {
        let output = self.imgbuild(arguments);
        assert!(output.status.success(), "{arguments}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What `verify ARGUMENTS` tells, and its exit status. Nothing changes but for the cache, and
    /// nothing is left in that.
    pub fn verify(&self, arguments: &str) -> (String, i32) {
        let before = self.everything();
        let output = self.imgbuild(&format!("verify {arguments} --cache cache"));
        assert_eq!(self.everything(), before, "{arguments}");
        let left = fs::read_dir(self.path("cache/tmp")).map_or(0, Iterator::count);
        assert_eq!(left, 0, "{arguments}: something is left in the cache");
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert!(!text.contains("PRIVATE KEY"), "{text}");
        let text = format!("{text}{}", said(&output));
        (text, output.status.code().unwrap())
    }

    /// `verify` has to say that the bytes are the same.
    pub fn is_the_same(&self, arguments: &str) {
        let (text, code) = self.verify(arguments);
        assert!(
            code == 0 && text.contains("identical to what"),
            "{arguments}: {text}"
        );
    }

    /// `verify` has to name what differs: all of `lines` are among those that it prints.
    pub fn differs(&self, arguments: &str, lines: &[&str]) {
        let (text, code) = self.verify(arguments);
        assert_eq!(code, 1, "{arguments}: {text}");
        assert!(
            text.contains("error: ") && text.contains(" differs from what "),
            "{arguments}: {text}"
        );
        for line in lines {
            let found = text
                .lines()
                .any(|printed| printed.trim_start().starts_with(line));
            assert!(found, "{arguments}: no `{line}`\n{text}");
        }
    }

    /// `verify` has to say that the bytes differ and what they mean does not; `--exact` makes that
    /// a difference.
    pub fn is_equal(&self, arguments: &str, how: &str) {
        let (text, code) = self.verify(arguments);
        assert_eq!(code, 0, "{arguments}: {text}");
        assert!(
            text.contains("equivalent to what") && text.contains(how),
            "{arguments}: {text}"
        );
        let (text, code) = self.verify(&format!("{arguments} --exact"));
        assert_eq!(code, 1, "{arguments} --exact: {text}");
    }

    /// A copy of `name` with the byte at `at` changed.
    pub fn tampered(&self, name: &str, copy: &str, at: usize) {
        let mut bytes = self.read(name);
        bytes[at] ^= 1;
        self.write(copy, bytes);
    }

    /// Where `name` has `text`.
    pub fn find(&self, name: &str, text: &[u8]) -> usize {
        let bytes = self.read(name);
        bytes
            .windows(text.len())
            .position(|window| window == text)
            .unwrap()
    }

    /// All files but the cache's, with their contents.
    fn everything(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn add(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && !path.ends_with("cache") {
                    add(&path, found);
                } else if path.is_file() {
                    let bytes = fs::read(&path).unwrap();
                    found.push((path, bytes));
                }
            }
        }
        let mut found = Vec::new();
        add(self.0.path(), &mut found);
        found.sort();
        found
    }
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
