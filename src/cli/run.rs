//! `imgbuild run`: boots what was built, or builds and boots a spec.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use anyhow::Context;
use ipnet::{IpNet, Ipv4Net};

use crate::diagnostic::Sources;
use crate::facts::systems::Target;
use crate::names::{Arch, MacAddr};
use crate::node::Node;
use crate::node::network::{Interface, InterfaceMatch};
use crate::pack;
use crate::pack::output::Output;
use crate::pki::Access;
use crate::progress::Progress;
use crate::qemu::watch::{self, Outcome, Until};
use crate::qemu::{
    Disk, Firmware, Forward, Interrupt, Machine, Medium, Qemu, Switch, UserNetwork, create_disk,
    free_port,
};

use super::args::{Accel, ExitWhen, Medium as MediumChoice, Run};
use super::base::cache;
use super::build::{Bases, Making, Ready};
use super::console::{Prefixed, Terminal};
use super::messages::Messages;
use super::outcome::Failure;
use super::spec_file::{SpecFile, chosen};
use super::written_node::WrittenNode;

const GIB: u64 = 1 << 30;
/// The default size of a disk that `--disk` creates, and that of the disk for a spec's
/// `storage_device`.
pub(super) const DEFAULT_DISK: u64 = 8 * GIB;
/// The port of SSH (RFC 4253 §4.1).
const SSH: u16 = 22;

/// Runs `imgbuild run`.
pub fn run(
    run: &Run,
    sources: &mut Sources,
    messages: Messages,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let scratch = tempfile::Builder::new()
        .prefix("imgbuild-run-")
        .tempdir()
        .context("creating a folder for the machines")?;
    let what = kind(&run.what)?;
    if run.fw_cfg && !matches!(what, What::Spec) {
        return Err(Failure::Usage(
            "--fw-cfg requires a spec: an image already contains its config".to_owned(),
        ));
    }
    let mut machines = match what {
        What::Spec => from_spec(run, scratch.path(), sources, messages, progress)?,
        What::Iso => vec![from_iso(run)?],
        What::Initrd => vec![from_initrd(run)?],
        What::Pxe => from_tree(run)?,
    };
    let publish = published(&run.publish)?;
    let disks = disks(&run.disk, machines.len())?;
    for (index, (machine, target)) in machines.iter_mut().enumerate() {
        machine.memory = run.memory.unwrap_or(target.facts().memory);
        machine.cpus = run.cpus;
        machine.accel = match run.accel {
            Accel::Tcg => crate::qemu::Accel::Tcg,
            Accel::Kvm => crate::qemu::Accel::Kvm,
        };
        // The disks that the spec requires stay, unless disks were named.
        if !disks[index].is_empty() {
            machine.disks.clone_from(&disks[index]);
        }
        machine.network.forwards = forwards(&publish, index)?;
    }
    let machines: Vec<_> = machines.into_iter().map(|(machine, _)| machine).collect();
    boot(run, &machines, messages)
}

/// Refuses to wait for a report that nodes of `target` never make.
fn check_wait(run: &Run, name: &str, target: Target) -> Result<(), Failure> {
    let facts = target.facts();
    match facts.says_ready {
        Err(why) if run.exit_when == ExitWhen::Ready => Err(Failure::Usage(format!(
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

fn kind(path: &Path) -> Result<What, Failure> {
    let ending = path
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
        .to_ascii_lowercase();
    match ending.as_str() {
        "iso" => Ok(What::Iso),
        "initrd" => Ok(What::Initrd),
        "yaml" | "yml" => Ok(What::Spec),
        _ if path.join("boot.ipxe").is_file() => Ok(What::Pxe),
        _ => Err(Failure::Usage(format!(
            "{} is neither a spec (.yaml), an ISO (.iso), an initrd (.initrd) nor a PXE folder written by imgbuild",
            path.display()
        ))),
    }
}

fn firmware(run: &Run, arch: Arch) -> Result<Firmware, Failure> {
    let firmware = match (run.bios, run.uefi, run.secure_boot) {
        (true, ..) => Firmware::Bios,
        (_, true, _) => Firmware::Uefi,
        (_, _, true) => Firmware::SecureBoot,
        _ if arch == Arch::Arm64 => Firmware::Uefi,
        _ => Firmware::Bios,
    };
    if arch == Arch::Arm64 && firmware != Firmware::Uefi {
        return Err(Failure::Usage(
            "an arm64 machine boots with --uefi only".to_owned(),
        ));
    }
    Ok(firmware)
}

fn from_iso(run: &Run) -> Result<(Machine, Target), Failure> {
    let medium = match run.medium {
        None | Some(MediumChoice::Cd) => Medium::Cd(run.what.clone()),
        Some(MediumChoice::Usb) => Medium::UsbStick(run.what.clone()),
        Some(MediumChoice::Kernel | MediumChoice::Pxe) => {
            return Err(Failure::Usage(
                "an ISO can be booted only with --medium cd or usb".to_owned(),
            ));
        }
    };
    let node = WrittenNode::read(&run.what)?;
    let name = node.name.clone().unwrap_or_else(|| file_stem(run));
    check_wait(run, &name, node.target)?;
    let machine = Machine::new(name, node.arch, firmware(run, node.arch)?, medium);
    Ok((node.fit(machine), node.target))
}

/// The name of a machine of which only the file's name is known.
fn file_stem(run: &Run) -> String {
    let stem = run.what.file_stem();
    stem.map_or_else(
        || "node".to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

/// An initrd that contains everything but the kernel, which is in the cache.
fn from_initrd(run: &Run) -> Result<(Machine, Target), Failure> {
    if !matches!(run.medium, None | Some(MediumChoice::Kernel)) {
        return Err(Failure::Usage(
            "an initrd can be booted only with --medium kernel".to_owned(),
        ));
    }
    let cache = cache(run.source.base.cache.as_deref())?;
    let (medium, arch) = Medium::from_initrd(&run.what, &cache)?;
    let node = WrittenNode::read(&run.what)?;
    let name = node.name.clone().unwrap_or_else(|| file_stem(run));
    check_wait(run, &name, node.target)?;
    let machine = Machine::new(name, arch, firmware(run, arch)?, medium);
    Ok((node.fit(machine), node.target))
}

/// A machine for every node of a PXE folder.
fn from_tree(run: &Run) -> Result<Vec<(Machine, Target)>, Failure> {
    let direct = match run.medium {
        None | Some(MediumChoice::Pxe) => false,
        Some(MediumChoice::Kernel) => true,
        Some(MediumChoice::Cd | MediumChoice::Usb) => {
            return Err(Failure::Usage(
                "a PXE folder can be booted only with --medium pxe or kernel".to_owned(),
            ));
        }
    };
    let nodes = run.what.join("nodes");
    let mut names: Vec<String> = std::fs::read_dir(&nodes)
        .and_then(|entries| {
            entries
                .map(|entry| entry.map(|e| e.file_name()))
                .collect::<Result<Vec<_>, _>>()
        })
        .with_context(|| format!("reading {}", nodes.display()))?
        .iter()
        .filter_map(|name| Some(name.to_str()?.strip_suffix(".ipxe")?.to_owned()))
        .filter(|name| run.node.as_ref().is_none_or(|wanted| wanted == name))
        .collect();
    names.sort();
    if names.is_empty() {
        return Err(Failure::Usage(format!(
            "{} has no node of that name",
            run.what.display()
        )));
    }
    let firmware = firmware(run, Arch::Amd64)?;
    names
        .into_iter()
        .map(|name| {
            let medium = if direct {
                Medium::from_tree(&run.what, &name)?
            } else {
                Medium::Pxe {
                    tree: run.what.clone(),
                    script: format!("nodes/{name}.ipxe"),
                }
            };
            let node = WrittenNode::read(&nodes.join(format!("{name}.cpio.gz")))?;
            check_wait(run, &name, node.target)?;
            let machine = Machine::new(name, Arch::Amd64, firmware, medium);
            Ok((node.fit(machine), node.target))
        })
        .collect()
}

/// Builds the nodes of a spec in `scratch`.
fn from_spec(
    run: &Run,
    scratch: &Path,
    sources: &mut Sources,
    messages: Messages,
    progress: &dyn Progress,
) -> Result<Vec<(Machine, Target)>, Failure> {
    let file = SpecFile::new(&run.what, run.source.keys.as_deref());
    let mut cluster = file.decide(Access::Write, sources, messages)?;
    super::artifacts::pin(&mut cluster, &run.source.base, &file.lock, messages)?;
    let nodes = chosen(&cluster, run.node.as_deref())?;
    let format = super::build::for_target(pack::Format::Iso, true, &nodes)?;
    for node in &nodes {
        check_wait(run, node.hostname.as_str(), node.target)?;
    }
    let ready = Ready::compile(&nodes, sources, messages)?;
    let mut bases = Bases::new(&run.source.base, &file.lock, progress);
    // A live ISO boots as one.
    let is_iso = run.secure_boot || format == pack::Format::Embed;
    let medium = run.medium.unwrap_or(if is_iso {
        MediumChoice::Cd
    } else {
        MediumChoice::Kernel
    });
    if medium == MediumChoice::Pxe {
        let base = bases.one_of(&ready)?;
        let machines: Vec<_> = ready.iter().map(Ready::machine).collect();
        pack::pxe(&scratch.join("pxe"), &base, &machines, progress)?;
    }
    ready
        .iter()
        .map(|ready| {
            let name = ready.node.hostname.as_str();
            let path = scratch.join(name);
            let medium = match medium {
                MediumChoice::Cd | MediumChoice::Usb => {
                    let ground = bases.of(ready.node, format)?;
                    let mut out = Output::create(&path, true)?;
                    Making::new(format, ground, ready)?.write(out.file(), progress)?;
                    out.commit()?;
                    if medium == MediumChoice::Cd {
                        Medium::Cd(path)
                    } else {
                        Medium::UsbStick(path)
                    }
                }
                MediumChoice::Kernel => {
                    let base = bases.of_node(ready.node)?;
                    let mut out = Output::create(&path, true)?;
                    pack::initrd(out.file(), &base, Some(&ready.machine()), progress)?;
                    out.commit()?;
                    Medium::Kernel {
                        kernel: base.kernel.clone(),
                        initrds: vec![path],
                        arguments: ready.command_line(&base)?,
                    }
                }
                MediumChoice::Pxe => Medium::Pxe {
                    tree: scratch.join("pxe"),
                    script: format!("nodes/{name}.ipxe"),
                },
            };
            let mut machine = Machine::new(
                name,
                ready.node.arch,
                firmware(run, ready.node.arch)?,
                medium,
            );
            machine.mac = mac(ready.node);
            if ready.node.storage_device.is_some() {
                machine.disks.push(Disk::Scratch(DEFAULT_DISK));
            }
            machine.network = network(ready.node);
            if run.fw_cfg {
                machine.fw_cfg.push(fw_cfg(ready, scratch)?);
            }
            Ok((machine, ready.node.target))
        })
        .collect()
}

/// The config as a file in `scratch`, and the key by which the target's Ignition finds it.
fn fw_cfg(ready: &Ready<'_>, scratch: &Path) -> Result<(&'static str, PathBuf), Failure> {
    let node = ready.node;
    let facts = node.target.facts();
    let Some(key) = facts.paths.fw_cfg else {
        return Err(Failure::Usage(format!(
            "the target of {} is {}, which does not read a config from fw_cfg: omit --fw-cfg",
            node.hostname.value, facts.title
        )));
    };
    let path = scratch.join(format!("{}.ign", node.hostname.value));
    let mut out = Output::create(&path, true)?;
    out.file()
        .write_all(&ready.machine().payload.config)
        .context("writing the Ignition config")?;
    out.commit()?;
    Ok((key, path))
}

/// The card's MAC address, where the spec matches by it.
fn mac(node: &Node) -> Option<MacAddr> {
    node.network
        .interfaces
        .iter()
        .find_map(|interface| match interface.matching {
            InterfaceMatch::Mac { mac, .. } => Some(mac),
            _ => None,
        })
}

/// A network that contains the node's first static IPv4 address.
fn network(node: &Node) -> UserNetwork {
    let first = |interface: &Interface| {
        let address = interface
            .addresses
            .iter()
            .find_map(|address| match address.value {
                IpNet::V4(v4) => Some(v4),
                IpNet::V6(_) => None,
            })?;
        around(address, interface)
    };
    node.network
        .interfaces
        .iter()
        .find_map(first)
        .unwrap_or_default()
}

fn around(address: Ipv4Net, interface: &Interface) -> Option<UserNetwork> {
    let v4 = |address: &std::net::IpAddr| match address {
        std::net::IpAddr::V4(v4) => Some(*v4),
        std::net::IpAddr::V6(_) => None,
    };
    let gateway = interface.gateways.iter().find_map(|g| v4(&g.value));
    let dns: Vec<_> = interface.dns.iter().filter_map(|d| v4(&d.value)).collect();
    UserNetwork::around(address, gateway, &dns)
}

/// The pairs of `--publish`: port of the host, port of the node.
fn published(options: &[String]) -> Result<Vec<(u16, u16)>, Failure> {
    options
        .iter()
        .map(|text| {
            let pair = text
                .split_once(':')
                .and_then(|(host, node)| Some((host.parse().ok()?, node.parse().ok()?)));
            pair.filter(|(host, node)| *host != 0 && *node != 0)
                .ok_or_else(|| {
                    Failure::Usage(format!(
                        "--publish {text}: expected two ports, as in 2222:22"
                    ))
                })
        })
        .collect()
}

/// The ports of the machine with this `index`: the published ones, and SSH if it is not among them.
fn forwards(published: &[(u16, u16)], index: usize) -> Result<Vec<Forward>, Failure> {
    let offset = u16::try_from(index).unwrap_or(u16::MAX);
    let mut forwards = Vec::with_capacity(published.len() + 1);
    for &(host, guest) in published {
        let host = host.checked_add(offset).ok_or_else(|| {
            Failure::Usage(format!(
                "--publish {host}:{guest}: not enough host ports for all nodes"
            ))
        })?;
        forwards.push(Forward { host, guest });
    }
    if published.iter().all(|(_, guest)| *guest != SSH) {
        forwards.push(Forward {
            host: free_port()?,
            guest: SSH,
        });
    }
    Ok(forwards)
}

/// The disks of each of `machines` machines; each of several machines has its own files,
/// `state.img` and `state.img.1` ….
fn disks(options: &[String], machines: usize) -> Result<Vec<Vec<Disk>>, Failure> {
    let mut all = vec![Vec::new(); machines];
    for option in options {
        let (path, size) = match option.rsplit_once(':') {
            Some((path, gib)) => {
                let gib: u64 = gib.parse().ok().filter(|gib| *gib > 0).ok_or_else(|| {
                    Failure::Usage(format!(
                        "--disk {option}: the size must be a number of GiB, as in state.img:8"
                    ))
                })?;
                (path, gib.saturating_mul(GIB))
            }
            None => (option.as_str(), DEFAULT_DISK),
        };
        for (index, disks) in all.iter_mut().enumerate() {
            let path = if index == 0 {
                PathBuf::from(path)
            } else {
                PathBuf::from(format!("{path}.{index}"))
            };
            create_disk(&path, size)?;
            disks.push(Disk::Raw(path));
        }
    }
    Ok(all)
}

fn boot(run: &Run, machines: &[Machine], messages: Messages) -> Result<(), Failure> {
    let interrupt = Interrupt::from_signals()?;
    let switch = if machines.len() > 1 {
        Some(Switch::new()?)
    } else {
        None
    };
    let (events, happened) = mpsc::channel();
    let mut running = Vec::with_capacity(machines.len());
    for machine in machines {
        for forward in &machine.network.forwards {
            let hint = if forward.guest == SSH {
                format!("  (ssh -p {} USER@127.0.0.1)", forward.host)
            } else {
                String::new()
            };
            messages.note(&format!(
                "{}: port {} is 127.0.0.1:{}{hint}",
                machine.name, forward.guest, forward.host
            ));
        }
        let console: Box<dyn Write + Send> = if machines.len() > 1 {
            Box::new(Prefixed::new(&machine.name, std::io::stdout()))
        } else {
            Box::new(std::io::stdout())
        };
        running.push(Qemu::find(machine)?.start(machine, switch.as_ref(), console, &events)?);
    }
    let terminal = match &running[..] {
        [only] if std::io::stdin().is_terminal() && run.exit_when == ExitWhen::Off => {
            messages.note("this terminal is now the node's console; Ctrl-] stops the machine");
            Some(Terminal::connect(only.keyboard(), interrupt.clone())?)
        }
        _ => None,
    };
    let names: Vec<_> = machines
        .iter()
        .map(|machine| machine.name.clone())
        .collect();
    let until = match run.exit_when {
        ExitWhen::Off => Until::PoweredOff,
        ExitWhen::Ready => Until::Ready,
    };
    let outcome = watch::wait(&happened, &names, until, run.timeout, &interrupt);
    drop(terminal);
    drop(running);
    match outcome {
        Outcome::Reached => {
            if run.exit_when == ExitWhen::Ready {
                messages.note(&format!("{}: ready", names.join(", ")));
            }
            Ok(())
        }
        Outcome::Interrupted if run.exit_when == ExitWhen::Off => Ok(()),
        other => Err(Failure::Environment(anyhow::anyhow!("{other}"))),
    }
}
