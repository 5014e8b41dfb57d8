//! Finds the emulator and the firmware on the host.
//!
//! Firmware is found by the descriptors that QEMU's `docs/interop/firmware.json` defines and
//! distributions install, so that no distribution's file names are hard-coded here.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde::Deserialize;

use super::machine::{Firmware, Machine};
use crate::names::Arch;

/// Releases before this one are not recommended: with Debian 12's 7.2, guest kernels panic in most
/// boots without acceleration.
const OLDEST_TRUSTED: u32 = 8;

/// The folders of descriptors, most specific first (`docs/interop/firmware.json`, "search order").
const DESCRIPTOR_FOLDERS: [&str; 3] = [
    "/etc/qemu/firmware",
    "/usr/local/share/qemu/firmware",
    "/usr/share/qemu/firmware",
];

/// The programs and files that run one machine.
#[derive(Debug, Clone)]
pub struct Qemu {
    pub(super) program: PathBuf,
    /// Ends the emulator with the thread that started it; util-linux's `setpriv`, if the host has
    /// it.
    pub(super) guardian: Option<PathBuf>,
    pub(super) efi: Option<Efi>,
    /// Major and minor version of the emulator.
    pub version: (u32, u32),
    /// Warnings about the host's emulator, one line each.
    pub warnings: Vec<String>,
}

/// EDK II, split into read-only code and a template of the variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Efi {
    pub code: PathBuf,
    pub variables: PathBuf,
    /// The code requires system management mode, to protect the variables.
    pub smm: bool,
}

impl Qemu {
    /// Finds what `machine` requires. Errors name the missing Debian package.
    pub fn find(machine: &Machine) -> anyhow::Result<Self> {
        let (name, package) = match machine.arch {
            Arch::Amd64 => ("qemu-system-x86_64", "qemu-system-x86"),
            Arch::Arm64 => ("qemu-system-aarch64", "qemu-system-arm"),
        };
        let Some(program) = on_path(name) else {
            bail!("`{name}` is not installed (Debian package `{package}`)");
        };
        let mut warnings = Vec::new();
        let version = version_of(&program)?;
        if version.0 < OLDEST_TRUSTED {
            warnings.push(format!(
                "QEMU {}.{} is old: guests may crash without acceleration; version {OLDEST_TRUSTED} or later is recommended \
                 (Debian 12 has one in its backports)",
                version.0, version.1
            ));
        }
        let efi = match (machine.firmware, machine.arch) {
            (Firmware::Bios, Arch::Arm64) => {
                bail!("an arm64 machine has no BIOS: boot it with UEFI")
            }
            (Firmware::Bios, Arch::Amd64) => None,
            (firmware, arch) => Some(find_efi(
                arch,
                firmware == Firmware::SecureBoot,
                &descriptors(),
            )?),
        };
        Ok(Self {
            program,
            guardian: on_path("setpriv"),
            efi,
            version,
            warnings,
        })
    }
}

/// The first executable `name` on `PATH`.
fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// Major and minor version, from the program's own `--version`.
fn version_of(program: &Path) -> anyhow::Result<(u32, u32)> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .with_context(|| format!("running {} --version", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse_version(&text)
        .with_context(|| format!("parsing the version printed by {}", program.display()))
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (_, after) = text.split_once("version ")?;
    let mut numbers = after.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The part of a descriptor that is read; files with other mappings (no split into code and
/// variables) do not parse and are skipped.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Descriptor {
    interface_types: Vec<String>,
    mapping: Mapping,
    targets: Vec<Target>,
    features: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Mapping {
    device: String,
    executable: FlashFile,
    nvram_template: FlashFile,
}

#[derive(Debug, Deserialize)]
struct FlashFile {
    filename: PathBuf,
    format: String,
}

#[derive(Debug, Deserialize)]
struct Target {
    architecture: String,
    machines: Vec<String>,
}

/// The texts of all descriptors of the host, sorted by file name, which is the order of preference;
/// a file in an earlier folder hides later ones of the same name.
fn descriptors() -> Vec<String> {
    let mut files = std::collections::BTreeMap::new();
    for folder in DESCRIPTOR_FOLDERS {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension() == Some(OsStr::new("json")) {
                files.entry(entry.file_name()).or_insert(path);
            }
        }
    }
    files
        .into_values()
        .filter_map(|path| std::fs::read_to_string(path).ok())
        .collect()
}

/// The first firmware of `descriptors` that matches and exists.
fn find_efi(arch: Arch, secure_boot: bool, descriptors: &[String]) -> anyhow::Result<Efi> {
    let (architecture, machine, package) = match arch {
        Arch::Amd64 => ("x86_64", "q35", "ovmf"),
        Arch::Arm64 => ("aarch64", "virt", "qemu-efi-aarch64"),
    };
    let fits = |firmware: &Descriptor| {
        let has = |feature: &str| firmware.features.iter().any(|f| f == feature);
        firmware.interface_types.iter().any(|kind| kind == "uefi")
            && firmware.mapping.device == "flash"
            && firmware.mapping.executable.format == "raw"
            && firmware.mapping.nvram_template.format == "raw"
            && firmware.targets.iter().any(|target| {
                target.architecture == architecture
                    && target.machines.iter().any(|name| name.contains(machine))
            })
            && has("secure-boot") == secure_boot
            && has("enrolled-keys") == secure_boot
            && firmware.mapping.executable.filename.is_file()
            && firmware.mapping.nvram_template.filename.is_file()
    };
    descriptors
        .iter()
        .filter_map(|text| serde_json::from_str::<Descriptor>(text).ok())
        .find(fits)
        .map(|firmware| Efi {
            code: firmware.mapping.executable.filename,
            variables: firmware.mapping.nvram_template.filename,
            smm: firmware.features.iter().any(|f| f == "requires-smm"),
        })
        .with_context(|| {
            let with = if secure_boot { " with Secure Boot" } else { "" };
            format!("no UEFI firmware{with} for {arch} is installed (Debian package `{package}`)")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (text, expected) in [
            (
                "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)\nCopyright",
                Some((10, 0)),
            ),
            ("QEMU emulator version 7.2.22\n", Some((7, 2))),
            ("something else", None),
        ] {
            assert_eq!(parse_version(text), expected, "{text}");
        }
    }

    /// A descriptor as distributions write them, of files that are there.
    fn descriptor(architecture: &str, machine: &str, features: &str, files: &Path) -> String {
        let code = files.join("code.fd");
        let variables = files.join("vars.fd");
        std::fs::write(&code, "").unwrap();
        std::fs::write(&variables, "").unwrap();
        format!(
            r#"{{"description": "", "interface-types": ["uefi"], "mapping": {{"device": "flash",
            "executable": {{"filename": {code:?}, "format": "raw"}},
            "nvram-template": {{"filename": {variables:?}, "format": "raw"}}}},
            "targets": [{{"architecture": "{architecture}", "machines": ["{machine}-*"]}}],
            "features": [{features}], "tags": []}}"#
        )
    }

    #[test]
    fn firmware_is_chosen_by_its_features() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| {
            let files = folder.path().join(name);
            std::fs::create_dir_all(&files).unwrap();
            files
        };
        let secure = r#""secure-boot", "enrolled-keys", "requires-smm""#;
        let descriptors = [
            "{ not json".to_owned(),
            descriptor("aarch64", "virt", "", &at("arm")),
            descriptor(
                "x86_64",
                "pc-q35",
                r#""secure-boot", "requires-smm""#,
                &at("empty"),
            ),
            descriptor("x86_64", "pc-q35", secure, &at("secure")),
            descriptor("x86_64", "pc-q35", r#""acpi-s3""#, &at("plain")),
        ];
        for (arch, secure_boot, expected, smm) in [
            (Arch::Amd64, true, "secure", true),
            (Arch::Amd64, false, "plain", false),
            (Arch::Arm64, false, "arm", false),
        ] {
            let efi = find_efi(arch, secure_boot, &descriptors).unwrap();
            assert_eq!(efi.code, at(expected).join("code.fd"));
            assert_eq!(efi.smm, smm, "{expected}");
        }
        let missing = find_efi(Arch::Arm64, true, &descriptors).unwrap_err();
        assert_eq!(
            missing.to_string(),
            "no UEFI firmware with Secure Boot for arm64 is installed (Debian package `qemu-efi-aarch64`)"
        );
    }
}
