//! The manual pages and shell completions, from the command line's own declaration.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_mangen::roff::{Roff, roman};

use crate::pack::output::Output;
use crate::pages::{TOPICS, Topic};

use super::args::Cli;

/// Writes the completions of `shell` to `out`.
pub fn completions(shell: clap_complete::Shell, out: &mut impl Write) {
    clap_complete::generate(shell, &mut Cli::command(), "imgbuild", out);
}

/// Writes `imgbuild(1)` to `out`.
pub fn page(out: &mut impl Write) -> Result<()> {
    let page = command_page(Cli::command()).context("writing the manual page")?;
    out.write_all(&page).context("writing the manual page")
}

/// Writes a page for the program, for each of its commands and for each topic into `dir`: all of
/// them, or none.
pub fn pages(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("creating the folder {}", dir.display()))?;
    let pages = all_pages().context("writing the manual pages")?;
    let paths: Vec<PathBuf> = pages.iter().map(|(name, _)| dir.join(name)).collect();
    let mut outputs = Output::create_all(&paths, false)?;
    for ((output, (_, page)), path) in outputs.iter_mut().zip(&pages).zip(&paths) {
        let written = output.file().write_all(page);
        written.with_context(|| format!("writing {}", path.display()))?;
    }
    Output::commit_all(outputs)
}

/// File names and contents of all pages.
fn all_pages() -> Result<Vec<(String, Vec<u8>)>> {
    let mut program = Cli::command();
    program.build();
    let mut pages = Vec::new();
    collect(program, &mut pages)?;
    for topic in TOPICS {
        let name = format!("{}.{}", topic.manual_name(), topic.section);
        let page = topic.manual_page(env!("CARGO_PKG_VERSION"));
        pages.push((name, page.into_bytes()));
    }
    Ok(pages)
}

/// Adds the page of `command`, and those of the commands below it.
fn collect(command: clap::Command, pages: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    // `imgbuild keys help` and the like, which clap adds, say what the pages do.
    let is_program = command.get_name() == "imgbuild";
    for below in command.get_subcommands() {
        if is_program || below.get_name() != "help" {
            collect(below.clone(), pages)?;
        }
    }
    let name = clap_mangen::Man::new(command.clone()).get_filename();
    pages.push((name, command_page(command)?));
    Ok(())
}

/// The page of `command`, with a list of topics at its end.
fn command_page(command: clap::Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    let topics: Vec<String> = TOPICS.iter().map(Topic::reference).collect();
    let mut also = Roff::new();
    also.control("SH", ["SEE ALSO"]);
    also.text([roman(topics.join(", "))]);
    page.extend(also.to_roff().into_bytes());
    Ok(page)
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
