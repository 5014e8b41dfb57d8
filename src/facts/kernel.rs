//! The kernel packages of the Debian base.

/// The name of the flavor in the lock, the cache and on the command line.
pub fn flavor_name(kernel: KernelFlavor) -> &'static str {
    match kernel {
        KernelFlavor::Generic => "generic",
        KernelFlavor::Cloud => "cloud",
    }
}

/// The kernel package of the Debian base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KernelFlavor {
    /// Drivers for real hardware.
    #[default]
    Generic,
    /// Smaller, for virtual machines only.
    Cloud,
}
