//! Progress on standard error: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::diagnostic::safe;
use crate::progress::Progress;

/// Shows progress on standard error.
#[derive(Debug)]
pub struct Shown {
    on_terminal: bool,
    bar: Mutex<Option<ProgressBar>>,
}

impl Shown {
    /// Shows a bar if standard error is a terminal.
    pub fn new() -> Self {
        Self {
            on_terminal: std::io::stderr().is_terminal(),
            bar: Mutex::new(None),
        }
    }

    fn with_bar(&self, act: impl FnOnce(&mut Option<ProgressBar>)) {
        // A panic elsewhere leaves nothing half-done in an `Option`.
        act(&mut self
            .bar
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl Progress for Shown {
    fn start(&self, what: &str, total: Option<u64>) {
        if !self.on_terminal {
            eprintln!("{}", safe(what));
            return;
        }
        self.with_bar(|slot| {
            if let Some(bar) = slot.take() {
                bar.finish_and_clear();
            }
            let (bar, template) = match total {
                Some(total) => (
                    ProgressBar::new(total),
                    "{spinner} {msg} [{bar:30}] {percent}%",
                ),
                None => (ProgressBar::new_spinner(), "{spinner} {msg} ({elapsed})"),
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_message(safe(what));
            bar.enable_steady_tick(Duration::from_millis(120));
            *slot = Some(bar);
        });
    }

    fn advance(&self, amount: u64) {
        self.with_bar(|slot| {
            if let Some(bar) = slot {
                bar.inc(amount);
            }
        });
    }

    fn finish(&self) {
        self.with_bar(|slot| {
            if let Some(bar) = slot.take() {
                bar.finish_and_clear();
            }
        });
    }

    fn warn(&self, what: &str) {
        eprintln!("{what}");
    }
}
