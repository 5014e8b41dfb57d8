//! Arguments and words: the only room that prints. What commands do is in [`ops`].

mod args;
mod base;
mod build;
mod check;
mod console;
mod diff;
mod embed;
mod explain;
mod help;
mod import;
mod inspect;
mod keys;
mod kubeconfig;
mod kubernetes;
mod manual;
mod messages;
mod outcome;
mod progress;
mod reporter;
mod run;
mod stdout;
mod test;
mod verify;

use std::process::ExitCode;

use crate::ops::{self, Environment, Notice, Session, SpecFile};
use crate::progress::Progress as _;

use args::{Cli, Command};
use messages::Messages;
use outcome::Failure;
use reporter::StandardError;

/// Runs the command line that the process was given.
pub fn main() -> ExitCode {
    let cli = Cli::from_process();
    let messages = Messages::new(&cli.common);
    let reporter = StandardError::new(messages);
    let mut session = Session::new(Environment::from_process(), &reporter);
    match run(&cli, &mut session, messages) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            reporter.finish();
            messages.failure(&session.sources, &failure);
            failure.exit_code()
        }
    }
}

/// Reads a command line, the program's name first, without running it: an error says what is wrong
/// with it.
pub fn understand(words: &[&str]) -> Result<(), clap::Error> {
    Cli::of(words.iter().copied()).map(|_| ())
}

fn run(cli: &Cli, session: &mut Session<'_>, messages: Messages) -> Result<(), Failure> {
    let Some(command) = &cli.command else {
        return build::run(&cli.build, session);
    };
    match command {
        Command::Check { specs, keys } => check::run(specs, keys.as_deref(), session, messages),
        Command::Diff {
            old,
            new,
            node,
            keys,
        } => diff::run((old, new), node.as_deref(), keys.as_deref(), session),
        Command::Embed(wanted) => embed::run(wanted, session),
        Command::Explain { code } => explain::run(code.as_deref()),
        Command::Help { words } => help::run(words),
        Command::Import(wanted) => import::run(wanted, session, messages),
        Command::Inspect { what, node, keys } => {
            if ops::is_spec(what) {
                return inspect::spec(what, node.as_deref(), keys.as_deref(), session);
            }
            if node.is_some() || keys.is_some() {
                return Err(Failure::Usage(
                    "--node and --keys are valid only with a spec; an artifact has one node"
                        .to_owned(),
                ));
            }
            inspect::artifact(what, session)
        }
        Command::Keys(command) => keys::run(command, session, messages),
        Command::Kubeconfig(of) => kubeconfig::run(of, session),
        Command::Kubernetes(command) => kubernetes::run(command, session),
        Command::Run(wanted) => run::run(wanted, session, messages),
        Command::Test(wanted) => test::run(wanted, session, messages),
        Command::Base(command) => base::run(command, session, messages),
        Command::Update { spec, source } => {
            let spec = SpecFile::new(spec);
            ops::update(&spec, &source.options()?, session)?;
            session.reporter.notice(&Notice::Wrote(spec.lock));
            Ok(())
        }
        Command::Verify(wanted) => verify::run(wanted, session),
        Command::Schema { checks } => {
            let schema = if *checks {
                ops::checks_schema()
            } else {
                ops::schema()
            };
            Ok(stdout::print(format!("{schema:#}\n"))?)
        }
        Command::Completions { shell } => {
            manual::completions(*shell, &mut std::io::stdout());
            Ok(())
        }
        Command::Man { dir: Some(dir) } => Ok(manual::pages(dir)?),
        Command::Man { dir: None } => Ok(manual::page(&mut std::io::stdout())?),
    }
}
