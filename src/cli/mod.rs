//! Arguments and output: the only room that prints.

mod args;
mod manual;
mod outcome;
mod progress;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use outcome::{Failure, is_closed_pipe};

/// Runs the command line that the process was given.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Environment(error)) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure:?}");
            failure.exit_code()
        }
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        Some(Command::Completions { shell }) => {
            manual::completions(*shell, &mut std::io::stdout());
            Ok(())
        }
        Some(Command::Man { dir: Some(dir) }) => Ok(manual::pages(dir)?),
        Some(Command::Man { dir: None }) => Ok(manual::page(&mut std::io::stdout())?),
        _ => Err(Failure::Usage(
            "this command is still being wired".to_owned(),
        )),
    }
}
