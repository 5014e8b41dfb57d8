//! A program that is asked something, and ends.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::formats::bounded;

/// How long an answer may take: it comes within a second where nothing else runs.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often is looked whether it is there.
const GLANCE: Duration = Duration::from_millis(5);

/// The longest answer, in bytes.
const BYTES_MAX: u64 = 32 << 20;

/// A program on this machine.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    path: PathBuf,
    /// What its environment has beside its home and the folders of programs.
    variables: Vec<(&'static str, OsString)>,
    patience: Duration,
}

/// What it said.
#[derive(Debug)]
pub(crate) struct Said {
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
    pub is_success: bool,
}

impl Said {
    /// Standard output, then standard error.
    pub fn text(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// The words of its complaints as they stood before Go quoted them.
    pub fn plain(&self) -> String {
        self.text().replace('\\', "")
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
        Ok(Self::new(&path))
    }

    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            variables: Vec::new(),
            patience: PATIENCE,
        }
    }

    /// The same with a variable in its environment.
    pub fn variable(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// What it says to these arguments.
    pub fn ask(&self, arguments: &[&str]) -> Result<Said> {
        let home = tempfile::tempdir().context("making a folder")?;
        self.ask_in(home.path(), arguments)
    }

    /// Its help.
    pub fn help(&self) -> Result<String> {
        Ok(self.ask(&["--help"])?.text())
    }

    /// The same, in the folder `home`.
    pub fn ask_in(&self, home: &Path, arguments: &[&str]) -> Result<Said> {
        let [out, err] = ["stdout", "stderr"].map(|name| home.join(name));
        // In a group of its own, it is ended with what it starts itself.
        let mut command = self.command(home, arguments, &out, &err)?;
        let child = command.process_group(0).spawn();
        let mut child = Running {
            child: child.with_context(|| self.starting())?,
            is_group: true,
        };
        let begun = Instant::now();
        let status = loop {
            match child.child.try_wait().context("waiting for a program")? {
                Some(status) => break Some(status),
                None if begun.elapsed() > self.patience => bail!(
                    "{} {} did not end within {} seconds",
                    self.path.display(),
                    arguments.join(" "),
                    self.patience.as_secs()
                ),
                // An endless answer would fill the disk.
                None if is_longer(&out) || is_longer(&err) => break None,
                None => thread::sleep(GLANCE),
            }
        };
        drop(child);
        let reading = || format!("reading what {} said", self.path.display());
        let read = |file: &Path| {
            let bytes = bounded(File::open(file).with_context(reading)?, BYTES_MAX);
            anyhow::Ok(String::from_utf8_lossy(&bytes.with_context(reading)?).into_owned())
        };
        Ok(Said {
            out: read(&out)?,
            err: read(&err)?,
            is_success: status.is_some_and(|status| status.success()),
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
        let mut command = self.command(home, arguments, out, err)?;
        Ok(Running {
            child: command.spawn().with_context(|| self.starting())?,
            is_group: false,
        })
    }

    fn command(&self, home: &Path, arguments: &[&str], out: &Path, err: &Path) -> Result<Command> {
        let file =
            |path: &Path| File::create(path).with_context(|| format!("writing {}", path.display()));
        let mut command = Command::new(&self.path);
        command
            .args(arguments)
            .env_clear()
            .env("HOME", home)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(file(out)?)
            .stderr(file(err)?);
        Ok(command)
    }

    fn starting(&self) -> String {
        format!(
            "starting {} (programs for another architecture cannot be asked here; those for this \
             one have the same to say)",
            self.path.display()
        )
    }

    /// Its bytes.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        std::fs::read(&self.path).with_context(|| format!("reading {}", self.path.display()))
    }
}

/// A program that is killed when nobody needs it any more.
pub(crate) struct Running {
    child: Child,
    /// It leads a process group.
    is_group: bool,
}

impl Running {
    /// Whether it ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.has_ended() {
            return;
        }
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = id.filter(|_| self.is_group) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_longer(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|file| file.len() > BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell script as a program of little patience.
    fn script(folder: &Path, text: &str) -> Program {
        let path = folder.join("script");
        fs::write(&path, text).expect("writes");
        Program {
            patience: Duration::from_millis(500),
            ..Program::new(Path::new("/bin/sh"))
        }
        .variable("SCRIPT", path)
    }

    #[test]
    fn a_program_has_its_own_environment_and_two_outputs() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = script(
            folder.path(),
            "echo \"$1 ${CARGO_MANIFEST_DIR-none}\"\necho wrong >&2\nexit 3\n",
        );
        let path = folder.path().join("script");
        let said = program
            .ask(&[path.to_str().expect("UTF-8"), "word"])
            .expect("ends");
        assert_eq!(
            (said.out.as_str(), said.err.as_str(), said.is_success),
            ("word none\n", "wrong\n", false)
        );
        assert_eq!(said.text(), "word none\nwrong\n");
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_its_children() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, child) = (folder.path().join("script"), folder.path().join("child"));
        let text = format!("sleep 600 &\necho $! > {}\nwait\n", child.display());
        let program = script(folder.path(), &text);
        let error = program
            .ask(&[path.to_str().expect("UTF-8")])
            .expect_err("it hangs");
        assert!(error.to_string().contains("did not end within"), "{error}");
        let id = fs::read_to_string(child).expect("it was started");
        // A killed process whose parent is gone may wait for init to notice.
        let state = fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
        let state = state
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next());
        assert!(matches!(state, None | Some('Z' | 'X')), "{state:?}");
    }

    #[test]
    fn an_endless_answer_is_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("script");
        let mut program = script(folder.path(), "yes\n");
        program.patience = PATIENCE;
        let error = program
            .ask(&[path.to_str().expect("UTF-8")])
            .expect_err("it has no end");
        assert!(
            format!("{error:#}").contains("more than 32 MiB"),
            "{error:#}"
        );
    }
}
