//! The kernel packages of the Debian base.

/// The flavour as the lock, the cache and the command line name it.
pub fn flavour_name(kernel: KernelFlavour) -> &'static str {
    match kernel {
        KernelFlavour::Generic => "generic",
        KernelFlavour::Cloud => "cloud",
    }
}

/// The kernel package of the Debian base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KernelFlavour {
    /// Drivers for real hardware.
    #[default]
    Generic,
    /// Small, for virtual machines.
    Cloud,
}
