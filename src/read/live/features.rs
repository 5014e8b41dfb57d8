//! The features of the live system and its installer, from `/coreos/features.json` (since the end
//! of 2021).

use anyhow::Result;
use serde::Deserialize;

use super::described;
use crate::formats::iso9660::read::Iso;

const DESCRIPTION: &str = "coreos/features.json";

/// What can be embedded in addition to a config of the live system; nothing if the image does not
/// tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Features {
    /// The installer reads settings from `/etc/coreos/installer.d`.
    pub installer_config: bool,
    pub installer_config_directives: Directives,
    /// The live system reads NetworkManager keyfiles from `/etc/coreos-firstboot-network` in its
    /// initrd.
    pub live_initrd_network: bool,
}

/// Settings that not every installer supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Directives {
    pub console: bool,
}

impl Features {
    /// All of them, as in images of 2023 and later.
    pub const ALL: Self = Self {
        installer_config: true,
        installer_config_directives: Directives { console: true },
        live_initrd_network: true,
    };

    pub(super) fn find(iso: &Iso) -> Result<Self> {
        Ok(described(iso, DESCRIPTION)?.unwrap_or_default())
    }
}
