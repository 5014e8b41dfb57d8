//! Boots an artifact and checks its nodes: `imgbuild test`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

use crate::cache::sha256_of;
use crate::diagnostic::{Diagnostic, codes, in_order};
use crate::formats::bounded;
use crate::pack::output::Output;
use crate::qemu::{Accel, Firmware, Interrupt, Machine, Qemu};
use crate::read;
use crate::text::hex;
use crate::trial::{
    Candidate, ChecksFile, Course, Identity, Keeping, Login, Report, Snapshot, Stop,
};

use super::run::{self, BootMedium, Machines, RunOptions};
use super::spec_file::is_spec;
use super::{Error, FetchOptions, Notice, Result, Session};

/// The largest checks file, in bytes.
const CHECKS_MAX: u64 = 1 << 20;

/// The user of most nodes, and of nodes of which nothing else is known.
const USER: &str = "core";

/// How long nodes may take where nothing says it.
const TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// What is tested, and how.
#[derive(Debug, Clone)]
pub struct TestOptions {
    /// An ISO, an initrd, a folder to boot machines from, or a spec, which is built.
    pub what: PathBuf,
    /// The checks file; `None`: the nodes must be ready, and no more.
    pub checks: Option<PathBuf>,
    /// Of several nodes, only the one with this host name.
    pub node: Option<String>,
    /// As for [`RunOptions`].
    pub firmware: Option<Firmware>,
    /// As for [`RunOptions`].
    pub medium: Option<BootMedium>,
    /// Memory of each machine in MiB, over the checks file's.
    pub memory: Option<u32>,
    /// Processors of each machine.
    pub cpus: u32,
    pub accel: Accel,
    /// Who asks the nodes, over the checks file's.
    pub user: Option<String>,
    /// Files of private keys, over the checks file's.
    pub ssh_keys: Vec<PathBuf>,
    /// How long the nodes may take until all are ready, over the checks file's.
    pub timeout: Option<Duration>,
    /// The folder for what consoles show; `None`: a temporary one, which stays after a failure.
    pub logs: Option<PathBuf>,
    /// The file of booted machines: the test starts from it, or writes it.
    pub snapshot: Option<PathBuf>,
    /// The folder of the cluster's keys, for a spec; `None`: beside it.
    pub keys: Option<PathBuf>,
    pub fetch: FetchOptions,
}

impl TestOptions {
    /// Boots `what` on machines with two processors, in software, and waits until they are ready.
    pub fn new(what: impl Into<PathBuf>) -> Self {
        Self {
            what: what.into(),
            checks: None,
            node: None,
            firmware: None,
            medium: None,
            memory: None,
            cpus: 2,
            accel: Accel::default(),
            user: None,
            ssh_keys: Vec::new(),
            timeout: None,
            logs: None,
            snapshot: None,
            keys: None,
            fetch: FetchOptions::default(),
        }
    }

    fn run_options(&self) -> RunOptions {
        RunOptions {
            node: self.node.clone(),
            firmware: self.firmware,
            medium: self.medium,
            memory: self.memory,
            cpus: self.cpus,
            accel: self.accel,
            keys: self.keys.clone(),
            fetch: self.fetch.clone(),
            ..RunOptions::new(&self.what)
        }
    }
}

/// A test that came to its end.
#[derive(Debug)]
pub struct Tested {
    pub report: Report,
    /// The folder of the consoles, if it stays.
    pub logs: Option<PathBuf>,
}

/// Boots what the options name, or starts it from a snapshot, and makes the checks. Failed checks
/// are in the report; the error is for a test that did not come to its end.
pub fn test(
    options: &TestOptions,
    interrupt: &Interrupt,
    session: &mut Session<'_>,
) -> Result<Tested> {
    let is_spec = is_spec(&options.what);
    if is_spec && options.snapshot.is_some() {
        return Err(Error::Request(
            "--snapshot requires an artifact, since each build of a spec may be another".to_owned(),
        ));
    }
    let (checks, findings) = match &options.checks {
        None => (None, Vec::new()),
        Some(path) => read_checks(path, session)?,
    };
    // What nodes there are is known at once, unless they have to be built.
    if is_spec && !findings.is_empty() {
        return Err(findings.into());
    }
    let mut machines = run::machines(&options.run_options(), session)?;
    let findings = all_findings(checks.as_ref(), findings, &machines, options, session);
    if !findings.is_empty() {
        return Err(findings.into());
    }
    let memory = checks.as_ref().and_then(|file| file.memory);
    if let (None, Some(memory)) = (options.memory, memory) {
        for machine in &mut machines.machines {
            machine.memory = memory.value;
        }
    }
    let login = login(options, checks.as_ref(), is_spec, session)?;
    let snapshot = snapshot(options, &machines, session)?;
    let keeping = match (&snapshot, &options.snapshot) {
        (Some(Found::Fitting(snapshot)), _) => Keeping::From(snapshot),
        (Some(Found::Wanted(identity)), Some(path)) => Keeping::To(path, identity.clone()),
        _ => Keeping::Nowhere,
    };
    let logs = Logs::create(options.logs.as_deref())?;
    let timeout = options.timeout.unwrap_or_else(|| {
        let file = checks.as_ref();
        file.map_or(TIMEOUT, |file| file.timeout().value.0)
    });
    let candidates = candidates(machines);
    let course = Course {
        artifact: options.what.display().to_string(),
        candidates: &candidates.all,
        checks: checks.as_ref(),
        login,
        timeout,
        logs: logs.path(),
        keeping,
        interrupt: interrupt.clone(),
    };
    let tell = |text: &str| session.notice(&Notice::Tested(text.to_owned()));
    match course.run(&tell) {
        Ok(report) => {
            let stays = report.failures().next().is_some();
            Ok(Tested {
                report,
                logs: logs.finish(stays),
            })
        }
        Err(stop) => Err(stopped(&stop, logs)),
    }
}

/// Why a test did not come to its end, and where its consoles are.
fn stopped(stop: &Stop, logs: Logs) -> Error {
    let logs = logs.finish(true);
    let at = logs.map(|path| format!("; the consoles are in {}", path.display()));
    anyhow::anyhow!("{stop}{}", at.unwrap_or_default()).into()
}

/// The checks file at `path`, as far as it can be read, and what is wrong with it.
fn read_checks(
    path: &Path,
    session: &mut Session<'_>,
) -> Result<(Option<ChecksFile>, Vec<Diagnostic>)> {
    let bytes = File::open(path)
        .map_err(anyhow::Error::from)
        .and_then(|file| bounded(file, CHECKS_MAX))
        .map_err(|why| Error::Request(format!("cannot read {}: {why}", path.display())))?;
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(Error::Request(format!("{} is not UTF-8", path.display())));
    };
    let source = session.sources.add(path, text.as_str());
    Ok(ChecksFile::read(&text, source))
}

/// All that is wrong with the checks file.
fn all_findings(
    checks: Option<&ChecksFile>,
    mut findings: Vec<Diagnostic>,
    machines: &Machines,
    options: &TestOptions,
    session: &Session<'_>,
) -> Vec<Diagnostic> {
    if let Some(file) = checks {
        let names = machines
            .machines
            .iter()
            .map(|machine| machine.name.as_str());
        let names: Vec<&str> = names.collect();
        findings.extend(file.findings(&names));
        let keys = file.ssh.iter().flat_map(|ssh| &ssh.key);
        for key in keys {
            let path = key_path(key, options, session);
            if !path.is_file() {
                let message = format!("cannot read `{}`: no such file", path.display());
                findings.push(Diagnostic::error(codes::UNREADABLE_FILE, key.span, message));
            }
        }
    }
    in_order(findings)
}

/// The file of a key that the checks file names.
fn key_path(key: &str, options: &TestOptions, session: &Session<'_>) -> PathBuf {
    if let (Some(rest), Some(home)) = (key.strip_prefix("~/"), &session.environment.home) {
        return home.join(rest);
    }
    let folder = options.checks.as_deref().and_then(Path::parent);
    folder.unwrap_or(Path::new("")).join(key)
}

/// Who asks the nodes.
fn login(
    options: &TestOptions,
    checks: Option<&ChecksFile>,
    is_spec: bool,
    session: &Session<'_>,
) -> Result<Login> {
    if let Some(missing) = options.ssh_keys.iter().find(|key| !key.is_file()) {
        return Err(Error::Request(format!(
            "--ssh-key {}: no such file",
            missing.display()
        )));
    }
    let section = checks.and_then(|file| file.ssh.as_ref());
    let of_file = section.and_then(|ssh| ssh.user.as_ref());
    let user = match (&options.user, of_file) {
        (Some(user), _) => user.clone(),
        (None, Some(user)) => user.to_string(),
        (None, None) if is_spec => USER.to_owned(),
        (None, None) => user_of(&options.what).unwrap_or_else(|| USER.to_owned()),
    };
    let of_file = section.into_iter().flat_map(|ssh| &ssh.key);
    let keys = if options.ssh_keys.is_empty() {
        of_file.map(|key| key_path(key, options, session)).collect()
    } else {
        options.ssh_keys.clone()
    };
    Ok(Login { user, keys })
}

/// The first user of an artifact with a key for SSH; `core` if that is one of them.
fn user_of(artifact: &Path) -> Option<String> {
    let first = read::artifacts(artifact).ok()?.next()?.ok()?;
    let config: serde_json::Value = serde_json::from_slice(&first.config).ok()?;
    let users = config["passwd"]["users"].as_array()?.iter();
    let has_key = |user: &&serde_json::Value| {
        let keys = user["sshAuthorizedKeys"].as_array();
        keys.is_some_and(|keys| !keys.is_empty())
    };
    let names = users
        .filter(has_key)
        .filter_map(|user| user["name"].as_str());
    let names: Vec<&str> = names.collect();
    let core = names.iter().find(|name| **name == USER);
    core.or(names.first()).map(|name| (*name).to_owned())
}

/// What `--snapshot` leads to.
enum Found {
    /// Machines that can be started.
    Fitting(Snapshot),
    /// A place for machines of this identity.
    Wanted(Identity),
}

fn snapshot(
    options: &TestOptions,
    machines: &Machines,
    session: &Session<'_>,
) -> Result<Option<Found>> {
    let Some(path) = &options.snapshot else {
        return Ok(None);
    };
    let first: Option<&Machine> = machines.machines.first();
    let version = match first {
        Some(machine) => Qemu::find(machine)?.version,
        None => (0, 0),
    };
    let artifact = sha256(&options.what)?;
    let identity = Identity::new(artifact, &machines.machines, version);
    if !path.exists() {
        return Ok(Some(Found::Wanted(identity)));
    }
    // Whatever else the file is, it is not replaced.
    let snapshot = Snapshot::open(path).map_err(|why| {
        Error::Request(format!(
            "{} is not a snapshot of `imgbuild test`: {why:#}",
            path.display()
        ))
    })?;
    if let Some(why) = snapshot.difference(&identity) {
        session.notice(&Notice::Tested(format!(
            "{} does not fit: {why}. The machines boot, and replace it",
            path.display()
        )));
        return Ok(Some(Found::Wanted(identity)));
    }
    Ok(Some(Found::Fitting(snapshot)))
}

/// The SHA-256 of a file, or of the names and hashes of all files below a folder.
fn sha256(path: &Path) -> Result<String> {
    let doing = || format!("reading {}", path.display());
    if !path.is_dir() {
        return Ok(sha256_of(path).with_context(doing)?);
    }
    let mut files = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(doing)? {
            let entry = entry.with_context(doing)?.path();
            if entry.is_dir() {
                folders.push(entry);
            } else {
                files.push(entry);
            }
        }
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let name = file.strip_prefix(path).unwrap_or(&file);
        let of_file = sha256_of(&file).with_context(doing)?;
        hash.update(format!("{of_file} {}\n", name.display()));
    }
    Ok(hex(&hash.finalize()))
}

/// Machines to test, and what was built for them.
struct Candidates {
    all: Vec<Candidate>,
    _machines: Machines,
}

fn candidates(machines: Machines) -> Candidates {
    let all = machines.machines.iter().zip(&machines.targets);
    let all = all.map(|(machine, target)| Candidate {
        machine: machine.clone(),
        says_ready: target.facts().says_ready.is_ok(),
    });
    Candidates {
        all: all.collect(),
        _machines: machines,
    }
}

/// The folder of consoles.
enum Logs {
    Named(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Logs {
    fn create(named: Option<&Path>) -> Result<Self> {
        if let Some(path) = named {
            return Ok(Self::Named(path.to_owned()));
        }
        let folder = tempfile::Builder::new().prefix("imgbuild-test-").tempdir();
        let folder = folder.context("creating a folder for the consoles")?;
        Ok(Self::Temporary(folder))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Named(path) => path,
            Self::Temporary(folder) => folder.path(),
        }
    }

    /// The folder, if it stays.
    fn finish(self, stays: bool) -> Option<PathBuf> {
        match self {
            Self::Named(path) => Some(path),
            Self::Temporary(folder) => stays.then(|| folder.keep()),
        }
    }
}

/// Writes a report of a test to `path`, whole or not at all.
pub fn write_report(path: &Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    let mut output = Output::create(path, false)?;
    (output.file().write_all(text.as_bytes()))
        .with_context(|| format!("writing {}", path.display()))?;
    Ok(output.commit()?)
}
