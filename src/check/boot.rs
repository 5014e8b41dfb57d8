//! What a node is given at boot: kernel arguments, kernel parameters, modules.

use crate::diagnostic::{Diagnostic, codes};
use crate::names::altered_by_boot_loaders;
use crate::node::Node;

/// Kernel arguments that imgbuild decides, and why. A name that ends in `.` stands for all that
/// start so.
const RESERVED: &[(&str, &str)] = &[
    (
        "ignition.",
        "they start Ignition and say where its config is",
    ),
    (
        "flatcar.first_boot",
        "it starts Ignition, on the first boot alone",
    ),
    ("imgbuild.", "they lead stage 0 to the root image"),
    ("root", "the root file system is the image itself"),
    ("rootfstype", "the root file system is the image itself"),
    ("rootflags", "the root file system is the image itself"),
    ("ro", "the root file system is the image itself"),
    ("rw", "the root file system is the image itself"),
    ("init", "stage 0 starts first"),
    ("rdinit", "stage 0 starts first"),
    ("initrd", "the boot loader names the initrd"),
    (
        "systemd.machine_id",
        "every machine makes its own machine-id",
    ),
];

pub(super) fn check(node: &Node, found: &mut Vec<Diagnostic>) {
    kernel_arguments(node, found);
    sysctls(node, found);
    let mut modules = super::Twice::new("the module");
    for module in &node.modules {
        // modprobe(8): `-` and `_` are the same
        found.extend(modules.see(module.value.replace('-', "_"), &module.value, module.span));
    }
}

fn kernel_arguments(node: &Node, found: &mut Vec<Diagnostic>) {
    let mut seen = super::Twice::new("the kernel argument");
    for argument in &node.kernel_arguments {
        found.extend(seen.see(argument.value.clone(), &argument.value, argument.span));
        if let Some(character) = altered_by_boot_loaders(argument) {
            let shown = match character {
                '`' => "a grave accent".to_owned(),
                other => format!("`{other}`"),
            };
            found.push(
                Diagnostic::error(
                    codes::ALTERED_KERNEL_ARGUMENT,
                    argument.span,
                    format!("boot loaders do not pass on {shown} in a kernel argument as it is"),
                )
                .help("leave out quotes, `\\`, `$`, `#` and grave accents"),
            );
        }
        let name = argument.split('=').next().unwrap_or_default();
        let reserved = RESERVED.iter().find(|(reserved, _)| {
            name == *reserved || (reserved.ends_with('.') && name.starts_with(reserved))
        });
        if let Some((_, why)) = reserved {
            found.push(
                Diagnostic::error(
                    codes::RESERVED_KERNEL_ARGUMENT,
                    argument.span,
                    format!("the kernel argument `{name}` belongs to imgbuild"),
                )
                .label(*why)
                .help("leave it out"),
            );
        }
    }
}

fn sysctls(node: &Node, found: &mut Vec<Diagnostic>) {
    // sysctl.d(5): when the first separator is `/`, dots are part of a name.
    let written_with_dots = |key: &str| {
        if key
            .find('/')
            .is_some_and(|slash| key.find('.').is_none_or(|dot| slash < dot))
        {
            key.replace('.', "\0").replace('/', ".").replace('\0', "/")
        } else {
            key.to_owned()
        }
    };
    let mut keys = super::Once::new(codes::DUPLICATE_SYSCTL, "keep one of the two");
    for (key, value) in &node.sysctls {
        found.extend(keys.see(written_with_dots(key), value.span, || {
            format!("the kernel parameter `{key}` is set twice")
        }));
    }
    let Some(firewall) = &node.firewall else {
        return;
    };
    for masquerade in &firewall.masquerade {
        let key = if masquerade.source.addr().is_ipv4() {
            "net.ipv4.ip_forward"
        } else {
            "net.ipv6.conf.all.forwarding"
        };
        let off = node
            .sysctls
            .iter()
            .find(|(name, value)| written_with_dots(name) == key && value.trim() == "0");
        if let Some((_, value)) = off {
            found.push(
                Diagnostic::error(
                    codes::FORWARDING_OFF,
                    value.span,
                    format!("`{key}` is off, and packets are to be masqueraded"),
                )
                .related(masquerade.source.span, "masqueraded here")
                .help("a node that forwards nothing masquerades nothing: leave one of the two out"),
            );
        }
    }
}
