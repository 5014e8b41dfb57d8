//! Writes a folder to boot machines from over the network: a kernel and an initrd for each base,
//! and a payload and a script for each node.
//!
//! Scripts are for iPXE (ipxe.org/scripting); their paths are relative, so that the folder can be
//! served by HTTP and TFTP.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, Write as _};
use std::iter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result, ensure};

use crate::base::Base;
use crate::names::MacAddr;
use crate::progress::Progress;

use super::output::{Kept, OutputFolder};
use super::{Card, Compression, Machine, command_line, dnsmasq};

pub(crate) const KERNEL: &str = "vmlinuz";
pub(crate) const INITRD: &str = "initrd.img";
/// The root file system, where an external base has it as a second initrd.
pub(crate) const ROOT_INITRD: &str = "rootfs.img";
/// The alignment of an uncompressed archive in an initrd, in bytes (kernel `init/initramfs.c`).
const ALIGNMENT: u64 = crate::formats::cpio::ALIGNMENT as u64;
/// The folder of the nodes' payloads and scripts, which are named after the nodes.
pub(crate) const NODES: &str = "nodes";
pub(crate) const NODE_PAYLOAD: &str = ".cpio.gz";
pub(crate) const NODE_SCRIPT: &str = ".ipxe";
const MACHINES: &str = "machines";
/// The folder of the bases, where the nodes need more than one.
pub(crate) const BASES: &str = "bases";

/// Machines that boot the same base.
#[derive(Debug)]
pub struct MachinesOfBase<'a> {
    /// The base.
    pub base: Base,
    /// Its machines, at least one.
    pub machines: Vec<Machine<'a>>,
}

/// Writes the folder `path` for the machines of `groups`, atomically. It replaces only a folder
/// that was made in this way, and in it what was written so. Returns files that were changed since.
///
/// The files of a single base are at the top. Each of several has a folder of its own below
/// `bases`, and its machines may be of other architectures than the rest.
///
/// Payloads contain secrets, so their mode is 0600.
pub fn pxe(
    path: &Path,
    groups: &[MachinesOfBase<'_>],
    progress: &dyn Progress,
) -> Result<Vec<Kept>> {
    let machines: Vec<_> = groups.iter().flat_map(|group| &group.machines).collect();
    check_unique(&machines)?;
    let folder = OutputFolder::create(path, false)?;
    let root = folder.path();
    for name in [NODES, MACHINES] {
        create_dir(root, name)?;
    }

    for (group, place) in groups.iter().zip(places(groups)) {
        if !place.is_empty() {
            create_dir(root, place.trim_end_matches('/'))?;
        }
        write_base(&root.join(&place), &group.base, progress)?;
        progress.start("packing the nodes", Some(group.machines.len() as u64));
        nodes(root, &place, group, progress)?;
        progress.finish();
    }

    write(root, "boot.ipxe", &boot_script(groups))?;
    let architectures = groups.iter().map(|group| group.base.arch).collect();
    write(
        root,
        "dnsmasq.conf",
        &dnsmasq::settings(&architectures, &machines),
    )?;
    folder.commit()
}

/// Where each base's files are, relative to the tree: empty for a single base, else a folder that
/// is named after the architecture, with a slash at its end.
fn places(groups: &[MachinesOfBase<'_>]) -> Vec<String> {
    if let [_] = groups {
        return vec![String::new()];
    }
    let place = |group: &MachinesOfBase<'_>| {
        let arch = group.base.arch;
        let of_arch = groups.iter().filter(|other| other.base.arch == arch);
        if of_arch.count() == 1 {
            format!("{BASES}/{arch}/")
        } else {
            // As many digits as tell apart what one site has.
            let id = group.base.id.get(..12).unwrap_or(&group.base.id);
            format!("{BASES}/{arch}-{id}/")
        }
    };
    groups.iter().map(place).collect()
}

/// Writes what all nodes of `base` boot to the folder `root`.
fn write_base(root: &Path, base: &Base, progress: &dyn Progress) -> Result<()> {
    copy(root, KERNEL, &base.kernel, progress)?;
    let mut initrd = create(root, INITRD, 0o666)?;
    super::initrd(&mut initrd, base, None, progress)?;
    if let Some(root_initrd) = &base.root_initrd {
        // It is not compressed, so it has to start at a multiple of four when the two are
        // concatenated.
        let length = initrd.stream_position().context("writing the initrd")?;
        crate::formats::zeros(&mut initrd, length.next_multiple_of(ALIGNMENT) - length)
            .context("writing the initrd")?;
        copy(root, ROOT_INITRD, root_initrd, progress)?;
    }
    Ok(())
}

/// Writes the files of each node of `group`, whose base is at `place`, with as many threads as
/// there are processors.
fn nodes(
    root: &Path,
    place: &str,
    group: &MachinesOfBase<'_>,
    progress: &dyn Progress,
) -> Result<()> {
    let machines = &group.machines;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = machines.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let workers: Vec<_> = machines
            .chunks(share)
            .map(|chunk| {
                scope.spawn(move || {
                    chunk.iter().try_for_each(|machine| {
                        progress.advance(1);
                        node(root, place, &group.base, machine)
                    })
                })
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
    })
}

fn node(root: &Path, place: &str, base: &Base, machine: &Machine<'_>) -> Result<()> {
    let name = machine.hostname;
    let arguments = command_line(base, machine)?;
    let payload = format!("{name}{NODE_PAYLOAD}");
    let mut file = create(root, &format!("{NODES}/{payload}"), 0o600)?;
    super::payload(&mut file, machine.payload, Compression::Gzip)?;
    // UEFI kernels fetch the initrds that their command line names; others ignore these arguments.
    let second = base.root_initrd.as_ref().map(|_| ROOT_INITRD);
    let (mut words, mut lines) = (String::new(), String::new());
    for initrd in iter::once(INITRD).chain(second) {
        // Writing to a String does not fail.
        let _ = write!(words, "initrd={initrd} ");
        let _ = writeln!(lines, "initrd ../{place}{initrd}");
    }
    let script = format!(
        "\
#!ipxe
echo Starting {name}
kernel ../{place}{KERNEL} {words}initrd={payload} {arguments}
{lines}initrd {payload}
boot
"
    );
    write(root, &format!("{NODES}/{name}{NODE_SCRIPT}"), &script)?;
    for Card { mac, .. } in machine.cards {
        let script = format!("#!ipxe\nchain ../{NODES}/{name}.ipxe\n");
        write(
            root,
            &format!("{MACHINES}/{}.ipxe", mac.hyphenated()),
            &script,
        )?;
    }
    Ok(())
}

/// The script that every machine boots first: it finds the machine's own.
fn boot_script(groups: &[MachinesOfBase<'_>]) -> String {
    let several = groups.iter().any(|g| g.base.arch != groups[0].base.arch);
    let of_group = |group| {
        let MachinesOfBase { base, machines }: &MachinesOfBase<'_> = group;
        let machines = machines.iter();
        machines.map(move |machine| (machine.hostname.as_str(), base.arch))
    };
    let mut names: Vec<_> = groups.iter().flat_map(of_group).collect();
    names.sort_unstable();
    let items = names.iter().fold(String::new(), |mut items, (name, arch)| {
        // Writing to a String does not fail.
        let _ = write!(items, "item {name} {name}");
        if several {
            let _ = write!(items, " ({arch})");
        }
        items.push('\n');
        items
    });
    format!(
        "\
#!ipxe
# Each machine's own script: by the MAC address it boots from, or by the host name that DHCP gave
# it.
chain --autofree {MACHINES}/${{mac:hexhyp}}.ipxe ||
chain --autofree {NODES}/${{hostname}}.ipxe ||
:unknown
echo No node has the MAC address ${{mac}} (UUID ${{uuid}}, serial ${{serial}}, host name ${{hostname}})
menu No node has the MAC address ${{mac}}: which one is this?
{items}item --gap
item _shell iPXE shell
choose node || goto unknown
iseq ${{node}} _shell && goto shell ||
chain {NODES}/${{node}}.ipxe || goto unknown
:shell
shell
goto unknown
"
    )
}

/// Refuses nodes with the same name or MAC address, which could not be told apart.
fn check_unique(machines: &[&Machine<'_>]) -> Result<()> {
    let mut names = BTreeSet::new();
    let mut macs: BTreeMap<&MacAddr, &str> = BTreeMap::new();
    for machine in machines {
        let name = machine.hostname.as_str();
        ensure!(names.insert(name), "two nodes are named {name}");
        for Card { mac, .. } in machine.cards {
            if let Some(other) = macs.insert(mac, name) {
                ensure!(
                    other == name,
                    "{other} and {name} have the same MAC address {mac}"
                );
            }
        }
    }
    Ok(())
}

/// Copies `source` into the folder.
fn copy(root: &Path, name: &str, source: &Path, progress: &dyn Progress) -> Result<()> {
    let (file, length) = crate::formats::open(source)?;
    let mut out = create(root, name, 0o666)?;
    progress.start(&format!("copying {name}"), Some(length));
    super::copy(&file, source, length, &mut out, progress)?;
    progress.finish();
    Ok(())
}

/// Creates the folder `name` with its parents.
fn create_dir(root: &Path, name: &str) -> Result<()> {
    fs::create_dir_all(root.join(name)).with_context(|| format!("creating {name}/"))
}

fn create(root: &Path, name: &str, mode: u32) -> Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(root.join(name))
        .with_context(|| format!("creating {name}"))
}

fn write(root: &Path, name: &str, text: &str) -> Result<()> {
    create(root, name, 0o666)?
        .write_all(text.as_bytes())
        .with_context(|| format!("writing {name}"))
}
