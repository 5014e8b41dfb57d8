//! What a release of Kubernetes has, learned from its programs.

use std::path::{Path, PathBuf};

use crate::facts::kubernetes::learned::LearnedTables;
use crate::learn::{self, Helpers};

use super::{Destination, Notice, Protected, Result, Session};

/// What to learn from.
#[derive(Debug, Clone)]
pub struct LearnOptions {
    /// The folder of the programs of one release, for this machine's architecture.
    pub programs: PathBuf,
    /// etcd; `None`: `etcd` in that folder, else in `PATH`.
    pub etcd: Option<PathBuf>,
    /// The file to write; `None`: `kubernetes-1.37.txt`, by the release's minor, in the current
    /// folder. It is used by specs in the same folder.
    pub output: Option<PathBuf>,
}

/// Asks the programs what they have, and writes it into a file by which specs beside it are
/// checked. Returns the file's path.
pub fn learn(options: &LearnOptions, session: &mut Session<'_>) -> Result<PathBuf> {
    let etcd = options
        .etcd
        .clone()
        .or_else(|| etcd_of(&options.programs, session));
    let mut rng = (session.environment.random)();
    let lesson = learn::learn(
        &options.programs,
        &Helpers { etcd },
        &mut *rng,
        session.progress(),
    )?;
    for what in lesson.left_out {
        session.notice(&Notice::NotLearned(what));
    }
    let minor = lesson.learned.version().minor;
    let path = options.output.clone();
    let path = path.unwrap_or_else(|| LearnedTables::file_name(minor).into());
    let text = lesson.learned.to_string();
    Destination::from(&*path).write(text.as_bytes(), &Protected::default())?;
    session.notice(&Notice::Wrote(path.clone()));
    Ok(path)
}

/// The first `etcd` of the folder and of `PATH`.
fn etcd_of(programs: &Path, session: &Session<'_>) -> Option<PathBuf> {
    let path = session.environment.variable("PATH").unwrap_or_default();
    std::iter::once(programs.to_owned())
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join("etcd"))
        .find(|program| program.is_file())
}
