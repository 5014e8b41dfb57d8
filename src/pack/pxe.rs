//! Writes a folder to boot machines from over the network: one kernel and base initrd, and a
//! payload and a script for each node.
//!
//! Scripts are for iPXE (ipxe.org/scripting); their paths are relative, so that the folder can be
//! served by HTTP and TFTP.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek as _, Write as _};
use std::iter;
use std::net::Ipv4Addr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result, ensure};
use ipnet::Ipv4Net;

use crate::base::Base;
use crate::names::{Arch, MacAddr};
use crate::progress::Progress;

use super::output::OutputFolder;
use super::{Card, Compression, Machine, command_line};

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

/// Writes the folder `path` for `machines`, atomically. It replaces only a folder that was made in
/// this way.
///
/// Payloads contain secrets, so their mode is 0600.
pub fn pxe(
    path: &Path,
    base: &Base,
    machines: &[Machine<'_>],
    progress: &dyn Progress,
) -> Result<()> {
    check_unique(machines)?;
    let folder = OutputFolder::create(path, false)?;
    let root = folder.path();
    for name in [NODES, MACHINES] {
        fs::create_dir(root.join(name)).with_context(|| format!("creating {name}/"))?;
    }

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

    write(root, "boot.ipxe", &boot_script(machines))?;
    write(root, "dnsmasq.conf", &dnsmasq(base.arch, machines))?;
    progress.start("packing the nodes", Some(machines.len() as u64));
    nodes(root, base, machines, progress)?;
    progress.finish();
    folder.commit()
}

/// Writes each node's files, with as many threads as there are processors.
fn nodes(
    root: &Path,
    base: &Base,
    machines: &[Machine<'_>],
    progress: &dyn Progress,
) -> Result<()> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = machines.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let workers: Vec<_> = machines
            .chunks(share)
            .map(|chunk| {
                scope.spawn(move || {
                    chunk.iter().try_for_each(|machine| {
                        progress.advance(1);
                        node(root, base, machine)
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

fn node(root: &Path, base: &Base, machine: &Machine<'_>) -> Result<()> {
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
        let _ = writeln!(lines, "initrd ../{initrd}");
    }
    let script = format!(
        "\
#!ipxe
echo Starting {name}
kernel ../{KERNEL} {words}initrd={payload} {arguments}
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
fn boot_script(machines: &[Machine<'_>]) -> String {
    let mut names: Vec<_> = machines.iter().map(|m| m.hostname.as_str()).collect();
    names.sort_unstable();
    let items = names.iter().fold(String::new(), |mut items, name| {
        // Writing to a String does not fail.
        let _ = writeln!(items, "item {name} {name}");
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

/// A configuration of dnsmasq(8) that serves the folder. It gives machines the addresses that their
/// nodes have; the rest of what depends on the network is left for the user to fill in.
fn dnsmasq(arch: Arch, machines: &[Machine<'_>]) -> String {
    // Client system architectures: RFC 4578 §2.1 and the IANA registry "Processor Architecture
    // Types".
    let (architectures, proxy): (&[(&str, &str, &str)], &str) = match arch {
        Arch::Amd64 => (
            &[
                ("bios", "0", "undionly.kpxe"),
                ("efi", "7", "ipxe.efi"),
                ("efi", "9", "ipxe.efi"),
            ],
            "\
#pxe-service=tag:!ipxe,x86PC,\"iPXE\",undionly.kpxe
#pxe-service=tag:!ipxe,X86-64_EFI,\"iPXE\",ipxe.efi
#pxe-service=tag:ipxe,x86PC,\"imgbuild\",boot.ipxe
#pxe-service=tag:ipxe,X86-64_EFI,\"imgbuild\",boot.ipxe
",
        ),
        Arch::Arm64 => (
            &[("efi", "11", "ipxe-arm64.efi")],
            "\
#pxe-service=tag:!ipxe,ARM64_EFI,\"iPXE\",ipxe-arm64.efi
#pxe-service=tag:ipxe,ARM64_EFI,\"imgbuild\",boot.ipxe
",
        ),
    };
    let mut text = "\
# dnsmasq: boots the machines of this folder over the network.
#
# 1. Put iPXE's own files beside this one (Debian: package `ipxe`, /usr/lib/ipxe/).
# 2. Fill in the folder below, then: dnsmasq --conf-file=dnsmasq.conf
# 3. Payloads (nodes/*.cpio.gz) hold secrets and are readable by their owner alone: let the user
#    that dnsmasq runs as own them, and serve them on a network that you trust.

# This folder, as an absolute path:
#tftp-root=/srv/pxe

{ranges}
enable-tftp
port=0
dhcp-userclass=set:ipxe,iPXE
"
    .replace("{ranges}", &ranges(machines));
    let mut tags = BTreeMap::new();
    for (tag, number, loader) in architectures {
        // Writing to a String does not fail, here and below.
        let _ = writeln!(text, "dhcp-match=set:{tag},option:client-arch,{number}");
        tags.insert(tag, loader);
    }
    for (tag, loader) in tags {
        let _ = writeln!(text, "dhcp-boot=tag:!ipxe,tag:{tag},{loader}");
    }
    text.push_str(
        "\
dhcp-boot=tag:ipxe,boot.ipxe
# Over HTTP, which is faster, when a web server serves this folder:
#dhcp-boot=tag:ipxe,http://192.168.1.1/boot.ipxe

",
    );
    for machine in machines {
        for card in machine.cards {
            let _ = write!(text, "dhcp-host={},{}", card.mac, machine.hostname);
            if let Some(address) = card.address {
                let _ = write!(text, ",{}", address.addr());
            }
            text.push('\n');
        }
    }
    text.push('\n');
    text.push_str(proxy);
    text
}

/// The networks in which dnsmasq gives out addresses: those of the nodes, to the nodes alone.
fn ranges(machines: &[Machine<'_>]) -> String {
    let mut networks: BTreeMap<Ipv4Net, Option<Ipv4Addr>> = BTreeMap::new();
    for card in machines.iter().flat_map(|machine| machine.cards) {
        if let Some(address) = card.address {
            let gateway = networks.entry(address.trunc()).or_default();
            *gateway = gateway.or(card.gateway);
        }
    }
    let mut text = String::new();
    // Writing to a String does not fail, here and below.
    if !networks.is_empty() {
        text.push_str("# The nodes' own addresses (dhcp-host below); no other machine gets one.\n");
    }
    for (number, (network, gateway)) in networks.iter().enumerate() {
        let (start, mask) = (network.network(), network.netmask());
        let _ = writeln!(text, "dhcp-range=set:net{number},{start},static,{mask}");
        if let Some(gateway) = gateway {
            let _ = writeln!(text, "dhcp-option=tag:net{number},option:router,{gateway}");
        }
    }
    let example = networks.keys().next().copied().unwrap_or(EXAMPLE);
    let host = |number: u32| Ipv4Addr::from(u32::from(example.network()) | number);
    let _ = write!(
        text,
        "\
# Addresses to give out to others:
#dhcp-range={},{},12h
# … or, beside another DHCP server and in place of the lines above, its network, with the
# pxe-service lines at the end:
#dhcp-range={},proxy
",
        host(100),
        host(199),
        example.network()
    );
    text
}

/// A network for examples, where the nodes have none.
const EXAMPLE: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 1, 0), 24);

/// Refuses nodes with the same name or MAC address, which could not be told apart.
fn check_unique(machines: &[Machine<'_>]) -> Result<()> {
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
