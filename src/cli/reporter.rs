//! What use cases say while they work, on standard error.

use crate::diagnostic::{Diagnostic, Sources};
use crate::ops::{Notice, Reporter};
use crate::progress::{Progress, Silent};

use super::messages::Messages;
use super::progress::Shown;

/// Says everything as the user wants to be spoken to.
pub struct StandardError {
    messages: Messages,
    progress: Box<dyn Progress>,
}

impl StandardError {
    /// As `messages` are said; who wants few of them wants no progress.
    pub fn new(messages: Messages) -> Self {
        let progress: Box<dyn Progress> = if messages.quiet() {
            Box::new(Silent)
        } else {
            Box::new(Shown::new())
        };
        Self { messages, progress }
    }
}

impl Progress for StandardError {
    fn start(&self, what: &str, total: Option<u64>) {
        self.progress.start(what, total);
    }

    fn advance(&self, amount: u64) {
        self.progress.advance(amount);
    }

    fn finish(&self) {
        self.progress.finish();
    }

    fn warn(&self, what: &str) {
        // A bar would be written over.
        self.progress.finish();
        self.messages.warn(what);
    }
}

impl Reporter for StandardError {
    fn notice(&self, notice: &Notice) {
        if notice.is_warning() {
            self.messages.warn(&notice.to_string());
        } else {
            self.messages.note(&notice.to_string());
        }
    }

    fn warnings(&self, warnings: &[Diagnostic], sources: &Sources) {
        self.messages.diagnostics(sources, warnings);
    }
}
