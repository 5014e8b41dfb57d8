//! Messages on standard error: diagnostics, notices and why a command failed.

use std::io::IsTerminal;

use crate::diagnostic::{Diagnostic, Rendering, Sources, json_lines, render_all, safe, summary};
use crate::ops::Error;

use super::args::{Color, Common, MessageFormat};
use super::outcome::Failure;

/// How messages are printed.
#[derive(Debug, Clone, Copy)]
pub struct Messages {
    color: bool,
    format: MessageFormat,
    quiet: bool,
}

impl Messages {
    /// From the options and the environment.
    pub fn new(common: &Common) -> Self {
        let color = match common.color {
            Color::Always => true,
            Color::Never => false,
            // https://no-color.org: present and not empty, whatever its value.
            Color::Auto => {
                std::io::stderr().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        Self {
            color,
            format: common.message_format,
            quiet: common.quiet,
        }
    }

    /// Whether only errors and warnings are printed.
    pub fn quiet(self) -> bool {
        self.quiet
    }

    /// Prints something that the user may want to know.
    pub fn note(self, text: &str) {
        if !self.quiet {
            eprintln!("{}", safe(text));
        }
    }

    /// Warns of something that is not in the spec.
    pub fn warn(self, text: &str) {
        let (on, off) = if self.color {
            ("\x1b[1;33m", "\x1b[0m")
        } else {
            ("", "")
        };
        eprintln!("{on}warning{off}: {}", safe(text));
    }

    /// Prints all of `diagnostics`, and the number of errors.
    pub fn diagnostics(self, sources: &Sources, diagnostics: &[Diagnostic]) {
        match self.format {
            MessageFormat::Json => eprint!("{}", json_lines(diagnostics, sources)),
            MessageFormat::Text => {
                let rendering = Rendering {
                    color: self.color,
                    ..Rendering::default()
                };
                eprint!("{}", render_all(diagnostics, sources, rendering));
                if !diagnostics.is_empty() {
                    eprintln!("{}", summary(diagnostics));
                }
            }
        }
    }

    /// Prints why a command failed.
    pub fn failure(self, sources: &Sources, failure: &Failure) {
        match failure {
            Failure::Operation(Error::Input(diagnostics)) => {
                self.diagnostics(sources, diagnostics);
            }
            Failure::Operation(error) => eprintln!("error: {}", safe(&error.to_string())),
            Failure::Usage(what) | Failure::Differs(what) | Failure::Checks(what) => {
                eprintln!("error: {}", safe(what));
            }
        }
    }
}
