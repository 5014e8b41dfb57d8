//! Words of the command line that are values of the library.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::facts::kernel::KernelFlavor;
use crate::ops::run::BootMedium;
use crate::pki::Phase;
use crate::qemu::Accel;
use crate::qemu::watch::Until;

/// Lets an option take the words of a type, which is declared with [`words!`](crate::words).
/// `$help` turns what a word means into what `--help` says of it; without, only the words are
/// listed.
macro_rules! word_option {
    ($type:ty $(, $help:ident)?) => {
        impl ValueEnum for $type {
            fn value_variants<'a>() -> &'a [Self] {
                Self::ALL
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                Some(PossibleValue::new(self.as_str())$(.help($help(&self.meaning())))?)
            }
        }
    };
}

word_option!(KernelFlavor);
word_option!(Accel);
word_option!(BootMedium, phrase);
word_option!(Until, phrase);
word_option!(Phase, phrase);

/// A sentence without its period, as `--help` has them.
fn phrase(meaning: &str) -> String {
    meaning.trim_end_matches('.').to_owned()
}
