//! `imgbuild help`: a topic of the manual, the help of a command, or what there is.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use anyhow::Context as _;
use clap::CommandFactory as _;

use crate::pages::{self, TOPICS};
use crate::text::nearest;

use super::args::Cli;
use super::outcome::Failure;

/// Columns of text where none can be asked for, and the most that are easy to read.
const COLUMNS: usize = 80;
const COLUMNS_MAX: usize = 100;

/// Shows what `words` name: a topic, or a command and those below it.
pub fn run(words: &[String]) -> Result<(), Failure> {
    let Some((first, rest)) = words.split_first() else {
        show_command(&[])?;
        return Ok(print(&list_of_topics())?);
    };
    let topic = pages::topic(first).filter(|_| rest.is_empty());
    let is_command = is_command(words);
    if is_command {
        show_command(words)?;
    }
    if let Some(topic) = topic {
        let gap = if is_command { "\n" } else { "" };
        return Ok(print(&format!("{gap}{}", topic.plain(columns())))?);
    }
    if is_command {
        return Ok(());
    }
    let asked = words.join(" ");
    let command = Cli::command();
    let commands = command.get_subcommands().map(clap::Command::get_name);
    let known = commands.chain(TOPICS.iter().map(|topic| topic.name));
    let hint = match nearest(first, known) {
        Some(near) if near != first => format!("; did you mean `{near}`?"),
        _ => String::new(),
    };
    Err(Failure::Usage(format!(
        "no topic or command is named `{asked}`{hint}\n`imgbuild help` lists all"
    )))
}

/// Whether `words` name a command, and a command of that, and so on.
fn is_command(words: &[String]) -> bool {
    let program = Cli::command();
    let mut names = words.iter();
    (names.try_fold(&program, |command, name| command.find_subcommand(name))).is_some()
}

/// Prints what `imgbuild WORDS --help` does.
fn show_command(words: &[String]) -> anyhow::Result<()> {
    let line = ["imgbuild"]
        .into_iter()
        .chain(words.iter().map(String::as_str));
    match Cli::command().try_get_matches_from(line.chain(["--help"])) {
        Ok(_) => Ok(()),
        Err(help) => help.print().context("writing to standard output"),
    }
}

fn list_of_topics() -> String {
    let width = TOPICS
        .iter()
        .map(|topic| topic.name.len())
        .max()
        .unwrap_or(0);
    let mut list = "\nTopics (`imgbuild help TOPIC`):\n".to_owned();
    for topic in TOPICS {
        let _ = writeln!(list, "  {:width$}  {}", topic.name, topic.summary);
    }
    list
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("writing to standard output")
}

/// The columns of the terminal that standard output is.
fn columns() -> usize {
    let out = std::io::stdout();
    if !out.is_terminal() {
        return COLUMNS;
    }
    match rustix::termios::tcgetwinsize(&out) {
        Ok(size) if size.ws_col > 0 => usize::from(size.ws_col).min(COLUMNS_MAX),
        _ => COLUMNS,
    }
}
