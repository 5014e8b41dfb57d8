//! Values that are fine where they were written and not where they go.

use imgbuild::diagnostic::Severity;
use imgbuild::node::Swap;
use imgbuild::node::fragment::Fragment;

use crate::fragments::compile;
use crate::nodes;

#[test]
fn doubtful_values() {
    let mut device = nodes::bare();
    device.storage_device = Some(nodes::at(63, "/dev/disk/by-id/a"));
    let mut spaces = nodes::bare();
    spaces.storage_device = Some(nodes::at(63, "/dev/disk/by-id/a b"));
    let mut percent = nodes::bare();
    percent.swap = Some(Swap::Device(nodes::at(62, "/dev/disk/by-id/a%n")));
    for (name, node, want) in [
        ("a device", &device, None),
        (
            "a device with a space",
            &spaces,
            Some(("E0309", Severity::Error)),
        ),
        (
            "a device with a specifier",
            &percent,
            Some(("E0309", Severity::Error)),
        ),
    ] {
        let (found, config) = compile(node, Fragment::default());
        let got: Vec<_> = found
            .iter()
            .map(|diagnostic| (diagnostic.code.0, diagnostic.severity))
            .collect();
        assert_eq!(got, Vec::from_iter(want), "{name}");
        assert_eq!(
            config.is_some(),
            want.is_none_or(|(_, severity)| severity == Severity::Warning),
            "{name}"
        );
    }
}
