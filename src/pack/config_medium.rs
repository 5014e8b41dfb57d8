//! Media that contain only a config, nothing to boot: for an installer, or for Ignition itself.

use std::io::Write;

use anyhow::Result;

use crate::progress::Progress;

use crate::formats::iso9660::{Content, Image, Tree};

/// Where a config lies on a config ISO.
pub(crate) const CONFIG_JSON: &str = "config.json";

/// Where a config lies on a config drive (OpenStack's "Config drive":
/// `openstack/latest/user_data`).
pub(crate) const USER_DATA: &str = "openstack/latest/user_data";

/// Readable by everyone who mounts it, as media without Rock Ridge are.
const MODE: u32 = 0o444;

/// Writes an ISO 9660 image with Joliet names, volume `config`, that contains `config` as
/// `config.json`: like `hdiutil makehybrid -iso -joliet -default-volume-name config`, for
/// `coreos-install -i /media/config.json`.
pub fn config_iso<W: Write>(out: &mut W, config: &[u8], progress: &dyn Progress) -> Result<()> {
    medium(out, "config", CONFIG_JSON, config, progress)
}

/// Writes an ISO 9660 image labeled `config-2` that contains `config` as OpenStack's user data:
/// where Ignition's provider `openstack` looks.
pub fn config_drive<W: Write>(out: &mut W, config: &[u8], progress: &dyn Progress) -> Result<()> {
    medium(out, "config-2", USER_DATA, config, progress)
}

fn medium<W: Write>(
    out: &mut W,
    volume_id: &str,
    path: &str,
    config: &[u8],
    progress: &dyn Progress,
) -> Result<()> {
    let mut tree = Tree::new();
    tree.add(path, MODE, Content::Bytes(config.to_vec()))?;
    let mut image = Image {
        volume_id: volume_id.to_owned(),
        tree,
        rock_ridge: false,
        boot: None,
    };
    super::write_iso(&mut image, out, progress)
}
