//! Arguments and output: the only room that prints.

mod args;
mod artifacts;
mod base;
mod build;
mod console;
mod diff;
mod embed;
mod explain;
pub mod findings;
mod import;
mod inspect;
mod keys;
mod kubeconfig;
mod manual;
mod messages;
mod outcome;
mod progress;
mod run;
mod spec_file;
mod verify;
mod written_node;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;

use crate::diagnostic::Sources;
use crate::facts::kernel::KernelFlavor;
use crate::lock::Lock;
use crate::pki::Access;
use crate::progress::{Progress, Silent};
use crate::spec;

use args::{Cli, Command};
use messages::Messages;
use outcome::{Failure, is_closed_pipe};
use progress::Shown;
use spec_file::SpecFile;

/// Runs the command line that the process was given.
pub fn main() -> ExitCode {
    let cli = Cli::of_process();
    let messages = Messages::new(&cli.common);
    let progress: Box<dyn Progress> = if messages.quiet() {
        Box::new(Silent)
    } else {
        Box::new(Shown::new())
    };
    let mut sources = Sources::default();
    match run(&cli, &mut sources, messages, progress.as_ref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Environment(error)) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(failure) => {
            progress.finish();
            messages.failure(&sources, &failure);
            failure.exit_code()
        }
    }
}

fn run(
    cli: &Cli,
    sources: &mut Sources,
    messages: Messages,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let Some(command) = &cli.command else {
        return build::run(&cli.build, sources, messages, progress);
    };
    match command {
        Command::Check { specs, keys } => check(specs, keys.as_deref(), sources, messages),
        Command::Diff {
            old,
            new,
            node,
            keys,
        } => diff::run(
            (old, new),
            node.as_deref(),
            keys.as_deref(),
            sources,
            messages,
        ),
        Command::Embed(wanted) => embed::run(wanted, sources, messages, progress),
        Command::Explain { code } => explain::run(code.as_deref()),
        Command::Import(wanted) => import::run(wanted, sources, messages),
        Command::Inspect { what, node, keys } => {
            if inspect::is_spec(what) {
                let file = SpecFile::new(what, keys.as_deref());
                return inspect::spec(&file, node.as_deref(), sources, messages);
            }
            if node.is_some() || keys.is_some() {
                return Err(Failure::Usage(
                    "--node and --keys are valid only with a spec; an artifact has one node"
                        .to_owned(),
                ));
            }
            inspect::artifact(what)
        }
        Command::Keys(command) => keys::run(command, sources, messages),
        Command::Kubeconfig(of) => kubeconfig::run(of, sources, messages),
        Command::Run(run) => run::run(run, sources, messages, progress),
        Command::Base(command) => base::run(command, messages, progress),
        Command::Update { spec, source } => update(spec, source, sources, messages, progress),
        Command::Verify(wanted) => verify::run(wanted, sources, messages, progress),
        Command::Schema => {
            let mut out = std::io::stdout();
            writeln!(out, "{:#}", spec::schema()).context("writing to standard output")?;
            Ok(())
        }
        Command::Completions { shell } => {
            manual::completions(*shell, &mut std::io::stdout());
            Ok(())
        }
        Command::Man { dir: Some(dir) } => Ok(manual::pages(dir)?),
        Command::Man { dir: None } => Ok(manual::page(&mut std::io::stdout())?),
    }
}

/// Checks every one of `specs`, even after an invalid one.
fn check(
    specs: &[PathBuf],
    keys: Option<&Path>,
    sources: &mut Sources,
    messages: Messages,
) -> Result<(), Failure> {
    let mut outcome = Ok(());
    for path in specs {
        let checked = SpecFile::new(path, keys).check(sources, messages);
        if let Err(failure) = checked {
            // All failures but the last are printed here; the last is returned, which prints it and
            // sets the exit status.
            if let Err(earlier) = std::mem::replace(&mut outcome, Err(failure)) {
                messages.failure(sources, &earlier);
            }
        }
    }
    outcome
}

/// Pins the newest packages of every base that the spec's nodes need.
fn update(
    spec: &Path,
    source: &args::BaseSource,
    sources: &mut Sources,
    messages: Messages,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let file = SpecFile::new(spec, None);
    let mut cluster = file.decide(Access::Look, sources, messages)?;
    let mut kinds: Vec<(_, KernelFlavor)> = cluster
        .nodes
        .iter()
        .map(|node| (node.arch, node.kernel))
        .collect();
    kinds.dedup();
    let mut lock = Lock::load(&file.lock)?;
    for (arch, kernel) in kinds {
        crate::base::update(&base::request(source, arch, kernel)?, &mut lock, progress)?;
    }
    lock.save(&file.lock)?;
    artifacts::update(&mut cluster, source, &file.lock, messages)?;
    messages.note(&format!("wrote {}", file.lock.display()));
    Ok(())
}
