//! `imgbuild embed`: configs in live ISOs and for their network boot.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::diagnostic::Sources;
use crate::embed::{self, Installer, Refused, Wishes};
use crate::formats::Damaged;
use crate::formats::iso9660::read::Iso;
use crate::pack::output::Output;
use crate::pack::{self, Format, Patch};
use crate::pki::Access;
use crate::progress::Progress;
use crate::read::{CONFIG_PATH, Features, KEYFILES_PATH, LiveIso};

use super::args::{Embed, Show};
use super::artifacts;
use super::build::{Ready, for_target, warn_of_others};
use super::inspect;
use super::messages::Messages;
use super::outcome::Failure;
use super::spec_file::{SpecFile, chosen, names};

/// The largest config or keyfile that is read, in bytes.
const INPUT_MAX: u64 = 96 << 20;

/// Runs `imgbuild embed`.
pub fn run(
    wanted: &Embed,
    sources: &mut Sources,
    messages: Messages,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    if let (Some(what), Some(iso)) = (wanted.show, &wanted.iso) {
        return show(iso, what);
    }
    let Some(output) = &wanted.output else {
        return Err(Failure::Usage("--output is required".to_owned()));
    };
    let Some(iso) = &wanted.iso else {
        let wishes = wishes(wanted, sources, messages)?;
        return payload(&wishes, output, messages);
    };
    let image = Image::open(iso)?;
    let (patches, secret) = if wanted.remove {
        (embed::removed(&image.live), false)
    } else {
        if !wanted.force {
            image.check_pristine()?;
        }
        let wishes = wishes(wanted, sources, messages)?;
        (image.with(&wishes)?, true)
    };
    let mut out = create(output, secret)?;
    image
        .write(out.file(), patches, progress)
        .with_context(|| format!("writing {}", output.display()))?;
    out.commit()?;
    said(output, messages);
    Ok(())
}

/// A live ISO and where it was read from.
#[derive(Debug)]
pub struct Image {
    live: LiveIso,
    path: PathBuf,
}

impl Image {
    /// Reads what the ISO at `path` holds and where.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let open = || -> anyhow::Result<_> {
            let file = File::open(path)?;
            if !Iso::is_one(&file) {
                return Err(Refused("not an ISO image".to_owned()).into());
            }
            LiveIso::open(Iso::open(file)?)?.map_err(|_| {
                let why = "not a Fedora CoreOS live ISO: it has no embed area for a config";
                Refused(why.to_owned()).into()
            })
        };
        let live = open()
            .with_context(|| format!("reading {}", path.display()))
            .map_err(failure)?;
        Ok(Self {
            live,
            path: path.to_owned(),
        })
    }

    /// Refuses an image in which something is embedded already.
    pub fn check_pristine(&self) -> Result<(), Failure> {
        if self.live.is_pristine() {
            return Ok(());
        }
        let path = self.path.display();
        Err(Failure::Usage(format!(
            "{path} already has an embedded config, keyfiles or kernel arguments: `imgbuild embed {path} --show` lists them, \
             `imgbuild embed {path} --remove -o …` removes them, and `imgbuild embed … --force` replaces them"
        )))
    }

    /// What makes the image one with `wishes`.
    pub fn with(&self, wishes: &Wishes) -> Result<Vec<Patch>, Failure> {
        embed::embedded(&self.live, wishes).map_err(failure)
    }

    /// Writes the image with `patches`.
    pub fn write(
        &self,
        out: &mut File,
        patches: Vec<Patch>,
        progress: &dyn Progress,
    ) -> anyhow::Result<()> {
        pack::patched(out, self.live.iso.image(), &self.path, patches, progress)
    }
}

/// Refused or damaged files are invalid input; any other error is the environment's.
pub fn failure(error: anyhow::Error) -> Failure {
    let is_input = error
        .chain()
        .any(|cause| cause.is::<Refused>() || cause.is::<Damaged>());
    if is_input {
        Failure::Usage(format!("{error:#}"))
    } else {
        Failure::Environment(error)
    }
}

/// A payload for network boot.
fn payload(wishes: &Wishes, output: &Path, messages: Messages) -> Result<(), Failure> {
    let archive = || wishes.files(Features::ALL)?.archive();
    let bytes = archive().map_err(failure)?;
    let mut out = create(output, true)?;
    out.file()
        .write_all(&bytes)
        .with_context(|| format!("writing {}", output.display()))?;
    out.commit()?;
    said(output, messages);
    if wishes.config.is_some() || !wishes.installer.is_idle() {
        messages.note(
            "load it after the live system's initrd and rootfs; the kernel needs the arguments \
             `ignition.firstboot ignition.platform.id=metal`",
        );
    }
    Ok(())
}

fn create(output: &Path, secret: bool) -> anyhow::Result<Output> {
    if is_stdout(output) {
        Output::stdout()
    } else {
        Output::create(output, secret)
    }
}

fn is_stdout(output: &Path) -> bool {
    output.as_os_str() == "-"
}

fn said(output: &Path, messages: Messages) {
    if !is_stdout(output) {
        messages.note(&format!("wrote {}", output.display()));
    }
}

/// What the options request.
fn wishes(wanted: &Embed, sources: &mut Sources, messages: Messages) -> Result<Wishes, Failure> {
    let mut wishes = Wishes::default();
    if let Some(path) = &wanted.live.ignition {
        let given = config(path, wanted, sources, messages)?;
        // A payload cannot contain kernel arguments.
        if wanted.pxe && !given.arguments.is_empty() {
            messages.warn(&format!(
                "the boot loader must pass these kernel arguments of {}: {}",
                path.display(),
                given.arguments.append.join(" ")
            ));
        }
        wishes = given;
    }
    let arguments = &mut wishes.arguments;
    arguments.append.extend(wanted.live.karg_append.clone());
    arguments.delete.clone_from(&wanted.live.karg_delete);
    arguments.replace.clone_from(&wanted.live.karg_replace);
    for path in &wanted.live.network_keyfile {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(Failure::Usage(format!(
                "{} is not a valid keyfile name",
                path.display()
            )));
        };
        wishes.keyfiles.push((name.to_owned(), input(path)?));
    }
    let to_install = &wanted.installed;
    let mut installer = Installer {
        device: to_install.dest_device.clone(),
        console: to_install.dest_console.clone(),
        append: to_install.dest_karg_append.clone(),
        delete: to_install.dest_karg_delete.clone(),
        config: None,
    };
    if let Some(path) = &to_install.dest_ignition {
        let given = config(path, wanted, sources, messages)?;
        installer.append.splice(..0, given.arguments.append);
        installer.config = given.config;
        for (name, contents) in given.keyfiles {
            if !wishes.keyfiles.iter().any(|(other, _)| *other == name) {
                wishes.keyfiles.push((name, contents));
            }
        }
    }
    wishes.installer = installer;
    let is_empty = wishes.config.is_none()
        && wishes.installer.is_idle()
        && wishes.keyfiles.is_empty()
        && wishes.arguments.is_empty();
    if is_empty {
        return Err(Failure::Usage(
            "nothing to embed: give --ignition, --dest-device, --network-keyfile, --karg-append or another of \
             `imgbuild embed --help`"
                .to_owned(),
        ));
    }
    match &wishes.installer.device {
        Some(device) => messages.note(&format!(
            "a machine that boots from this overwrites {device} without confirmation"
        )),
        None if !wishes.installer.is_idle() => messages.warn(
            "the installer starts automatically, but no disk to install onto is given: give --dest-device, or the kernel argument \
             coreos.inst.install_dev",
        ),
        None => {}
    }
    Ok(wishes)
}

/// The config at `path`: an Ignition config verbatim, or that of a node spec with whatever else the
/// node requires.
fn config(
    path: &Path,
    wanted: &Embed,
    sources: &mut Sources,
    messages: Messages,
) -> Result<Wishes, Failure> {
    if !inspect::is_spec(path) {
        let bytes = input(path)?;
        let shown = path.display().to_string();
        for warning in embed::check(&bytes, &shown).map_err(failure)? {
            messages.warn(&warning);
        }
        return Ok(Wishes {
            config: Some(bytes),
            ..Wishes::default()
        });
    }
    let file = SpecFile::new(path, wanted.source.keys.as_deref());
    let mut cluster = file.decide(Access::Write, sources, messages)?;
    artifacts::pin(&mut cluster, &wanted.source.base, &file.lock, messages)?;
    let nodes = chosen(&cluster, wanted.node.as_deref())?;
    let [node] = nodes[..] else {
        return Err(Failure::Usage(format!(
            "{} has several nodes, but an image holds one: choose with --node ({})",
            path.display(),
            names(&cluster)
        )));
    };
    for_target(Format::Embed, true, &nodes)?;
    warn_of_others(&nodes, messages);
    let ready = Ready::compile(&[node], sources, messages)?;
    Ok(ready[0].wishes())
}

/// Reads a file named on the command line.
fn input(path: &Path) -> Result<Vec<u8>, Failure> {
    let describe = || format!("reading {}", path.display());
    let length = fs::metadata(path).with_context(describe)?.len();
    if length > INPUT_MAX {
        return Err(Failure::Usage(format!(
            "{} has {length} bytes, more than the limit of {INPUT_MAX}",
            path.display()
        )));
    }
    Ok(fs::read(path).with_context(describe)?)
}

/// Prints what is embedded in the image at `path`.
fn show(path: &Path, what: Show) -> Result<(), Failure> {
    if what == Show::Summary {
        let image = Image::open(path)?;
        inspect::artifact(path)?;
        return print(room(&image.live).as_bytes());
    }
    let live = Image::open(path)?.live;
    let missing = |what: &str| Err(Failure::Usage(format!("{} has no {what}", path.display())));
    match what {
        Show::Summary | Show::Ignition => match live.files.get(CONFIG_PATH) {
            Some(config) => print(config),
            None => missing("Ignition config"),
        },
        Show::Kargs => match &live.kernel_arguments {
            Some(arguments) => print(format!("{}\n", arguments.current).as_bytes()),
            None => missing("space for kernel arguments"),
        },
        Show::Network => {
            let mut text = Vec::new();
            for (path, contents) in &live.files {
                let name = path.strip_prefix(KEYFILES_PATH);
                if let Some(name) = name.and_then(|name| name.strip_prefix('/')) {
                    text.extend_from_slice(format!("# {}\n", name.escape_debug()).as_bytes());
                    text.extend_from_slice(contents);
                }
            }
            if text.is_empty() {
                return missing("keyfiles");
            }
            print(&text)
        }
    }
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

fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .context("writing to standard output")?;
    Ok(())
}
