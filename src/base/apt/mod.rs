//! Runs the host's apt with folders of its own below the cache and no other effect on the host: apt
//! resolves the package list, checks the archive's signatures and fetches packages, through
//! whatever proxies the host is configured with.

mod release;
mod settings;
mod uris;

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use sha2::{Digest as _, Sha256};
use x509_cert::der::DateTime;

use super::declared;
use super::microcode;
use super::mirror::Mirror;
use crate::cache::{Cache, Exclusive};
use crate::facts::debian::BaseKind;
use crate::facts::kernel::KernelFlavor;
use crate::lock::indexes::IndexDates;
use crate::lock::{LockedBase, LockedPackage};
use crate::names::Arch;
use crate::progress::Progress;
use release::{Release, Wanted};
use settings::{FIRMWARE_COMPONENT, KEYRING, configuration, sources, suites};
use uris::{parse_uri, quoted};

/// Fetches single files as apt does; part of the package `apt`.
const APT_HELPER: &str = "/usr/lib/apt/apt-helper";

/// About how many bytes one call of [`APT_HELPER`] fetches: progress is reported after each call.
const FETCH_BATCH: u64 = 24 << 20;

/// The parts of apt's folder that are made anew each time that indexes are read: apt trusts what it
/// finds there where the mirror has nothing newer, and a disk may have changed it.
const STATE: [&str; 2] = ["state", "cache"];

/// Apt with its own configuration. Only one run at a time uses it.
#[derive(Debug)]
pub struct Apt {
    mirror: Mirror,
    folder: PathBuf,
    config: PathBuf,
    _exclusive: Exclusive,
}

impl Apt {
    /// Writes apt's configuration into the cache.
    pub fn new(cache: &Cache, kind: &BaseKind, mirror: Mirror) -> Result<Self> {
        let arch = kind.arch;
        let folder = cache.folder(&format!("apt/{arch}"))?;
        let exclusive = cache.exclusive("apt")?;
        let root = folder
            .to_str()
            .filter(|path| !path.contains(['"', '\\', '\n', ' ', ';']))
            .with_context(|| {
                format!(
                    "apt cannot use {}: the path contains special characters",
                    folder.display()
                )
            })?;
        create_state(&folder)?;
        let write = |name: &str, text: &str| {
            fs::write(folder.join(name), text).with_context(|| format!("writing {root}/{name}"))
        };
        write("status", "")?;
        write("sources.list", &sources(kind, &mirror))?;
        write("apt.conf", &configuration(root, arch))?;
        Ok(Self {
            mirror,
            config: folder.join("apt.conf"),
            folder,
            _exclusive: exclusive,
        })
    }

    /// Reads the archive's indexes and resolves the package list. `dates` are those of the indexes
    /// that were used before, and become those of the ones that are used now; `allow_old` takes
    /// older ones and expired ones too.
    pub fn resolve(
        &self,
        kind: &BaseKind,
        dates: &mut IndexDates,
        allow_old: bool,
        progress: &dyn Progress,
    ) -> Result<LockedBase> {
        ensure!(
            Path::new(KEYRING).exists(),
            "{KEYRING} is missing: install the package `debian-archive-keyring`, whose keys verify the packages"
        );
        progress.start("reading package indexes", None);
        for part in STATE {
            let path = self.folder.join(part);
            fs::remove_dir_all(&path).with_context(|| format!("removing {}", path.display()))?;
        }
        create_state(&self.folder)?;
        self.apt_get(&["update"]).with_context(|| {
            format!(
                "reading the indexes of {} and {}",
                self.mirror.main, self.mirror.security
            )
        })?;
        self.check_indexes(kind, dates, allow_old)?;
        progress.finish();

        progress.start("resolving packages", None);
        let list = declared::packages(kind)?;
        let kernel_package = kernel_package(kind);
        let mut arguments = vec!["--yes", "--print-uris", "install", &kernel_package];
        arguments.extend(list.wanted.iter().map(String::as_str));
        let text = self.apt_get(&arguments).context("resolving packages")?;
        let mut packages = self.parse_uris(&text)?;
        packages.retain(|package| list.keeps(&package.name));

        let mut arguments = vec!["--print-uris", "download"];
        arguments.extend(boot_loader_packages(kind.arch));
        let text = self
            .apt_get(&arguments)
            .context("resolving boot loader packages")?;
        let boot_loaders = self.parse_uris(&text)?;
        let firmware = self.resolve_firmware(kind)?;
        progress.finish();
        Ok(LockedBase {
            request: request_hash(kind)?,
            packages,
            boot_loaders,
            firmware,
        })
    }

    /// The packages of firmware and microcode, without what they depend on.
    fn resolve_firmware(&self, kind: &BaseKind) -> Result<Vec<LockedPackage>> {
        let names = firmware_packages(kind)?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let mut arguments = vec!["--print-uris", "download"];
        arguments.extend(names.iter().map(String::as_str));
        let text = self.apt_get(&arguments).with_context(|| {
            format!(
                "resolving firmware packages of the component {FIRMWARE_COMPONENT} (`firmware: none` builds nodes without them)"
            )
        })?;
        self.parse_uris(&text)
    }

    /// Refuses indexes of other suites, and those that are too old.
    fn check_indexes(
        &self,
        kind: &BaseKind,
        dates: &mut IndexDates,
        allow_old: bool,
    ) -> Result<()> {
        let now = DateTime::from_system_time(SystemTime::now())
            .map_err(|_| anyhow!("the system clock is out of range"))?;
        let lists = self.folder.join("state/lists");
        let mut objections = Vec::new();
        for (uri, suite) in suites(kind, &self.mirror) {
            let release = Release::read(&lists, &suite)?;
            let wanted = Wanted {
                uri,
                suite: &suite,
                known: dates.of(&suite),
            };
            objections.extend(release.objection(wanted, now, allow_old));
            dates.set(&suite, release.date);
        }
        ensure!(objections.is_empty(), "{}", objections.join("; "));
        Ok(())
    }

    /// Fetches those of `packages` that the cache lacks.
    pub fn fetch(
        &self,
        cache: &Cache,
        packages: &[&LockedPackage],
        progress: &dyn Progress,
    ) -> Result<()> {
        let work = cache.workspace()?;
        progress.start(
            "fetching packages",
            Some(packages.iter().map(|package| package.size).sum()),
        );
        let mut rest = packages;
        while !rest.is_empty() {
            let mut bytes = 0;
            let count = rest
                .iter()
                .take_while(|package| {
                    let fits = bytes < FETCH_BATCH;
                    bytes += package.size;
                    fits
                })
                .count();
            let (batch, others) = rest.split_at(count);
            self.fetch_batch(work.path(), batch)?;
            for package in batch {
                let name = format!("{}.deb", package.sha256);
                verify(&work.path().join(&name), package)?;
                work.publish(&name, &cache.package(&package.sha256))?;
                progress.advance(package.size);
            }
            rest = others;
        }
        progress.finish();
        Ok(())
    }

    fn fetch_batch(&self, folder: &Path, batch: &[&LockedPackage]) -> Result<()> {
        let mut command = self.command(APT_HELPER);
        command.arg("download-file");
        for package in batch {
            command
                .arg(self.uri(package))
                .arg(folder.join(format!("{}.deb", package.sha256)))
                .arg(format!("SHA256:{}", package.sha256));
        }
        let output = command
            .output()
            .with_context(|| format!("running {APT_HELPER} (Debian package `apt`)"))?;
        if output.status.success() {
            return Ok(());
        }
        let message = String::from_utf8_lossy(&output.stderr);
        for package in batch {
            let failed = format!("Failed to fetch {} ", self.uri(package));
            if let Some(at) = message.find(&failed) {
                let reason = message[at + failed.len()..]
                    .lines()
                    .next()
                    .unwrap_or("")
                    .trim();
                bail!(fetch_failure(
                    package,
                    reason,
                    self.mirror.uri(package.archive)
                ));
            }
        }
        bail!("fetching packages: {}", error_lines(&output));
    }

    fn uri(&self, package: &LockedPackage) -> String {
        let base = self.mirror.uri(package.archive);
        // apt leaves a `file:` where it is; `copy:` makes a copy.
        let base = base
            .strip_prefix("file:")
            .map_or_else(|| base.to_owned(), |path| format!("copy:{path}"));
        format!("{base}/{}", quoted(&package.path))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("LC_ALL", "C")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .arg("-c")
            .arg(&self.config);
        command
    }

    /// Runs apt-get and returns its standard output.
    fn apt_get(&self, arguments: &[&str]) -> Result<String> {
        let output =
            self.command("apt-get").args(arguments).output().context(
                "running apt-get, which is required to build a base (Debian package `apt`)",
            )?;
        ensure!(
            output.status.success(),
            "apt-get {}: {}",
            arguments.first().unwrap_or(&""),
            error_lines(&output)
        );
        String::from_utf8(output.stdout).context("reading the output of apt-get")
    }

    /// Reads what `--print-uris` printed.
    fn parse_uris(&self, text: &str) -> Result<Vec<LockedPackage>> {
        text.lines()
            .filter(|line| line.starts_with('\''))
            .map(|line| {
                parse_uri(line, &self.mirror)
                    .with_context(|| format!("parsing apt's output `{line}`"))
            })
            .collect()
    }
}

/// Creates what apt requires in its folder.
fn create_state(folder: &Path) -> Result<()> {
    for part in ["state/lists/partial", "cache/archives/partial"] {
        let path = folder.join(part);
        fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
    }
    Ok(())
}

/// What the packages of a base are resolved from; changes when the list or the way it is resolved
/// does.
pub fn request_hash(kind: &BaseKind) -> Result<String> {
    let list = declared::packages(kind)?;
    let mut hash = Sha256::new();
    hash.update(format!(
        "{} {} {}\n",
        kind.release.facts().suite,
        kind.arch,
        kernel_package(kind)
    ));
    for name in list
        .wanted
        .iter()
        .map(String::as_str)
        .chain(boot_loader_packages(kind.arch).iter().copied())
    {
        hash.update(format!("{name}\n"));
    }
    for glob in &list.left_out {
        hash.update(format!("-{}\n", glob.as_str()));
    }
    for name in firmware_packages(kind)? {
        hash.update(format!("firmware {name}\n"));
    }
    Ok(crate::text::hex(&hash.finalize()))
}

/// Checks size and hash of a package file.
pub fn verify(path: &Path, package: &LockedPackage) -> Result<()> {
    let reading = || format!("reading {}", path.display());
    let mut file = fs::File::open(path).with_context(reading)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = file.read(&mut buffer).with_context(reading)?;
        if count == 0 {
            break;
        }
        hash.update(&buffer[..count]);
    }
    let found = crate::text::hex(&hash.finalize());
    ensure!(
        found == package.sha256,
        "{} is corrupt: {} has SHA-256 {found}, but imgbuild.lock pins {}",
        package.describe(),
        path.display(),
        package.sha256
    );
    Ok(())
}

fn fetch_failure(package: &LockedPackage, reason: &str, mirror: &str) -> String {
    let name = package.describe();
    let gone = ["404", "File not found", "No such file"];
    if gone.iter().any(|words| reason.contains(words)) {
        format!(
            "the mirror {mirror} no longer has {name}, which imgbuild.lock pins; `imgbuild update` pins the current version"
        )
    } else if reason.contains("mismatch") || reason.contains("unexpected size") {
        format!(
            "{name} no longer matches imgbuild.lock: {mirror}/{} is a different file now ({reason})",
            package.path
        )
    } else {
        format!("fetching {name} from {mirror}: {reason}")
    }
}

/// The lines of apt's errors and warnings, or everything that it printed.
fn error_lines(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("E: ") || line.starts_with("W: "))
        .collect();
    if lines.is_empty() {
        format!("{} ({})", text.trim(), output.status)
    } else {
        lines.join("; ")
    }
}

fn kernel_package(kind: &BaseKind) -> String {
    let arch = kind.arch;
    match kind.kernel {
        KernelFlavor::Generic => format!("linux-image-{arch}"),
        KernelFlavor::Cloud => format!("linux-image-cloud-{arch}"),
    }
}

/// Names of the packages of firmware and microcode, sorted.
fn firmware_packages(kind: &BaseKind) -> Result<BTreeSet<String>> {
    let mut names = declared::firmware_packages(&kind.firmware(), kind.arch)?;
    if kind.has_microcode() {
        names.extend(microcode::PACKAGES.map(str::to_owned));
    }
    Ok(names)
}

fn boot_loader_packages(arch: Arch) -> &'static [&'static str] {
    match arch {
        Arch::Amd64 => &[
            "grub-efi-amd64-signed",
            "isolinux",
            "shim-helpers-amd64-signed",
            "shim-signed",
            "syslinux-common",
        ],
        Arch::Arm64 => &[
            "grub-efi-arm64-signed",
            "shim-helpers-arm64-signed",
            "shim-signed",
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_say_what_to_do() {
        let mirror = Mirror {
            main: "http://m.example/debian".to_owned(),
            security: "http://s.example/debian".to_owned(),
        };
        let package = parse_uri(
            &format!(
                "'http://m.example/debian/pool/b_1_all.deb' b_1_all.deb 1 SHA256:{}",
                "00".repeat(32)
            ),
            &mirror,
        )
        .expect("apt's own format");
        let cases = [
            ("404  Not Found [IP: 192.0.2.1 80]", "`imgbuild update`"),
            (
                "Failed to stat - stat (2: No such file or directory)",
                "`imgbuild update`",
            ),
            ("Hash Sum mismatch", "no longer matches imgbuild.lock"),
            ("Could not connect to m.example:80", "fetching b 1 (all)"),
        ];
        for (reason, expected) in cases {
            let message = fetch_failure(&package, reason, "http://m.example/debian");
            assert!(message.contains(expected), "{reason}: {message}");
            assert!(message.contains("b 1 (all)"), "{message}");
        }
    }
}
