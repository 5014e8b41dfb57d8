//! How long work tells of itself without knowing who listens; only `cli` prints.

/// Receives what a long piece of work says about itself.
pub trait Progress: Sync {
    /// A new step begins. `total` is in the unit of [`Progress::advance`] (bytes, packages), where
    /// known.
    fn start(&self, what: &str, total: Option<u64>);
    /// `amount` more of the step that was started last is done.
    fn advance(&self, amount: u64);
    /// The step that was started last is done.
    fn finish(&self);
}

/// Listens to nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn start(&self, _what: &str, _total: Option<u64>) {}
    fn advance(&self, _amount: u64) {}
    fn finish(&self) {}
}
