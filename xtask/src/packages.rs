//! The Debian packages that the tests need, and how they are installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use crate::qemu_release;
use crate::steps::{output, run};

/// A package and why the tests want it.
struct Package {
    name: &'static str,
    reason: &'static str,
    /// The program that it is wanted for, where other packages, which it conflicts with, bring the
    /// same.
    program: Option<&'static str>,
}

const fn package(name: &'static str, reason: &'static str) -> Package {
    Package {
        name,
        reason,
        program: None,
    }
}

impl Package {
    const fn unless(self, program: &'static str) -> Self {
        Self {
            program: Some(program),
            ..self
        }
    }

    fn is_there(&self) -> bool {
        let program = self.program.map(|it| format!("command -v {it}"));
        program.is_some_and(|it| output("sh", &["-c", &it]).is_some()) || is_installed(self.name)
    }
}

/// Everything that tests run and that is not built here. The only list: a test that needs more adds
/// a line.
const PACKAGES: [Package; 62] = [
    package("apache2-utils", "htpasswd, for a registry with a login"),
    package(
        "bind9-dnsutils",
        "dig, in an image that Kubernetes' conformance suite asks for",
    ),
    package(
        "buildah",
        "reads stores of images, and makes containers of them, as CRI-O does",
    ),
    package("busybox-static", "its shell reads stage 0's script"),
    package("containerd", "takes our images, and judges its settings"),
    package("cpio", "reads our archives"),
    package("cryptsetup-bin", "checks the hash trees of images"),
    package(
        "curl",
        "sends requests to a real API server that it must refuse",
    ),
    package("dash", "the nodes' /bin/sh, reads the scripts of the base"),
    package(
        "debian-archive-keyring",
        "the keys by which packages of the base are trusted",
    ),
    package("dnsmasq-base", "checks the settings of the PXE tree"),
    package("docker-registry", "the registry that images come from"),
    package("dosfstools", "fsck.fat checks the EFI partition"),
    package("etcd-server", "keeps a real API server's objects"),
    package("gdisk", "sgdisk checks the partition tables"),
    package("genisoimage", "isoinfo reads our ISOs"),
    package(
        "gir1.2-nm-1.0",
        "NetworkManager's own library reads our keyfiles",
    ),
    package("gpg", "signs kernels and initrds, as their makers do"),
    package("gpg-agent", "keeps the keys of those makers"),
    package("gpgv", "checks such signatures, for imgbuild itself"),
    package("groff-base", "reads our manual pages").unless("groff"),
    package("gzip", "unpacks our compressed payloads"),
    package("haproxy", "leads a node's clients to the API servers"),
    package("ignition", "ignition-validate judges our configs"),
    package("iproute2", "ip makes the links that networkd is tried on"),
    package("iptables", "redirects connections as kube-proxy does"),
    package("ipxe-qemu", "iPXE in the network card, for the PXE tree"),
    package(
        "isolinux",
        "the BIOS boot loader of the ISOs that tests make",
    ),
    package("keepalived", "holds the address that control planes share"),
    package("kmod", "depmod judges our indexes of kernel modules"),
    package("kubernetes-client", "kubectl judges our kubeconfigs").unless("kubectl"),
    package("libssl-dev", "coreos-installer is built with it"),
    package("libzstd-dev", "coreos-installer is built with it"),
    package("mmdebstrap", "builds the reference tree of the base"),
    package("mtools", "mdir reads the EFI partition"),
    package(
        "netcat-openbsd",
        "nc, in an image that Kubernetes' conformance suite asks for",
    ),
    package("nftables", "nft checks our packet filters"),
    package(
        "openssh-client",
        "asks the booted nodes; makes their test keys",
    ),
    package("openssl", "judges our certificates"),
    package("ovmf", "UEFI for amd64 machines, with Secure Boot"),
    package("perl-base", "crypt(3) judges our password hashes"),
    package("pkg-config", "finds what coreos-installer is built with").unless("pkg-config"),
    package("procps", "sysctl, which reads the base's kernel parameters"),
    package("python3-gi", "lets Python ask that library"),
    package(
        "python3-jsonschema",
        "judges our JSON Schema, and manifests by Kubernetes'",
    ),
    package(
        "python3-minimal",
        "answers the connections that go through packet filters",
    ),
    package("python3-pip", "fetches Kubernetes' JSON schemas"),
    package("python3-yaml", "reads manifests as Kubernetes does"),
    package("qemu-efi-aarch64", "UEFI for arm64 machines"),
    package("qemu-system-arm", "boots arm64 nodes"),
    package("qemu-system-x86", "boots amd64 nodes"),
    package("selinux-utils", "matchpathcon judges our labels"),
    package("skopeo", "reads and pushes our images"),
    package("squashfs-tools", "unsquashfs reads our root image"),
    package("squashfs-tools-ng", "rdsquashfs reads our images' labels"),
    package("syslinux-common", "the rest of that boot loader"),
    package("systemd", "systemd-analyze judges our units"),
    package(
        "time",
        "measures the peak memory of what the benchmark runs",
    ),
    package(
        "util-linux",
        "unshare makes namespaces for tests of full disks",
    ),
    package("xorriso", "reads our ISOs' boot records"),
    package("xz-utils", "compresses archives that are read back"),
    package("zstd", "unpacks our compressed payloads"),
];

/// Installs what is missing and returns a note of it.
pub fn install() -> anyhow::Result<String> {
    let missing: Vec<&Package> = PACKAGES
        .iter()
        .filter(|package| !package.is_there())
        .collect();
    let old_qemu = qemu_release::is_too_old();
    if missing.is_empty() && !old_qemu {
        return Ok("nothing was missing".to_owned());
    }
    for package in &missing {
        println!("missing: {} ({})", package.name, package.reason);
    }
    let mut wanted: Vec<&str> = missing.iter().map(|package| package.name).collect();
    if output("apt-get", &["--version"]).is_none() {
        bail!(
            "this machine has no apt; please install by hand: {}",
            wanted.join(", ")
        );
    }
    // Lists and an added suite in our own folder: the machine's configuration is left unchanged.
    let private = Path::new("target/xtask/apt");
    fs::create_dir_all(private.join("lists/partial")).context("creating a folder for apt")?;
    let private = private
        .canonicalize()
        .context("finding the folder for apt")?;
    let newer =
        qemu_release::newer_suite(old_qemu || wanted.iter().any(|n| n.starts_with("qemu-system")))?;
    let mut sources = fs::read_to_string("/etc/apt/sources.list").unwrap_or_default();
    if let Some(suite) = &newer {
        sources = format!("{sources}\n{}\n", suite.source);
    }
    let file = private.join("sources.list");
    fs::write(&file, sources).context("writing apt's sources")?;
    let options = [
        format!("Dir::Etc::sourcelist={}", file.display()),
        format!("Dir::State::lists={}", private.join("lists").display()),
        "DPkg::Lock::Timeout=300".to_owned(),
        "Acquire::Retries=3".to_owned(),
    ];
    run(apt(&options)?.arg("update"))?;
    let note = match &newer {
        Some(suite) => format!("installed {} (QEMU from {})", wanted.join(", "), suite.name),
        None => format!("installed {}", wanted.join(", ")),
    };
    let common = ["install", "--yes", "--no-install-recommends"];
    if let Some(suite) = newer {
        run(apt(&options)?
            .args(common)
            .args(["-t", &suite.name])
            .args(qemu_release::PACKAGES))?;
        wanted.retain(|name| !qemu_release::PACKAGES.contains(name));
    }
    if !wanted.is_empty() {
        run(apt(&options)?.args(common).args(&wanted))?;
    }
    Ok(note)
}

fn is_installed(package: &str) -> bool {
    output("dpkg-query", &["-W", "-f", "${db:Status-Status}", package])
        .is_some_and(|status| status == "installed")
}

/// `apt-get` with `options`, as root.
fn apt(options: &[String]) -> anyhow::Result<Command> {
    let user = output("id", &["-u"]).context("reading the user's id")?;
    let mut command = if user.trim() == "0" {
        Command::new("apt-get")
    } else if output("sudo", &["-n", "true"]).is_some() {
        let mut command = Command::new("sudo");
        command.args(["-n", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        command
    } else {
        bail!("installing packages requires root, or sudo without a password");
    };
    command.env("DEBIAN_FRONTEND", "noninteractive").arg("-q");
    for option in options {
        command.args(["-o", option]);
    }
    Ok(command)
}
