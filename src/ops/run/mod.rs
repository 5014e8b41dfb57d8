//! Machines in QEMU that boot what was built, or a spec that is built for them.

mod from_spec;
mod written_node;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;

use super::spec_file::is_spec;
use super::{Error, FetchOptions, Result, Session};
use crate::facts::systems::Target;
use crate::names::Arch;
use crate::qemu::watch::{self, Outcome, Until};
use crate::qemu::{
    Accel, Disk, Event, Firmware, Forward, Interrupt, Keyboard, Machine, Medium, Qemu, Running,
    Switch, create_disk, free_port,
};
use crate::words::words;
use written_node::WrittenNode;

const GIB: u64 = 1 << 30;
/// The size in bytes of a disk that is made where nothing says its size, and of the one for a
/// spec's `storage_device`.
pub const DEFAULT_DISK: u64 = 8 * GIB;
/// The port of SSH (RFC 4253 §4.1).
pub const SSH: u16 = 22;

/// What is booted, on which machines.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// A spec, an ISO, an initrd or a folder to boot machines from.
    pub what: PathBuf,
    /// Of several nodes, only the one with this host name.
    pub node: Option<String>,
    /// `None`: a PC BIOS on amd64, UEFI on arm64.
    pub firmware: Option<Firmware>,
    /// How the machines see the image; `None`: what goes with it.
    pub medium: Option<BootMedium>,
    /// Hands the config of a spec over by QEMU's `fw_cfg` too.
    pub fw_cfg: bool,
    /// Memory of each machine in MiB; `None`: what the target asks for.
    pub memory: Option<u32>,
    /// Processors of each machine.
    pub cpus: u32,
    pub accel: Accel,
    /// Ports of the host that lead to ports of the first node. The next nodes get the host ports
    /// after these.
    pub publish: Vec<Forward>,
    /// Disk images to attach, made where they are not there. The machines after the first have
    /// their own, with a number at the end of its name.
    pub disks: Vec<DiskImage>,
    /// What is to be waited for; refused where the nodes never say it.
    pub until: Until,
    /// The folder of the cluster's keys; `None`: beside the spec.
    pub keys: Option<PathBuf>,
    pub fetch: FetchOptions,
}

impl RunOptions {
    /// Boots `what` on machines with two processors, in software, and waits until they are off.
    pub fn new(what: impl Into<PathBuf>) -> Self {
        Self {
            what: what.into(),
            node: None,
            firmware: None,
            medium: None,
            fw_cfg: false,
            memory: None,
            cpus: 2,
            accel: Accel::default(),
            publish: Vec::new(),
            disks: Vec::new(),
            until: Until::PoweredOff,
            keys: None,
            fetch: FetchOptions::default(),
        }
    }
}

words! {
    /// The medium that a machine boots the image from.
    pub enum BootMedium {
        /// An optical drive.
        Cd = "cd",
        /// A USB stick.
        Usb = "usb",
        /// Kernel and initrd, loaded by QEMU itself.
        Kernel = "kernel",
        /// iPXE, from the network.
        Pxe = "pxe",
    }
}

/// A disk of a machine, in a file that outlives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskImage {
    pub path: PathBuf,
    /// Its size in bytes where it is made.
    pub bytes: u64,
}

/// Machines that are ready to start.
#[derive(Debug)]
pub struct Machines {
    pub machines: Vec<Machine>,
    /// The target of each one's node.
    pub targets: Vec<Target>,
    /// What was built for them; it goes with this value.
    _artifacts: TempDir,
}

/// Describes a machine for each node of what the options name, and builds what they boot from.
pub fn machines(options: &RunOptions, session: &mut Session<'_>) -> Result<Machines> {
    let artifacts = tempfile::Builder::new()
        .prefix("imgbuild-run-")
        .tempdir()
        .context("creating a folder for the machines")?;
    let what = kind(&options.what)?;
    if options.fw_cfg && !matches!(what, What::Spec) {
        return Err(Error::Request(
            "--fw-cfg requires a spec: an image already contains its config".to_owned(),
        ));
    }
    let mut machines = match what {
        What::Spec => from_spec::machines(options, artifacts.path(), session)?,
        What::Iso => vec![from_iso(options)?],
        What::Initrd => vec![from_initrd(options, session)?],
        What::Pxe => from_tree(options)?,
    };
    let disks = disks(&options.disks, machines.len())?;
    for (index, (machine, target)) in machines.iter_mut().enumerate() {
        machine.memory = options.memory.unwrap_or(target.facts().memory);
        machine.cpus = options.cpus;
        machine.accel = options.accel;
        // The disks that the spec requires stay, unless disks were named.
        if !disks[index].is_empty() {
            machine.disks.clone_from(&disks[index]);
        }
        machine.network.forwards = forwards(&options.publish, index)?;
    }
    let (machines, targets) = machines.into_iter().unzip();
    Ok(Machines {
        machines,
        targets,
        _artifacts: artifacts,
    })
}

impl Machines {
    /// Starts them; several are on one network. What a machine's serial console shows goes to what
    /// `console` gives for it.
    pub fn start(
        &self,
        mut console: impl FnMut(&Machine) -> Box<dyn Write + Send>,
    ) -> Result<RunningMachines> {
        let switch = if self.machines.len() > 1 {
            Some(Switch::new()?)
        } else {
            None
        };
        let (sender, events) = mpsc::channel();
        let mut running = Vec::with_capacity(self.machines.len());
        for machine in &self.machines {
            let console = console(machine);
            let qemu = Qemu::find(machine)?;
            running.push(qemu.start(machine, switch.as_ref(), console, &sender)?);
        }
        let names = self.machines.iter().map(|machine| machine.name.clone());
        Ok(RunningMachines {
            running,
            names: names.collect(),
            events,
            _switch: switch,
        })
    }
}

/// Machines that run. Dropping this cuts their power.
#[derive(Debug)]
pub struct RunningMachines {
    running: Vec<Running>,
    names: Vec<String>,
    events: Receiver<Event>,
    /// Gone after the machines on it.
    _switch: Option<Switch>,
}

impl RunningMachines {
    /// Types on the console of the first machine, and of no other.
    pub fn keyboard(&self) -> Option<Keyboard> {
        self.running.first().map(Running::keyboard)
    }

    /// Waits until all of them are what `until` says, one has failed, `timeout` is over (`None`:
    /// for ever) or `interrupt` comes.
    pub fn wait(&self, until: Until, timeout: Option<Duration>, interrupt: &Interrupt) -> Outcome {
        watch::wait(&self.events, &self.names, until, timeout, interrupt)
    }
}

/// Refuses to wait for a report that nodes of `target` never make.
fn check_wait(options: &RunOptions, name: &str, target: Target) -> Result<()> {
    let facts = target.facts();
    match facts.says_ready {
        Err(why) if options.until == Until::Ready => Err(Error::Request(format!(
            "the target of {name} is {}: {why}, so --exit-when ready would wait forever; omit it, or give --exit-when off with \
             --timeout",
            facts.title
        ))),
        _ => Ok(()),
    }
}

/// What is to be booted, by its name.
enum What {
    Spec,
    Iso,
    Initrd,
    Pxe,
}

fn kind(path: &Path) -> Result<What> {
    if is_spec(path) {
        return Ok(What::Spec);
    }
    let ending = path.extension().and_then(|ending| ending.to_str());
    match ending.unwrap_or_default().to_ascii_lowercase().as_str() {
        "iso" => Ok(What::Iso),
        "initrd" => Ok(What::Initrd),
        _ if path.join("boot.ipxe").is_file() => Ok(What::Pxe),
        _ => Err(Error::Request(format!(
            "{} is neither a spec (.yaml), an ISO (.iso), an initrd (.initrd) nor a PXE folder written by imgbuild",
            path.display()
        ))),
    }
}

fn firmware(options: &RunOptions, arch: Arch) -> Result<Firmware> {
    let firmware = options.firmware.unwrap_or(match arch {
        Arch::Amd64 => Firmware::Bios,
        Arch::Arm64 => Firmware::Uefi,
    });
    if arch == Arch::Arm64 && firmware != Firmware::Uefi {
        return Err(Error::Request(
            "an arm64 machine boots with --uefi only".to_owned(),
        ));
    }
    Ok(firmware)
}

fn from_iso(options: &RunOptions) -> Result<(Machine, Target)> {
    let medium = match options.medium {
        None | Some(BootMedium::Cd) => Medium::Cd(options.what.clone()),
        Some(BootMedium::Usb) => Medium::UsbStick(options.what.clone()),
        Some(BootMedium::Kernel | BootMedium::Pxe) => {
            return Err(Error::Request(
                "an ISO can be booted only with --medium cd or usb".to_owned(),
            ));
        }
    };
    let node = WrittenNode::read(&options.what)?;
    let name = node.name.clone().unwrap_or_else(|| file_stem(options));
    check_wait(options, &name, node.target)?;
    let machine = Machine::new(name, node.arch, firmware(options, node.arch)?, medium);
    Ok((node.fit(machine), node.target))
}

/// The name of a machine of which only the file's name is known.
fn file_stem(options: &RunOptions) -> String {
    let stem = options.what.file_stem();
    stem.map_or_else(
        || "node".to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

/// An initrd that contains everything but the kernel, which is in the cache.
fn from_initrd(options: &RunOptions, session: &Session<'_>) -> Result<(Machine, Target)> {
    if !matches!(options.medium, None | Some(BootMedium::Kernel)) {
        return Err(Error::Request(
            "an initrd can be booted only with --medium kernel".to_owned(),
        ));
    }
    let cache = options.fetch.cache(&session.environment)?;
    let (medium, arch) = Medium::from_initrd(&options.what, &cache)?;
    let node = WrittenNode::read(&options.what)?;
    let name = node.name.clone().unwrap_or_else(|| file_stem(options));
    check_wait(options, &name, node.target)?;
    let machine = Machine::new(name, arch, firmware(options, arch)?, medium);
    Ok((node.fit(machine), node.target))
}

/// A machine for every node of a PXE folder.
fn from_tree(options: &RunOptions) -> Result<Vec<(Machine, Target)>> {
    match options.medium {
        None | Some(BootMedium::Pxe | BootMedium::Kernel) => {}
        Some(BootMedium::Cd | BootMedium::Usb) => {
            return Err(Error::Request(
                "a PXE folder can be booted only with --medium pxe or kernel".to_owned(),
            ));
        }
    }
    let nodes = options.what.join("nodes");
    let mut names: Vec<String> = std::fs::read_dir(&nodes)
        .and_then(|entries| {
            entries
                .map(|entry| entry.map(|e| e.file_name()))
                .collect::<Result<Vec<_>, _>>()
        })
        .with_context(|| format!("reading {}", nodes.display()))?
        .iter()
        .filter_map(|name| Some(name.to_str()?.strip_suffix(".ipxe")?.to_owned()))
        .filter(|name| options.node.as_ref().is_none_or(|wanted| wanted == name))
        .collect();
    names.sort();
    if names.is_empty() {
        return Err(Error::Request(format!(
            "{} has no node of that name",
            options.what.display()
        )));
    }
    names
        .into_iter()
        .map(|name| {
            let (direct, arch) = Medium::from_tree(&options.what, &name)?;
            let medium = match options.medium.unwrap_or(network_medium(arch)) {
                BootMedium::Pxe => {
                    check_network(&name, arch)?;
                    Medium::Pxe {
                        tree: options.what.clone(),
                        script: format!("nodes/{name}.ipxe"),
                    }
                }
                _ => direct,
            };
            let node = WrittenNode::read(&nodes.join(format!("{name}.cpio.gz")))?;
            check_wait(options, &name, node.target)?;
            let machine = Machine::new(name, arch, firmware(options, arch)?, medium);
            Ok((node.fit(machine), node.target))
        })
        .collect()
}

/// How the nodes of a folder for network boot start, unless the options say it: QEMU's network
/// cards have iPXE for amd64 alone.
fn network_medium(arch: Arch) -> BootMedium {
    match arch {
        Arch::Amd64 => BootMedium::Pxe,
        Arch::Arm64 => BootMedium::Kernel,
    }
}

/// Refuses to boot the node `name` by iPXE where QEMU has none.
fn check_network(name: &str, arch: Arch) -> Result<()> {
    if network_medium(arch) == BootMedium::Pxe {
        return Ok(());
    }
    Err(Error::Request(format!(
        "{name} is for {arch}, for which QEMU has no iPXE: use --medium kernel"
    )))
}

/// The ports of the machine with this `index`: the published ones, and SSH if it is not among them.
fn forwards(published: &[Forward], index: usize) -> Result<Vec<Forward>> {
    let offset = u16::try_from(index).unwrap_or(u16::MAX);
    let mut forwards = Vec::with_capacity(published.len() + 1);
    for &Forward { host, guest } in published {
        let host = host.checked_add(offset).ok_or_else(|| {
            Error::Request(format!(
                "--publish {host}:{guest}: not enough host ports for all nodes"
            ))
        })?;
        forwards.push(Forward { host, guest });
    }
    if published.iter().all(|forward| forward.guest != SSH) {
        forwards.push(Forward {
            host: free_port()?,
            guest: SSH,
        });
    }
    Ok(forwards)
}

/// The disks of each of `machines` machines; each of several machines has its own files,
/// `state.img` and `state.img.1` ….
fn disks(images: &[DiskImage], machines: usize) -> Result<Vec<Vec<Disk>>> {
    let mut all = vec![Vec::new(); machines];
    for DiskImage { path, bytes } in images {
        for (index, disks) in all.iter_mut().enumerate() {
            let path = if index == 0 {
                path.clone()
            } else {
                PathBuf::from(format!("{}.{index}", path.display()))
            };
            create_disk(&path, *bytes)?;
            disks.push(Disk::Raw(path));
        }
    }
    Ok(all)
}
