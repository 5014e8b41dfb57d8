//! A folder, a program and what they have to do with each other.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A config of the newest spec that anything here is asked to read.
pub const CONFIG: &str = r#"{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/etc/hostname","mode":420,"contents":{"source":"data:,kube1"}}]}}"#;

/// A temporary folder in which commands run.
pub struct Lab(TempDir);

impl Lab {
    /// An empty folder but for `config.ign`.
    pub fn new() -> Self {
        let lab = Self(tempfile::tempdir().unwrap());
        lab.write("config.ign", CONFIG);
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

    /// Names in the folder, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// `imgbuild ARGUMENTS`, the arguments parted by spaces.
    pub fn imgbuild(&self, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_imgbuild"))
            .args(arguments.split_whitespace())
            .current_dir(self.0.path())
            .output()
            .unwrap()
    }

    /// What it prints; it has to go well.
    pub fn prints(&self, arguments: &str) -> Vec<u8> {
        let output = self.imgbuild(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments}: {said}");
        output.stdout
    }

    /// The text that it prints.
    pub fn says(&self, arguments: &str) -> String {
        String::from_utf8(self.prints(arguments)).unwrap()
    }

    /// How it refuses: exit status 2, and nothing made.
    pub fn refuses(&self, arguments: &str) -> String {
        let before = self.names();
        let output = self.imgbuild(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {said}");
        assert_eq!(self.names(), before, "{arguments}");
        said
    }
}
