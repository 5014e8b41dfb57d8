//! The firmware that a node's base has.

use super::Decider;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::firmware::Firmware;
use crate::spec::FirmwareWord;

impl Decider<'_> {
    /// What the words stand for together; the default without any.
    pub(super) fn firmware(&mut self, written: &[Located<FirmwareWord>]) -> Firmware {
        if written.is_empty() {
            return Firmware::default();
        }
        let mut firmware = Firmware::none();
        for word in written {
            match &word.value {
                FirmwareWord::All => firmware.classes.extend(Firmware::all().classes),
                FirmwareWord::None => {}
                FirmwareWord::Class(class) => {
                    firmware.classes.insert(*class);
                }
                FirmwareWord::Package(name) => {
                    firmware.packages.insert(name.as_str().to_owned());
                }
            }
        }
        let mut alone = written
            .iter()
            .filter(|word| word.value == FirmwareWord::None);
        if let (Some(none), true) = (alone.next(), written.len() > 1) {
            self.found.push(
                Diagnostic::error(
                    codes::FIRMWARE_BESIDE_NONE,
                    none.span,
                    "`none` is listed with other firmware",
                )
                .help("remove `none`, or the other words"),
            );
        }
        firmware
    }
}
