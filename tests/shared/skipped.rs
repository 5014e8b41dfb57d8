//! Tests that need what no package has say when they are left out.

use std::io::Write as _;

/// Says that a test is skipped for want of something, past the harness, which would show it only
/// where the test fails. `cargo xtask test` repeats it in its summary.
pub fn skipped(why: &str) {
    let line = format!("SKIPPED: {why}\n");
    // Nobody may listen.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
