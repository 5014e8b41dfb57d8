//! What every use case is given beside its options: the environment, who listens, and the texts
//! that diagnostics point into.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use crate::diagnostic::{Diagnostic, Sources};
use crate::pki::CryptoRng;
use crate::progress::{Progress, Silent};

use super::Notice;

/// What a use case takes from the machine around it. Beyond this, rooms below read `PATH` to find
/// QEMU, and the clock to mark files of the cache as used.
#[derive(Clone)]
pub struct Environment {
    /// The folder that `~/` in a spec stands for.
    pub home: Option<PathBuf>,
    /// Environment variables: they say where the cache is (`IMGBUILD_CACHE`, `XDG_CACHE_HOME`, else
    /// `HOME`), where logins for registries are (`DOCKER_CONFIG`, else `HOME`) and where Helm is
    /// (`IMGBUILD_HELM`, else `PATH`).
    pub variables: BTreeMap<OsString, OsString>,
    /// The clock: certificates are valid from now on.
    pub now: fn() -> SystemTime,
    /// The random source that private keys are drawn from.
    pub random: fn() -> Box<dyn CryptoRng>,
}

impl Environment {
    /// The environment of this process: its variables, its user's home folder, the system's clock
    /// and random source.
    pub fn from_process() -> Self {
        Self {
            home: std::env::home_dir(),
            variables: std::env::vars_os().collect(),
            now: SystemTime::now,
            random: || Box::new(crate::pki::system_random()),
        }
    }

    /// The value of an environment variable.
    pub fn variable(&self, name: &str) -> Option<OsString> {
        self.variables.get(std::ffi::OsStr::new(name)).cloned()
    }
}

/// Shows no variable's value: passwords are given that way.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("home", &self.home)
            .field("variables", &self.variables.keys())
            .finish_non_exhaustive()
    }
}

/// Receives what a use case says while it works: its progress, and what the user should know and
/// stops nothing.
pub trait Reporter: Progress {
    /// Something happened, or is doubtful, outside of the spec.
    fn notice(&self, notice: &Notice);
    /// `warnings` are about files that are among `sources`.
    fn warnings(&self, warnings: &[Diagnostic], sources: &Sources);
}

/// Drops everything.
impl Reporter for Silent {
    fn notice(&self, _notice: &Notice) {}
    fn warnings(&self, _warnings: &[Diagnostic], _sources: &Sources) {}
}

/// The environment of one or more use cases, who listens to them, and what they read.
pub struct Session<'a> {
    pub environment: Environment,
    pub reporter: &'a dyn Reporter,
    /// The texts that were read so far, into which the spans of diagnostics point: what
    /// [`render_all`](crate::diagnostic::render_all) needs to show one.
    pub sources: Sources,
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("environment", &self.environment)
            .finish_non_exhaustive()
    }
}

impl<'a> Session<'a> {
    /// A session in `environment` that tells `reporter` what happens.
    pub fn new(environment: Environment, reporter: &'a dyn Reporter) -> Self {
        Self {
            environment,
            reporter,
            sources: Sources::default(),
        }
    }

    /// A session in the environment of this process, to which nobody listens.
    pub fn from_environment() -> Session<'static> {
        Session::new(Environment::from_process(), &Silent)
    }

    /// The progress of long work.
    pub(super) fn progress(&self) -> &'a dyn Progress {
        self.reporter
    }

    /// What time it is.
    pub(super) fn now(&self) -> SystemTime {
        (self.environment.now)()
    }

    /// Says something to whoever listens.
    pub(super) fn notice(&self, notice: &Notice) {
        self.reporter.notice(notice);
    }

    /// Reports warnings about what was read.
    pub(super) fn warnings(&self, warnings: &[Diagnostic]) {
        self.reporter.warnings(warnings, &self.sources);
    }
}
