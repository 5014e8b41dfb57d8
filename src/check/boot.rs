//! Boot settings of a node: kernel arguments, kernel parameters, modules.

use crate::diagnostic::{Diagnostic, codes};
use crate::names::altered_by_boot_loaders;
use crate::node::Node;

/// Kernel arguments that imgbuild sets, and why. A name that ends in `.` stands for all that start
/// with it.
const RESERVED: &[(&str, &str)] = &[
    ("ignition.", "it starts Ignition or locates its config"),
    (
        "flatcar.first_boot",
        "it starts Ignition, on the first boot only",
    ),
    ("imgbuild.", "it tells stage 0 where the root image is"),
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
        "each machine generates its own machine ID",
    ),
];

pub(super) fn check(node: &Node, found: &mut Vec<Diagnostic>) {
    kernel_arguments(node, found);
    sysctls(node, found);
    let mut modules = super::Twice::new("module");
    for module in &node.modules {
        // modprobe(8): `-` and `_` are the same
        found.extend(modules.see(module.value.replace('-', "_"), &module.value, module.span));
    }
}

fn kernel_arguments(node: &Node, found: &mut Vec<Diagnostic>) {
    let mut seen = super::Twice::new("kernel argument");
    let removed = &node.removed_kernel_arguments;
    for argument in node.kernel_arguments.iter().chain(removed) {
        found.extend(seen.see(argument.value.clone(), &argument.value, argument.span));
        if let Some(character) = altered_by_boot_loaders(argument) {
            let shown = match character {
                '`' => "a backtick".to_owned(),
                other => format!("`{other}`"),
            };
            found.push(
                Diagnostic::error(
                    codes::ALTERED_KERNEL_ARGUMENT,
                    argument.span,
                    format!("boot loaders change {shown} in a kernel argument"),
                )
                .help("remove quotes, `\\`, `$`, `#` and backticks"),
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
                    format!("kernel argument `{name}` is reserved by imgbuild"),
                )
                .label(*why)
                .help("remove it"),
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
            format!("kernel parameter `{key}` is set twice")
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
                    format!("`{key}` is off, but masquerading requires it"),
                )
                .related(masquerade.source.span, "masquerading is enabled here")
                .help("masquerading requires forwarding: remove one of the two"),
            );
        }
    }
}
