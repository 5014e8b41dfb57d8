//! Build automation: `cargo xtask test` runs every check, `cargo xtask bench` measures against the
//! peers.

mod bench;
mod checks;
mod chrony;
mod coreos_installer;
mod deny;
mod failures;
mod kubernetes_schemas;
mod log;
mod packages;
mod qemu_release;
mod steps;
mod suites;
mod test;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Build automation of imgbuild")]
struct Cli {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run all checks and tests, installing the Debian packages that they lack
    Test(test::Options),
    /// Measure imgbuild beside its peers and print the figures
    Bench(bench::Options),
    /// Install what the tests need and do nothing else
    Prepare,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = std::env::set_current_dir(root()) {
        eprintln!("error: entering {}: {error}", root().display());
        return ExitCode::FAILURE;
    }
    let done = match cli.command {
        Verb::Test(options) => test::everything(&options),
        Verb::Bench(options) => bench::everything(&options),
        Verb::Prepare => packages::install().and_then(|note| {
            println!("{note}; {}", kubernetes_schemas::install()?);
            println!("{}", chrony::install()?);
            println!("{}", coreos_installer::install()?);
            Ok(true)
        }),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The project's folder, wherever the command was given.
fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}
