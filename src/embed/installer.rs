//! What coreos-installer does automatically once the live system runs: the settings that it reads
//! from `/etc/coreos/installer.d`, and the config of the system that it installs.
//!
//! The settings are the installer's options by their long names (coreos-installer's "Customizing
//! installation", "Config file format").

use std::fmt::Write as _;

use anyhow::Result;

use crate::read::{DEST_PATH, Features};

use super::{console, refused};

/// Our settings in their folder, where files are read in the order of their names.
const SETTINGS_PATH: &str = "/etc/coreos/installer.d/50-imgbuild.yaml";

/// What the installer does. It starts automatically if anything is set.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Installer {
    /// The disk that it overwrites, a path such as `/dev/sda`.
    pub device: Option<String>,
    /// The Ignition config of the installed system, of spec 3.
    pub config: Option<Vec<u8>>,
    /// Consoles of the installed system; the last one gets most messages.
    pub console: Vec<String>,
    /// Kernel arguments of the installed system.
    pub append: Vec<String>,
    pub delete: Vec<String>,
}

/// Shows no secret.
impl std::fmt::Debug for Installer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Installer")
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

impl Installer {
    /// Whether the installer is not configured.
    pub fn is_idle(&self) -> bool {
        *self == Self::default()
    }

    /// Files of the live system: paths and contents.
    pub(super) fn files(
        &self,
        features: Features,
        copy_network: bool,
    ) -> Result<Vec<(&'static str, Vec<u8>)>> {
        if self.is_idle() {
            return Ok(Vec::new());
        }
        if !features.installer_config {
            return refused(
                "the installer of this live image does not support settings: use an image of 2021-12 or later",
            );
        }
        if !self.console.is_empty() && !features.installer_config_directives.console {
            return refused(
                "the installer of this live image does not support consoles: use an image of 2022-09 or later",
            );
        }
        let mut files = Vec::new();
        if let Some(config) = &self.config {
            files.push((DEST_PATH, config.clone()));
        }
        files.push((SETTINGS_PATH, self.settings(copy_network)?.into_bytes()));
        Ok(files)
    }

    /// The settings as YAML. JSON's strings and lists are YAML's too.
    fn settings(&self, copy_network: bool) -> Result<String> {
        let mut text = "# Written by imgbuild embed\n".to_owned();
        // Writing to a String does not fail.
        let mut set = |key: &str, value: String| {
            let _ = writeln!(text, "{key}: {value}");
        };
        if let Some(device) = &self.device {
            if !device.starts_with("/dev/") || device.contains(char::is_control) {
                return refused(format!(
                    "`{}` is not a disk to install onto: give a path such as /dev/sda or /dev/disk/by-id/…",
                    device.escape_debug()
                ));
            }
            set("dest-device", string(device));
        }
        if self.config.is_some() {
            set("ignition-file", string(DEST_PATH));
        }
        for console in &self.console {
            console::check(console)?;
        }
        for (key, list) in [
            ("console", &self.console),
            ("append-karg", &self.append),
            ("delete-karg", &self.delete),
        ] {
            for value in list {
                if value.is_empty() || value.contains(|c: char| c.is_control() || c == ' ') {
                    return refused(format!(
                        "`{}` is not a single kernel argument for the installed system",
                        value.escape_debug()
                    ));
                }
            }
            if !list.is_empty() {
                let values: Vec<_> = list.iter().map(|value| string(value)).collect();
                set(key, format!("[{}]", values.join(", ")));
            }
        }
        if copy_network {
            set("copy-network", "true".to_owned());
        }
        Ok(text)
    }
}

fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn settings_are_the_installers_options() {
        let installer = Installer {
            device: Some("/dev/disk/by-id/a \"b\"".to_owned()),
            config: Some(b"{}".to_vec()),
            console: list(&["ttyS0,115200n8", "tty0"]),
            append: list(&["a=1", "b"]),
            delete: list(&["quiet"]),
        };
        let files = installer.files(Features::ALL, true).expect("goes");
        assert_eq!(files[0], ("/etc/coreos/dest.ign", b"{}".to_vec()));
        assert_eq!(files[1].0, "/etc/coreos/installer.d/50-imgbuild.yaml");
        assert_eq!(
            String::from_utf8_lossy(&files[1].1),
            "# Written by imgbuild embed\n\
             dest-device: \"/dev/disk/by-id/a \\\"b\\\"\"\n\
             ignition-file: \"/etc/coreos/dest.ign\"\n\
             console: [\"ttyS0,115200n8\", \"tty0\"]\n\
             append-karg: [\"a=1\", \"b\"]\n\
             delete-karg: [\"quiet\"]\n\
             copy-network: true\n"
        );
        let idle = Installer::default().files(Features::default(), true);
        assert_eq!(idle.expect("goes"), Vec::new());
    }

    #[test]
    fn what_the_image_does_not_know_is_refused() {
        let device = Installer {
            device: Some("/dev/sda".to_owned()),
            ..Installer::default()
        };
        let said = |installer: &Installer, features: Features| {
            installer
                .files(features, false)
                .expect_err("is refused")
                .to_string()
        };
        assert!(said(&device, Features::default()).contains("does not support settings"));
        let console = Installer {
            console: list(&["tty0"]),
            ..Installer::default()
        };
        let early = Features {
            installer_config: true,
            ..Features::default()
        };
        assert!(device.files(early, false).is_ok());
        assert!(said(&console, early).contains("does not support consoles"));
        for wrong in ["sda", "/dev/sd\na"] {
            let installer = Installer {
                device: Some(wrong.to_owned()),
                ..Installer::default()
            };
            assert!(said(&installer, Features::ALL).contains("is not a disk"));
        }
        let arguments = Installer {
            append: list(&["a b"]),
            ..Installer::default()
        };
        assert!(said(&arguments, Features::ALL).contains("is not a single"));
    }
}
