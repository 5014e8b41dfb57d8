//! Firmware of devices, which a base has for the drivers of its kernel.

use std::collections::BTreeSet;
use std::fmt;

use crate::words::words;

words! {
    /// A class of drivers, by what their devices are for.
    pub enum FirmwareClass {
        /// Wired network cards, host bus adapters and other storage controllers.
        Wired = "wired",
        /// Wi-Fi cards. Their drivers are in the base with their firmware only.
        Wifi = "wifi",
        /// Graphics cards. Their drivers are in the base with their firmware only.
        Gpu = "gpu",
        /// All other devices: accelerators, serial adapters.
        Other = "other",
    }
}

/// The word for all classes.
pub const ALL: &str = "all";

/// The word for no firmware and no microcode.
pub const NONE: &str = "none";

/// Where the kernel looks for the microcode of processors in an initrd, and whose it is.
pub const MICROCODE: [(&str, &str); 2] = [
    ("kernel/x86/microcode/AuthenticAMD.bin", "AMD"),
    ("kernel/x86/microcode/GenuineIntel.bin", "Intel"),
];

/// The firmware of a base.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Firmware {
    /// Drivers that get the files that they ask for.
    pub classes: BTreeSet<FirmwareClass>,
    /// Debian packages whose files are all taken.
    pub packages: BTreeSet<String>,
}

impl Firmware {
    /// Returns that of all drivers.
    pub fn all() -> Self {
        Self {
            classes: FirmwareClass::ALL.iter().copied().collect(),
            packages: BTreeSet::new(),
        }
    }

    /// Returns no firmware.
    pub fn none() -> Self {
        Self {
            classes: BTreeSet::new(),
            packages: BTreeSet::new(),
        }
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.packages.is_empty()
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut firmware = Self::none();
        match text {
            ALL => return Some(Self::all()),
            NONE => return Some(firmware),
            _ => {}
        }
        for word in text.split(", ") {
            if let Some(class) = FirmwareClass::from_word(word) {
                firmware.classes.insert(class);
            } else if word.starts_with(|c: char| c.is_ascii_alphanumeric()) {
                firmware.packages.insert(word.to_owned());
            } else {
                return None;
            }
        }
        Some(firmware)
    }
}

/// That of wired cards and storage.
impl Default for Firmware {
    fn default() -> Self {
        Self {
            classes: BTreeSet::from([FirmwareClass::Wired]),
            packages: BTreeSet::new(),
        }
    }
}

/// As in a spec: `wired`, `all`, `none`, `wired, wifi, firmware-ast`.
impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str(NONE);
        }
        if *self == Self::all() {
            return f.write_str(ALL);
        }
        let classes = self.classes.iter().map(|class| class.as_str());
        let words: Vec<&str> = (classes.chain(self.packages.iter().map(String::as_str))).collect();
        f.write_str(&words.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_reads_back() {
        for text in [
            "wired",
            "all",
            "none",
            "wired, wifi",
            "gpu, firmware-ast, firmware-sof-signed",
            "firmware-ast",
        ] {
            let firmware = Firmware::from_text(text).expect(text);
            assert_eq!(firmware.to_string(), text);
        }
        assert_eq!(Firmware::from_text("wired"), Some(Firmware::default()));
        for text in ["", "wired, ", "-x"] {
            assert_eq!(Firmware::from_text(text), None, "{text}");
        }
    }
}
