//! Words of the command line that are values of the library.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::facts::kernel::KernelFlavor;
use crate::ops::run::BootMedium;
use crate::pki::Phase;
use crate::qemu::Accel;
use crate::qemu::watch::Until;

/// Lets an option take the values of a type by these words, with what `--help` says of each.
macro_rules! words {
    ($type:ty { $($variant:ident = $word:literal $($help:literal)?),+ $(,)? }) => {
        impl ValueEnum for $type {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$variant),+]
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(match self {
                    $(Self::$variant => PossibleValue::new($word)$(.help($help))?),+
                })
            }
        }
    };
}

words! { KernelFlavor { Generic = "generic", Cloud = "cloud" } }

words! { Accel { Tcg = "tcg", Kvm = "kvm" } }

words! {
    BootMedium {
        Cd = "cd" "An optical drive",
        Usb = "usb" "A USB stick",
        Kernel = "kernel" "Kernel and initrd, loaded by QEMU itself",
        Pxe = "pxe" "iPXE, from the network",
    }
}

words! {
    Until {
        PoweredOff = "off" "Every machine is powered off",
        Ready = "ready" "Every node is up, or one has failed",
    }
}

words! {
    Phase {
        Trust = "trust" "Make a successor; the nodes trust both",
        Issue = "issue" "Let the successor issue everything",
        Drop = "drop" "Trust the old one no longer",
    }
}
