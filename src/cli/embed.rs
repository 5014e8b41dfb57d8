//! `imgbuild embed`

use std::fmt::Write as _;
use std::path::Path;

use super::args::{Embed, Show};
use super::inspect;
use super::outcome::Failure;
use super::stdout::{destination, print, print_bytes};
use crate::embed::{Edits, Installer};
use crate::ops::embed::{self, EmbedOptions};
use crate::ops::{LiveImage, Session};
use crate::read::{CONFIG_PATH, KEYFILES_PATH, LiveIso};

/// Runs `imgbuild embed`.
pub fn run(wanted: &Embed, session: &mut Session<'_>) -> Result<(), Failure> {
    if let (Some(what), Some(iso)) = (wanted.show, &wanted.iso) {
        return show(iso, what, session);
    }
    let Some(output) = &wanted.output else {
        return Err(Failure::Usage("--output is required".to_owned()));
    };
    let output = destination(output)?;
    match &wanted.iso {
        None => embed::payload(&options(wanted)?, &output, session)?,
        Some(iso) if wanted.remove => embed::remove(iso, &output, session)?,
        Some(iso) => embed::embed(iso, &options(wanted)?, &output, session)?,
    }
    Ok(())
}

fn options(wanted: &Embed) -> Result<EmbedOptions, Failure> {
    let (live, installed) = (&wanted.live, &wanted.installed);
    Ok(EmbedOptions {
        config: live.ignition.clone(),
        keyfiles: live.network_keyfile.clone(),
        arguments: Edits {
            append: live.karg_append.clone(),
            delete: live.karg_delete.clone(),
            replace: live.karg_replace.clone(),
            ..Edits::default()
        },
        installer: Installer {
            device: installed.dest_device.clone(),
            console: installed.dest_console.clone(),
            append: installed.dest_karg_append.clone(),
            delete: installed.dest_karg_delete.clone(),
            config: None,
        },
        installed_config: installed.dest_ignition.clone(),
        node: wanted.node.clone(),
        keys: wanted.source.keys.clone(),
        fetch: wanted.source.base.options()?,
        force: wanted.force,
    })
}

/// Prints what is embedded in the image at `path`.
fn show(path: &Path, what: Show, session: &Session<'_>) -> Result<(), Failure> {
    let live = LiveImage::open(path)?.live;
    let missing = |what: &str| Err(Failure::Usage(format!("{} has no {what}", path.display())));
    match what {
        Show::Summary => {
            inspect::artifact(path, session)?;
            print(room(&live))?;
        }
        Show::Ignition => match live.files.get(CONFIG_PATH) {
            Some(config) => print_bytes(config)?,
            None => return missing("Ignition config"),
        },
        Show::Kargs => match &live.kernel_arguments {
            Some(arguments) => print(format!("{}\n", arguments.current))?,
            None => return missing("space for kernel arguments"),
        },
        Show::Network => {
            let keyfiles = keyfiles(&live);
            if keyfiles.is_empty() {
                return missing("keyfiles");
            }
            print_bytes(&keyfiles)?;
        }
    }
    Ok(())
}

/// The keyfiles, each after its name.
fn keyfiles(live: &LiveIso) -> Vec<u8> {
    let mut text = Vec::new();
    for (path, contents) in &live.files {
        let name = path.strip_prefix(KEYFILES_PATH);
        if let Some(name) = name.and_then(|name| name.strip_prefix('/')) {
            text.extend_from_slice(format!("# {}\n", name.escape_debug()).as_bytes());
            text.extend_from_slice(contents);
        }
    }
    text
}

/// The space for a config and kernel arguments in the image.
fn room(live: &LiveIso) -> String {
    let mut text = format!("\nSpace for {} bytes, compressed", live.area.length);
    if let Some(arguments) = &live.kernel_arguments {
        // Writing to a String does not fail.
        let _ = write!(
            text,
            ", and for {} bytes of kernel arguments; the defaults are\n  {}",
            arguments.longest(),
            arguments.default
        );
    }
    text.push('\n');
    text
}
