//! `cargo xtask bench`: imgbuild and its peers side by side, in one run on one machine.
//!
//! Each line is the median of several runs, all files in the page cache. Nothing passes or fails by
//! its figures: people read them. Peers that are not installed are left out with a note; figures of
//! peers without a package were measured once on a machine with two cores and are marked so.

mod measure;
mod table;

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use clap::Args;

use crate::coreos_installer;
use crate::steps::{command, output, run};
use measure::{Measured, measure};
use table::Table;

#[derive(Args)]
pub struct Options {
    /// Run everything once, to check that it works; skips what takes minutes
    #[arg(long)]
    pub quick: bool,
    /// Also build the base from cached packages, beside mmdebstrap and mksquashfs (takes minutes)
    #[arg(long)]
    pub base: bool,
}

/// How many nodes the large cluster has.
const NODES: usize = 1000;

/// How often what takes milliseconds is run, and what takes seconds.
struct Rounds {
    short: usize,
    long: usize,
}

/// Measures everything and prints the table.
pub fn everything(options: &Options) -> anyhow::Result<bool> {
    command("cargo", &["build", "--release", "--locked"])?;
    let rounds = if options.quick {
        Rounds { short: 1, long: 1 }
    } else {
        Rounds { short: 21, long: 5 }
    };
    let lab = Lab::new()?;
    let mut table = Table::default();
    transpile(&lab, &rounds, &mut table)?;
    payload(&lab, &rounds, &mut table)?;
    embed(&lab, &rounds, &mut table)?;
    iso(&lab, &rounds, &mut table)?;
    cluster(&lab, &rounds, &mut table)?;
    if options.quick {
        table.note("a large cluster of Kubernetes is left out: its keys take a while to make");
    } else {
        kubernetes_cluster(&lab, &rounds, &mut table)?;
    }
    if options.base && !options.quick {
        base(&lab, &mut table)?;
    } else {
        table.note("the base from cached packages is measured with --base only");
    }
    table.print();
    Ok(true)
}

/// Where the benchmark works, and the program that it measures.
struct Lab {
    folder: PathBuf,
    program: PathBuf,
}

impl Lab {
    /// An empty folder below `target/`.
    fn new() -> anyhow::Result<Self> {
        let folder = PathBuf::from("target/xtask/bench");
        if folder.exists() {
            fs::remove_dir_all(&folder).context("emptying the benchmark's folder")?;
        }
        fs::create_dir_all(&folder).context("creating the benchmark's folder")?;
        let program = Path::new("target/release/imgbuild").canonicalize();
        let lab = Self {
            folder: folder
                .canonicalize()
                .context("finding the benchmark's folder")?,
            program: program.context("finding imgbuild")?,
        };
        lab.write("node.yaml", &node("kube1", 10))?;
        let nodes: Vec<String> = (0..NODES)
            .map(|n| format!("  - hostname: n{n}\n{}", interface(n, "    ")))
            .collect();
        lab.write(
            "cluster.yaml",
            &format!(
                "version: 1\ncluster: {{name: bench}}\nnodes:\n{}",
                nodes.concat()
            ),
        )?;
        Ok(lab)
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        fs::write(self.folder.join(name), text).with_context(|| format!("writing {name}"))
    }

    /// `program ARGUMENTS` in the lab's folder.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder);
        command
    }

    fn measure(
        &self,
        rounds: usize,
        program: &Path,
        arguments: &[&str],
    ) -> anyhow::Result<Measured> {
        measure(rounds, || self.command(program, arguments))
    }

    fn imgbuild(&self, rounds: usize, arguments: &[&str]) -> anyhow::Result<Measured> {
        self.measure(rounds, &self.program, arguments)
    }

    /// The same with keys that are made in each run, in a folder named after `keys`.
    fn imgbuild_with_new_keys(
        &self,
        rounds: usize,
        arguments: &[&str],
        keys: &str,
    ) -> anyhow::Result<Measured> {
        let runs = Cell::new(0);
        measure(rounds, || {
            runs.set(runs.get() + 1);
            let mut command = self.command(&self.program, arguments);
            command.arg(format!("--keys={keys}-{}", runs.get()));
            command
        })
    }

    /// The peer's figures, where it is installed.
    fn peer(
        &self,
        rounds: usize,
        program: &str,
        arguments: &[&str],
    ) -> anyhow::Result<Option<Measured>> {
        if output("sh", &["-c", &format!("command -v {program}")]).is_none() {
            return Ok(None);
        }
        self.measure(rounds, Path::new(program), arguments)
            .map(Some)
    }

    /// The figures of the coreos-installer that the tests use, or else of the one that is
    /// installed.
    fn coreos_installer(
        &self,
        rounds: usize,
        arguments: &[&str],
    ) -> anyhow::Result<Option<Measured>> {
        match coreos_installer::program() {
            Some(program) => self.measure(rounds, &program, arguments).map(Some),
            None => self.peer(rounds, "coreos-installer", arguments),
        }
    }
}

/// A node with etcd and what else a spec usually has.
fn node(hostname: &str, number: usize) -> String {
    format!(
        "\
version: 1
hostname: {hostname}
users:
  - {{name: core, groups: [sudo], ssh_authorized_keys: ['{KEY}']}}
storage_device: /dev/vda
etcd: {{}}
sysctls: {{vm.max_map_count: 262144}}
modules: [br_netfilter]
{}",
        interface(number, "")
    )
}

/// A public key (Ed25519, all zeros) that opens nothing.
const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA bench";

/// The network of node `number`, each line after `indent`.
fn interface(number: usize, indent: &str) -> String {
    let (high, low) = (number / 250, number % 250 + 1);
    let mac = format!("52:54:00:00:{high:02x}:{low:02x}");
    format!(
        "{indent}network:\n{indent}  interfaces:\n{indent}    \
         - {{mac: '{mac}', addresses: [10.0.{high}.{low}/16], gateway: 10.0.255.254}}\n"
    )
}

/// The spec alone, to Ignition; keys are there already.
fn transpile(lab: &Lab, rounds: &Rounds, table: &mut Table) -> anyhow::Result<()> {
    table.section("node.yaml to Ignition, whole process");
    let arguments = ["node.yaml", "-o", "node.ign"];
    // The first run makes the keys.
    run(&mut lab.command(&lab.program, &arguments))?;
    let with_keys = lab.imgbuild(rounds.short, &arguments)?;
    // What `ct` and Butane can be asked for has no keys to check.
    lab.write("plain.yaml", &node("kube1", 10).replace("etcd: {}\n", ""))?;
    let plain = ["plain.yaml", "-o", "plain.ign"];
    table.ours(&lab.imgbuild(rounds.short, &plain)?);
    table.also("imgbuild, with etcd and its keys", &with_keys);
    // Keys and certificates of a whole control plane, each read and checked again.
    let role = "kubernetes: {version: 1.36.2, role: single, pod_network: 10.128.0.0/16}\n";
    lab.write("single.yaml", &(node("kube1", 10) + role))?;
    let single = ["single.yaml", "-o", "single.ign", "--keys", "single-keys"];
    run(&mut lab.command(&lab.program, &single))?;
    table.also(
        "imgbuild, with a control plane and its keys",
        &lab.imgbuild(rounds.short, &single)?,
    );
    table.also(
        "the same, its keys made and on the disk",
        &lab.imgbuild_with_new_keys(rounds.short, &single[..3], "new-keys")?,
    );
    table.known("ct", "4 ms for a small config");
    table.known("butane", "7 ms for a small config");
    Ok(())
}

/// A payload for a base initrd.
fn payload(lab: &Lab, rounds: &Rounds, table: &mut Table) -> anyhow::Result<()> {
    table.section("node.yaml into an initrd payload");
    table.ours(&lab.imgbuild(rounds.short, &["node.yaml", "-o", "node.cpio.gz"])?);
    table.section("Ignition config into a payload for Fedora CoreOS, to standard output");
    let wrap = ["embed", "--pxe", "--ignition", "node.ign", "-o", "-"];
    table.ours(&lab.imgbuild(rounds.short, &wrap)?);
    let wrap = ["pxe", "ignition", "wrap", "-i", "node.ign"];
    table.peer(
        "coreos-installer pxe ignition wrap",
        lab.coreos_installer(rounds.short, &wrap)?,
        "52 ms, 72 MB",
    );
    Ok(())
}

/// A config in a live ISO: a trimmed one of the peer's own test images.
fn embed(lab: &Lab, rounds: &Rounds, table: &mut Table) -> anyhow::Result<()> {
    let Some(packed) = coreos_installer::live_image() else {
        table.note("embedding is not measured: `cargo xtask prepare` fetches coreos-installer's test images");
        return Ok(());
    };
    let iso = Command::new("xz")
        .args(["--decompress", "--stdout"])
        .arg(&packed)
        .output()
        .context("starting xz, of Debian's package xz-utils")?;
    if !iso.status.success() {
        bail!("unpacking {} failed", packed.display());
    }
    fs::write(lab.folder.join("live.iso"), iso.stdout).context("writing the live ISO")?;
    table.section("Ignition config into a live ISO of 1 MB, to standard output");
    let ours = ["embed", "live.iso", "--ignition", "node.ign", "-o", "-"];
    table.ours(&lab.imgbuild(rounds.short, &ours)?);
    let theirs = [
        "iso", "ignition", "embed", "-i", "node.ign", "-o", "-", "live.iso",
    ];
    table.peer(
        "coreos-installer iso ignition embed",
        lab.coreos_installer(rounds.short, &theirs)?,
        "",
    );
    Ok(())
}

/// A bootable ISO from a base in the cache.
fn iso(lab: &Lab, rounds: &Rounds, table: &mut Table) -> anyhow::Result<()> {
    let arguments = ["node.yaml", "-o", "node.iso"];
    run(&mut lab.command(&lab.program, &arguments))?;
    let iso = lab.folder.join("node.iso");
    let bytes = fs::metadata(&iso)
        .context("reading the size of the ISO")?
        .len();
    table.section(&format!(
        "ISO of {} MB from a cached base",
        bytes / 1_000_000
    ));
    table.ours(&lab.imgbuild(rounds.long, &arguments)?);
    let copy = ["--reflink=never", "node.iso", "copy.iso"];
    table.peer(
        "cp of the same bytes",
        lab.peer(rounds.long, "cp", &copy)?,
        "",
    );
    // What cp does, and then on the disk, as imgbuild's output is.
    let durable = [
        "if=node.iso",
        "of=copy.iso",
        "bs=1M",
        "conv=fsync",
        "status=none",
    ];
    table.peer(
        "dd of the same bytes, fsync",
        lab.peer(rounds.long, "dd", &durable)?,
        "",
    );
    if output("xorriso", &["-version"]).is_some() {
        let tree = lab.folder.join("iso-tree");
        let extract = [
            "-osirrox", "on", "-indev", "node.iso", "-extract", "/", "iso-tree",
        ];
        run(lab.command("xorriso", &extract).env("LC_ALL", "C"))?;
        make_writable(&tree)?;
        let make = [
            "-as", "mkisofs", "-quiet", "-R", "-J", "-o", "peer.iso", "iso-tree",
        ];
        let measured = lab.peer(rounds.long, "xorriso", &make)?;
        table.peer("xorriso -as mkisofs of the same files", measured, "");
    } else {
        table.peer("xorriso -as mkisofs", None, "0.70 s");
    }
    Ok(())
}

/// Makes what was extracted from a read-only medium removable again.
fn make_writable(tree: &Path) -> anyhow::Result<()> {
    run(Command::new("chmod").args(["-R", "u+w"]).arg(tree))
}

/// A PXE tree for many nodes.
fn cluster(lab: &Lab, rounds: &Rounds, table: &mut Table) -> anyhow::Result<()> {
    table.section(&format!("PXE tree of {NODES} nodes"));
    let arguments = ["cluster.yaml", "-o", "tree", "--format", "pxe"];
    table.ours(&lab.imgbuild(rounds.long, &arguments)?);
    let tree = lab.folder.join("tree/nodes");
    let mut bytes = 0;
    for entry in fs::read_dir(&tree).context("reading the PXE tree")? {
        let entry = entry.context("reading the PXE tree")?;
        bytes += entry.metadata().context("reading the PXE tree")?.len();
    }
    let each = bytes / u64::try_from(NODES).unwrap_or(u64::MAX);
    table.note(&format!(
        "each node of the tree takes {each} bytes beside the base"
    ));
    Ok(())
}

/// The configs of one cluster of Kubernetes: three control planes, else workers, each with its
/// share of the cluster's keys.
fn kubernetes_cluster(lab: &Lab, rounds: &Rounds, table: &mut Table) -> anyhow::Result<()> {
    table.section(&format!("Ignition configs of one cluster of {NODES} nodes"));
    let nodes: Vec<String> = (0..NODES)
        .map(|n| {
            let (role, etcd) = match n {
                0..3 => ("control-plane", "    etcd: {}\n"),
                _ => ("worker", ""),
            };
            let network = interface(n, "    ");
            format!("  - hostname: n{n}\n{network}{etcd}    kubernetes: {{role: {role}}}\n")
        })
        .collect();
    let common =
        "kubernetes: {version: 1.36.2, pod_network: 10.128.0.0/12, service_network: 172.20.0.0/16}";
    lab.write(
        "kubernetes.yaml",
        &format!(
            "version: 1\ncluster: {{name: bench}}\n{common}\nnodes:\n{}",
            nodes.concat()
        ),
    )?;
    let arguments = [
        "kubernetes.yaml",
        "-o",
        "configs/",
        "--format",
        "ignition",
        "--keys",
        "cluster-keys",
    ];
    // The first run makes the keys.
    run(&mut lab.command(&lab.program, &arguments))?;
    table.ours(&lab.imgbuild(rounds.long, &arguments)?);
    table.also(
        "the same, its keys made and on the disk",
        &lab.imgbuild_with_new_keys(rounds.long, &arguments[..5], "new-cluster-keys")?,
    );
    Ok(())
}

/// The base from packages that are in the cache, beside mmdebstrap and mksquashfs.
fn base(lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    table.section("base image from cached packages");
    let cache = user_cache()?;
    let own = lab.folder.join("cache");
    run(Command::new("cp")
        .args(["-a", "--reflink=auto"])
        .arg(&cache)
        .arg(&own))?;
    let bases = own.join("bases");
    if !bases.exists() {
        bail!(
            "{} has no folder of bases: build something first",
            cache.display()
        );
    }
    fs::remove_dir_all(&bases).context("removing the copied bases")?;
    let own = own.display().to_string();
    let arguments = ["node.yaml", "-o", "node.iso", "--offline", "--cache", &own];
    table.ours(&lab.imgbuild(1, &arguments)?);
    table.known("mmdebstrap and mksquashfs", "about 2 min");
    Ok(())
}

/// The user's cache of imgbuild.
fn user_cache() -> anyhow::Result<PathBuf> {
    if let Some(cache) = std::env::var_os("IMGBUILD_CACHE") {
        return Ok(cache.into());
    }
    let caches = match std::env::var_os("XDG_CACHE_HOME") {
        Some(caches) => PathBuf::from(caches),
        None => PathBuf::from(std::env::var_os("HOME").context("finding the home folder")?)
            .join(".cache"),
    };
    Ok(caches.join("imgbuild"))
}
