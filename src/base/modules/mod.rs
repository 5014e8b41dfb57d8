//! Kernel modules: their metadata, and the indexes in which `modprobe` and udev look them up.

mod elf;
mod index;
mod store;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use anyhow::{Context as _, Result};

pub use elf::ModuleInfo;
use index::Index;
pub use store::ModuleStore;

/// A module and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Below `/usr/lib/modules/RELEASE/`: `kernel/fs/erofs/erofs.ko.xz`.
    pub path: String,
    pub info: ModuleInfo,
}

/// All modules of a kernel, including built-in ones.
#[derive(Debug, Default)]
pub struct Modules {
    /// By name, with `_` for `-`.
    pub by_name: BTreeMap<String, Module>,
    /// Names in the order of the kernel's `modules.order`: earlier ones take precedence where
    /// several match a device.
    pub order: Vec<String>,
    /// Paths of built-in modules, as `modules.builtin` lists them.
    pub builtin: Vec<String>,
    /// The metadata of built-in modules: name and `key=value`.
    pub builtin_info: Vec<(String, String)>,
}

/// The name of a module by its file: `kernel/a/b-c.ko.xz` is `b_c`.
pub fn module_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    let stem = file.split_once(".ko").map_or(file, |(stem, _)| stem);
    stem.replace('-', "_")
}

impl Modules {
    /// Reads the kernel's own lists, whose texts are given.
    pub fn new(
        modules: BTreeMap<String, Module>,
        order: &str,
        builtin: &str,
        builtin_info: &[u8],
    ) -> Result<Self> {
        let listed: Vec<String> = order.lines().map(module_name).collect();
        let known: BTreeSet<&String> = listed.iter().collect();
        // `modules.order` names all modules of the kernel's build; others follow by path.
        let mut others: Vec<(&str, &String)> = modules
            .iter()
            .filter(|(name, _)| !known.contains(name))
            .map(|(name, module)| (module.path.as_str(), name))
            .collect();
        others.sort_unstable();
        let mut order: Vec<String> = listed
            .iter()
            .filter(|name| modules.contains_key(*name))
            .cloned()
            .collect();
        order.extend(others.into_iter().map(|(_, name)| name.clone()));

        let builtin_info = builtin_info
            .split(|byte| *byte == 0)
            .filter(|item| !item.is_empty())
            .map(|item| {
                let text = std::str::from_utf8(item).context("reading modules.builtin.modinfo")?;
                let (name, value) = text
                    .split_once('.')
                    .with_context(|| format!("parsing `{text}` in modules.builtin.modinfo"))?;
                Ok((name.to_owned(), value.to_owned()))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            by_name: modules,
            order,
            builtin: builtin.lines().map(str::to_owned).collect(),
            builtin_info,
        })
    }

    /// The modules that must be loaded before `name`, in an order that `insmod` could follow, then
    /// `name` itself. Without soft dependencies. Unknown and built-in modules have none.
    pub fn load_order(&self, name: &str) -> Vec<&Module> {
        let mut order = Vec::new();
        self.visit(name, &mut BTreeSet::new(), &mut order);
        order
    }

    fn visit<'a>(&'a self, name: &str, seen: &mut BTreeSet<&'a str>, order: &mut Vec<&'a Module>) {
        let Some((name, module)) = self.by_name.get_key_value(name) else {
            return;
        };
        if seen.insert(name) {
            for needed in &module.info.depends {
                self.visit(needed, seen, order);
            }
            order.push(module);
        }
    }

    /// The files that built-in modules may ask for: the module's path, and the file.
    pub fn builtin_firmware(&self) -> impl Iterator<Item = (&str, &str)> {
        let paths: HashMap<String, &str> = (self.builtin.iter())
            .map(|path| (module_name(path), path.as_str()))
            .collect();
        self.builtin_info.iter().filter_map(move |(name, value)| {
            let path = paths.get(&name.replace('-', "_"))?;
            Some((*path, value.strip_prefix("firmware=")?))
        })
    }

    /// The files that `depmod` makes, by name.
    pub fn indexes(&self) -> Vec<(&'static str, Vec<u8>)> {
        let rank: HashMap<&str, u32> = self
            .order
            .iter()
            .zip(0..)
            .map(|(name, rank)| (name.as_str(), rank))
            .collect();
        let mut dep = Index::default();
        let mut alias = Index::default();
        let mut symbols = Index::default();
        let mut softdep = String::from("# Soft dependencies extracted from modules themselves.\n");
        let mut weakdep = String::from("# Weak dependencies extracted from modules themselves.\n");
        let mut devname = String::from("# Device nodes to trigger on-demand module loading.\n");
        for name in &self.order {
            let module = &self.by_name[name];
            let rank = rank[name.as_str()];
            let mut line = format!("{}:", module.path);
            // What is needed last comes first: kmod loads from the end.
            for needed in self.load_order(name).iter().rev().skip(1) {
                let _ = write!(line, " {}", needed.path);
            }
            dep.insert(name, &line, rank);
            for pattern in &module.info.aliases {
                if let Some(key) = normalized(pattern) {
                    alias.insert(&key, name, rank);
                }
            }
            for symbol in &module.info.symbols {
                symbols.insert(&format!("symbol:{symbol}"), name, rank);
            }
            for text in &module.info.softdeps {
                let _ = writeln!(softdep, "softdep {name} {text}");
            }
            for text in &module.info.weakdeps {
                let _ = writeln!(weakdep, "weakdep {name} {text}");
            }
            if let Some(line) = device_name(name, &module.info.aliases) {
                devname.push_str(&line);
            }
        }
        let mut builtin = Index::default();
        for path in &self.builtin {
            builtin.insert(&module_name(path), "", 0);
        }
        let mut builtin_alias = Index::default();
        for (name, value) in &self.builtin_info {
            if let Some(key) = value.strip_prefix("alias=").and_then(normalized) {
                builtin_alias.insert(&key, &name.replace('-', "_"), 0);
            }
        }
        vec![
            ("modules.alias.bin", alias.to_bytes()),
            ("modules.builtin.alias.bin", builtin_alias.to_bytes()),
            ("modules.builtin.bin", builtin.to_bytes()),
            ("modules.dep.bin", dep.to_bytes()),
            ("modules.devname", devname.into_bytes()),
            ("modules.softdep", softdep.into_bytes()),
            ("modules.symbols.bin", symbols.to_bytes()),
            ("modules.weakdep", weakdep.into_bytes()),
        ]
    }
}

/// An alias as indexes have it: `-` is `_`, but not within brackets. `None` where brackets do not
/// match.
fn normalized(alias: &str) -> Option<String> {
    let mut result = String::with_capacity(alias.len());
    let mut bracket = false;
    for c in alias.chars() {
        match c {
            '[' => bracket = true,
            ']' if !bracket => return None,
            ']' => bracket = false,
            _ => {}
        }
        result.push(if c == '-' && !bracket { '_' } else { c });
    }
    (!bracket).then_some(result)
}

/// The line of `modules.devname` of a module that has both a device number and a device name.
fn device_name(name: &str, aliases: &[String]) -> Option<String> {
    let mut node = None;
    let mut number = None;
    for alias in aliases {
        if let Some(devname) = alias.strip_prefix("devname:") {
            node = Some(devname);
        } else if let Some((kind, rest)) = alias
            .strip_prefix("char-major-")
            .map(|rest| ('c', rest))
            .or_else(|| alias.strip_prefix("block-major-").map(|rest| ('b', rest)))
            && let Some((major, minor)) = rest.split_once('-')
            && let (Ok(major), Ok(minor)) = (major.parse::<u32>(), minor.parse::<u32>())
        {
            number = Some((kind, major, minor));
        }
    }
    let (kind, major, minor) = number?;
    Some(format!("{name} {} {kind}{major}:{minor}\n", node?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(
            module_name("kernel/sound/snd-hda-intel.ko.xz"),
            "snd_hda_intel"
        );
        assert_eq!(module_name("kernel/fs/ext4/ext4.ko"), "ext4");
        assert_eq!(normalized("a-b[0-9]-c").as_deref(), Some("a_b[0-9]_c"));
        assert_eq!(normalized("a]"), None);
        let aliases = ["char-major-10-200", "devname:net/tun"].map(str::to_owned);
        assert_eq!(
            device_name("tun", &aliases).as_deref(),
            Some("tun net/tun c10:200\n")
        );
        assert_eq!(device_name("tun", &aliases[..1]), None);
    }

    #[test]
    fn dependencies_come_first() {
        let module = |path: &str, depends: &[&str]| {
            let info = ModuleInfo {
                depends: depends.iter().map(|&name| name.to_owned()).collect(),
                ..ModuleInfo::default()
            };
            (
                module_name(path),
                Module {
                    path: path.to_owned(),
                    info,
                },
            )
        };
        let modules = BTreeMap::from([
            module("a.ko", &["b", "c"]),
            module("b.ko", &["d"]),
            module("c.ko", &["d", "unknown"]),
            module("d.ko", &[]),
        ]);
        let modules = Modules::new(modules, "d.o\n", "", b"").expect("lists");
        let paths: Vec<&str> = modules
            .load_order("a")
            .iter()
            .map(|m| m.path.as_str())
            .collect();
        assert_eq!(paths, ["d.ko", "b.ko", "c.ko", "a.ko"]);
        assert!(modules.load_order("unknown").is_empty());
    }
}
