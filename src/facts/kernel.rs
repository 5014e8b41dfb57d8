//! The kernel packages of the Debian base.

use crate::words::words;

words! {
    /// The kernel package of the Debian base.
    pub enum KernelFlavor {
        /// Drivers for real hardware.
        Generic = "generic",
        /// Small, for virtual machines.
        Cloud = "cloud",
    }
    default Generic
}
