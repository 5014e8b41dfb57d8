//! The manual pages and shell completions, from the command line's own declaration.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use clap::CommandFactory;

use super::args::Cli;

/// Writes the completions of `shell` to `out`.
pub fn completions(shell: clap_complete::Shell, out: &mut impl Write) {
    clap_complete::generate(shell, &mut Cli::command(), "imgbuild", out);
}

/// Writes `imgbuild(1)` to `out`.
pub fn page(out: &mut impl Write) -> Result<()> {
    clap_mangen::Man::new(Cli::command())
        .render(out)
        .context("writing the manual page")
}

/// Writes a page for the program and one for each of its commands into `dir`.
pub fn pages(dir: &Path) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("creating {}", dir.display()))?;
    clap_mangen::generate_to(Cli::command(), dir)
        .with_context(|| format!("writing manual pages into {}", dir.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_has_completions() {
        for shell in <clap_complete::Shell as clap::ValueEnum>::value_variants() {
            let mut out = Vec::new();
            completions(*shell, &mut out);
            assert!(
                String::from_utf8_lossy(&out).contains("imgbuild"),
                "{shell}"
            );
        }
    }

    #[test]
    fn the_page_names_the_main_option() {
        let mut out = Vec::new();
        page(&mut out).expect("a vector takes everything");
        assert!(String::from_utf8_lossy(&out).contains("\\-\\-output"));
    }
}
