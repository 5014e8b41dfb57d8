//! Units that are doubtful by themselves; systemd judges others in `tests/judges/wrong_configs/`.

use crate::fragments::{compile, unit, units};
use crate::nodes;

#[test]
fn enabled_without_a_reason() {
    let (found, config) = compile(
        &nodes::bare(),
        units(vec![unit("a.service", "[Service]\nExecStart=/bin/true\n")]),
    );
    assert!(config.is_some());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code.0, "W0301");
}
