//! The metadata of a kernel module: the sections `.modinfo` and `__ksymtab_strings` of an ELF
//! file.

use anyhow::Result;

use crate::base::elf::{header, section, section_count, section_name, strings, text};

/// The metadata of a module. Names have `_` for `-`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModuleInfo {
    /// Modules whose symbols it uses, in the order written by the kernel's build.
    pub depends: Vec<String>,
    pub aliases: Vec<String>,
    /// `pre: a b post: c`
    pub softdeps: Vec<String>,
    pub weakdeps: Vec<String>,
    /// Files that it may ask for, below the folder of firmware; with `*`, all that match.
    pub firmware: Vec<String>,
    /// Symbols that it exports.
    pub symbols: Vec<String>,
}

impl ModuleInfo {
    /// Reads a module's file, decompressed.
    pub fn parse(elf: &[u8]) -> Result<Self> {
        let mut info = Self::default();
        for index in 0..section_count(elf)? {
            match section_name(elf, header(elf, index)?)? {
                b".modinfo" => info.read_modinfo(section(elf, index)?),
                b"__ksymtab_strings" => {
                    info.symbols = strings(section(elf, index)?)
                        .filter(|name| !name.is_empty())
                        .map(text)
                        .collect();
                }
                _ => {}
            }
        }
        Ok(info)
    }

    fn read_modinfo(&mut self, section: &[u8]) {
        for item in strings(section) {
            let item = text(item);
            let Some((key, value)) = item.split_once('=') else {
                continue;
            };
            match key {
                "depends" => self.depends.extend(
                    value
                        .split(',')
                        .filter(|name| !name.is_empty())
                        .map(|name| name.replace('-', "_")),
                ),
                "alias" => self.aliases.push(value.to_owned()),
                "softdep" => self.softdeps.push(value.to_owned()),
                "firmware" => self.firmware.push(value.to_owned()),
                "weakdep" => self.weakdeps.push(value.to_owned()),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::elf::SECTION_HEADER;

    /// An ELF file of three sections: the names, `.modinfo`, `__ksymtab_strings`.
    fn module(modinfo: &[u8], symbols: &[u8]) -> Vec<u8> {
        let names = b"\0.modinfo\0__ksymtab_strings\0";
        let mut elf = b"\x7fELF\x02\x01".to_vec();
        elf.resize(64, 0);
        let mut headers = Vec::new();
        for (name, bytes) in [(0u32, &names[..]), (1, modinfo), (10, symbols)] {
            let mut header = name.to_le_bytes().to_vec();
            header.resize(0x18, 0);
            header.extend((elf.len() as u64).to_le_bytes());
            header.extend((bytes.len() as u64).to_le_bytes());
            header.resize(SECTION_HEADER, 0);
            headers.extend(header);
            elf.extend(bytes);
        }
        let table = elf.len() as u64;
        elf[0x28..0x30].copy_from_slice(&table.to_le_bytes());
        elf[0x3c..0x3e].copy_from_slice(&3u16.to_le_bytes());
        elf.extend(headers);
        elf
    }

    #[test]
    fn sections() {
        let elf = module(
            b"license=GPL\0alias=fs-erofs\0alias=a\0\0depends=netfs,lib-x\0softdep=pre: y\0firmware=a/b*.bin\0",
            b"one\0two\0",
        );
        let info = ModuleInfo::parse(&elf).expect("a module");
        assert_eq!(info.aliases, ["fs-erofs", "a"]);
        assert_eq!(info.depends, ["netfs", "lib_x"]);
        assert_eq!(info.softdeps, ["pre: y"]);
        assert_eq!(info.firmware, ["a/b*.bin"]);
        assert_eq!(info.symbols, ["one", "two"]);
    }

    #[test]
    fn damaged_files_are_errors() {
        let elf = module(b"license=GPL\0", b"");
        for length in 0..elf.len() {
            assert!(ModuleInfo::parse(&elf[..length]).is_err(), "{length} bytes");
        }
    }
}
