//! How long-running work reports its progress without knowing who listens; only `cli` prints.

/// Receives the progress of long-running work.
pub trait Progress: Sync {
    /// A new step begins. `total` is in the unit of [`Progress::advance`] (bytes, packages), if
    /// known.
    fn start(&self, what: &str, total: Option<u64>);
    /// `amount` more of the current step is done.
    fn advance(&self, amount: u64);
    /// The current step is done.
    fn finish(&self);
    /// Something was wrong and has been put right, which people should know of.
    fn warn(&self, what: &str);
}

/// Ignores all progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _what: &str, _total: Option<u64>) {}
    fn advance(&self, _amount: u64) {}
    fn finish(&self) {}
    fn warn(&self, _what: &str) {}
}
