//! Notices when the user wants to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Whether the process was asked to stop. Clones share the state.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on SIGINT, SIGHUP and SIGTERM do not end the process at once but are reported by
    /// [`Interrupt::came`]; the second of a kind ends it.
    pub fn from_signals() -> anyhow::Result<Self> {
        let interrupt = Self::default();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&interrupt.0))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&interrupt.0)))
                .context("installing signal handlers")?;
        }
        Ok(interrupt)
    }

    /// Interrupts, as a signal would.
    pub fn raise(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether an interrupt came.
    pub fn came(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_noticed() {
        let interrupt = Interrupt::from_signals().unwrap();
        assert!(!interrupt.came());
        signal_hook::low_level::raise(SIGHUP).unwrap();
        assert!(interrupt.clone().came());
    }
}
