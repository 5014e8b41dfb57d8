//! A program that is asked something, and ends.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::formats::bounded;

/// How long an answer may take: it comes within a second where nothing else runs.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often is looked whether it is there.
const GLANCE: Duration = Duration::from_millis(5);

/// The most that is read of an answer, in bytes.
const BYTES_MAX: u64 = 4 << 20;

/// One of a folder.
#[derive(Debug, Clone)]
pub(super) struct Program {
    path: PathBuf,
}

/// What it said.
#[derive(Debug)]
pub(super) struct Said {
    /// Standard output, then standard error.
    pub text: String,
    pub is_success: bool,
}

impl Said {
    /// The words of its complaints as they stood before Go quoted them.
    pub fn plain(&self) -> String {
        self.text.replace('\\', "")
    }
}

impl Program {
    /// The program `name` in `folder`; an error that says so if it is not there.
    pub fn find(folder: &Path, name: &str) -> Result<Self> {
        let path = std::path::absolute(folder.join(name))
            .with_context(|| format!("finding {}", folder.display()))?;
        ensure!(
            path.is_file(),
            "there is no `{name}` in {}",
            folder.display()
        );
        Ok(Self { path })
    }

    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// What it says to these arguments.
    pub fn ask(&self, arguments: &[&str]) -> Result<Said> {
        let home = tempfile::tempdir().context("making a folder")?;
        self.ask_in(home.path(), arguments)
    }

    /// Its help.
    pub fn help(&self) -> Result<String> {
        Ok(self.ask(&["--help"])?.text)
    }

    /// The same, in the folder `home`.
    pub fn ask_in(&self, home: &Path, arguments: &[&str]) -> Result<Said> {
        let [out, err] = ["stdout", "stderr"].map(|name| home.join(name));
        let mut child = self.start(home, arguments, &out, &err)?;
        let begun = Instant::now();
        let status = loop {
            match child.0.try_wait().context("waiting for a program")? {
                Some(status) => break status,
                None if begun.elapsed() > PATIENCE => bail!(
                    "{} {} did not end within {} seconds",
                    self.path.display(),
                    arguments.join(" "),
                    PATIENCE.as_secs()
                ),
                None => thread::sleep(GLANCE),
            }
        };
        let mut text = String::new();
        for file in [&out, &err] {
            let reading = || format!("reading what {} said", self.path.display());
            let bytes = bounded(File::open(file).with_context(reading)?, BYTES_MAX);
            let bytes = bytes.with_context(reading)?;
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
        Ok(Said {
            text,
            is_success: status.success(),
        })
    }

    /// Starts it with nothing of the user's: it ends with what is returned.
    pub fn start(
        &self,
        home: &Path,
        arguments: &[&str],
        out: &Path,
        err: &Path,
    ) -> Result<Running> {
        let file =
            |path: &Path| File::create(path).with_context(|| format!("writing {}", path.display()));
        let child = Command::new(&self.path)
            .args(arguments)
            .env_clear()
            .env("HOME", home)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(file(out)?)
            .stderr(file(err)?)
            .spawn()
            .with_context(|| {
                format!(
                    "starting {} (programs for another architecture cannot be asked here; those for \
                     this one have the same to say)",
                    self.path.display()
                )
            })?;
        Ok(Running(child))
    }

    /// Its bytes.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        std::fs::read(&self.path).with_context(|| format!("reading {}", self.path.display()))
    }
}

/// A program that is killed when nobody needs it any more.
pub(super) struct Running(Child);

impl Running {
    /// Whether it ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
