//! Where the consoles of tests are kept, in `target/test-logs/consoles/`, and how a failed test
//! shows them.

use std::path::{Path, PathBuf};

use imgbuild::trial::ConsoleLog;

/// The folder of all consoles.
pub fn folder() -> PathBuf {
    // Cargo's folder for integration tests is target/tmp.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    target.join("test-logs/consoles")
}

/// Shows a console when the test that owns it fails.
pub struct ShownOnFailure(pub ConsoleLog);

impl Drop for ShownOnFailure {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.print_end();
        }
    }
}

impl ShownOnFailure {
    /// Prints the last lines of the log and where it is.
    fn print_end(&self) {
        println!("--- the end of the console:");
        for line in self.0.end(60) {
            println!("{line}");
        }
        // `cargo xtask test` looks for this line.
        println!("log: {}", self.0.path().display());
    }
}
