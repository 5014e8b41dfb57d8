//! The tree that mmdebstrap makes of the same packages, maintainer scripts and all, against ours.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use imgbuild::base::{Glob, Mirror};
use imgbuild::facts::debian::BaseKind;
use imgbuild::facts::kernel::KernelFlavor;
use imgbuild::lock::LockedPackage;
use imgbuild::names::Arch;

use crate::base::scan::{Scan, package_of_list};
use crate::base::{real, tools};

/// On which side something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Ours,
    Reference,
    /// On both, and not the same.
    Both,
}
use Side::{Both, Ours, Reference};

/// Every difference that there may be, beside what `configs/base/` declares and removes, with its
/// reason. A pattern covers what is below it.
const EXPLAINED: &[(Side, &str, &str)] = &[
    (Reference, "/dev/*", "devtmpfs has the devices"),
    (
        Reference,
        "/etc/.pwd.lock",
        "left over from tools that change accounts",
    ),
    (
        Reference,
        "/etc/group-",
        "left over from tools that change accounts",
    ),
    (
        Reference,
        "/etc/gshadow-",
        "left over from tools that change accounts",
    ),
    (
        Reference,
        "/etc/passwd-",
        "left over from tools that change accounts",
    ),
    (
        Reference,
        "/etc/shadow-",
        "left over from tools that change accounts",
    ),
    (Reference, "/etc/subgid", "empty"),
    (
        Ours,
        "/usr/lib/firmware",
        "what drivers ask for, of packages that are not installed: see `real_firmware`",
    ),
    (Ours, "/usr/share/doc", "the licenses of firmware"),
    (Reference, "/etc/subuid", "empty"),
    (
        Both,
        "/etc/group",
        "ids of our own that never change; accounts are compared by name",
    ),
    (
        Both,
        "/etc/gshadow",
        "ids of our own that never change; accounts are compared by name",
    ),
    (
        Both,
        "/etc/passwd",
        "ids of our own that never change; accounts are compared by name",
    ),
    (
        Both,
        "/etc/shadow",
        "no dates of password changes; accounts are compared by name",
    ),
    (
        Reference,
        "/etc/.resolv.conf.systemd-resolved.bak",
        "mmdebstrap's resolv.conf",
    ),
    (Reference, "/etc/fstab", "mmdebstrap's"),
    (Reference, "/etc/hostname", "the node's spec has it"),
    (Reference, "/etc/hosts", "the node's spec has it"),
    (Reference, "/etc/machine-id", "made on each node"),
    (Reference, "/etc/ssh/ssh_host_*", "made on each node"),
    (
        Reference,
        "/etc/alternatives/*.gz",
        "manual pages are left out",
    ),
    (
        Both,
        "/etc/ca-certificates.conf",
        "without the comment at its start",
    ),
    (
        Reference,
        "/etc/default/locale",
        "tmpfiles.d makes it at boot",
    ),
    (
        Reference,
        "/etc/vconsole.conf",
        "tmpfiles.d makes it at boot",
    ),
    (Reference, "/root/.ssh", "tmpfiles.d makes it at boot"),
    (Reference, "/run/*", "a tmpfs"),
    (Reference, "/var/lib/private", "tmpfiles.d makes it at boot"),
    (
        Reference,
        "/var/lib/systemd/*",
        "tmpfiles.d makes what is needed of it at boot",
    ),
    (Reference, "/var/lib/wtmpdb", "tmpfiles.d makes it at boot"),
    (
        Reference,
        "/etc/default/mdadm",
        "answers to questions of mdadm's package",
    ),
    (Reference, "/etc/mdadm", "arrays are what Ignition says"),
    (Reference, "/etc/hosts.allow", "comments only"),
    (Reference, "/etc/hosts.deny", "comments only"),
    (Reference, "/etc/inputrc", "readline's own defaults do"),
    (
        Reference,
        "/etc/networks",
        "names of networks, which nothing asks for",
    ),
    (Reference, "/etc/modules", "comments only"),
    (
        Reference,
        "/etc/ld.so.cache",
        "the loader finds libraries in their folder without it",
    ),
    (Reference, "/etc/rc?.d", "System V's init is not there"),
    (
        Reference,
        "/etc/systemd/system/*",
        "systemd applies the presets at every boot",
    ),
    (
        Reference,
        "/etc/systemd/user/*",
        "systemd applies the presets at every boot",
    ),
    (
        Reference,
        "/usr/local/*",
        "a link to where changes are kept",
    ),
    (
        Reference,
        "/usr/lib/python3*",
        "of a package that is left out",
    ),
    (
        Reference,
        "/usr/share/python3*",
        "of a package that is left out",
    ),
    (Reference, "/etc/python3*", "of a package that is left out"),
    (
        Reference,
        "/var/lib/python",
        "of a package that is left out",
    ),
    (Reference, "/var/lib/pam", "pam-auth-update's memory"),
    (Reference, "/var/lib/shells.state", "update-shells' memory"),
    (Both, "/usr/lib/os-release", "names the image as well"),
    (Ours, "/usr/share/imgbuild", "the list of packages"),
    (
        Ours,
        "/var/usrlocal",
        "where /usr/local leads: it lives with what changes",
    ),
    (
        Ours,
        "/usr/lib/modules",
        "mmdebstrap's tree has no kernel: its scripts would build an initrd",
    ),
];

/// mmdebstrap's tree of `packages`.
fn reference(packages: &[LockedPackage], folder: &Path) -> Scan {
    let mirror = Mirror::from_host().expect("the host's mirror");
    let sources = folder.join("sources.list");
    let keyring = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
    let text = format!(
        "deb {keyring} {main} trixie main\ndeb {keyring} {main} trixie-updates main\ndeb {keyring} {security} trixie-security main\n",
        main = mirror.main,
        security = mirror.security
    );
    fs::write(&sources, text).expect("write");
    let names: Vec<String> = packages
        .iter()
        // Without the kernel.
        .filter(|package| {
            !package.name.starts_with("linux-") || package.name == "linux-sysctl-defaults"
        })
        .map(|package| format!("{}={}", package.name, package.version))
        .collect();
    let mut child = Command::new("mmdebstrap")
        .args(["--quiet", "--variant=custom", "--format=tar"])
        .arg("--aptopt=APT::Install-Recommends \"false\"")
        .arg(format!("--include={},dpkg", names.join(",")))
        .args(["trixie", "-"])
        .arg(&sources)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("mmdebstrap (Debian package `mmdebstrap`)");
    let scan = Scan::of_tar(child.stdout.take().expect("piped"));
    assert!(
        child.wait().expect("mmdebstrap").success(),
        "mmdebstrap failed"
    );
    scan
}

/// Patterns of `configs/base/remove`, and paths that `configs/base/` declares.
fn declared() -> (Vec<Glob>, BTreeSet<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/base");
    let lines = |name: &str| -> Vec<String> {
        fs::read_to_string(folder.join(name))
            .expect(name)
            .lines()
            .map(|line| line.split('#').next().unwrap_or("").trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect()
    };
    let removed = lines("remove")
        .iter()
        .map(|line| Glob::new(line).expect("a pattern"))
        .collect();
    let mut paths: BTreeSet<String> = lines("links")
        .iter()
        .filter_map(|line| Some(line.split_once(" -> ")?.0.to_owned()))
        .collect();
    paths.extend(
        tools::hashes(&folder.join("root"))
            .into_keys()
            .map(|path| format!("/{}", path.display())),
    );
    (removed, paths)
}

fn covers(pattern: &Glob, path: &str) -> bool {
    pattern.matches(path)
        || path
            .match_indices('/')
            .any(|(at, _)| pattern.matches(&path[..at]))
}

#[test]
#[ignore = "slow: builds the real base, and its packages' tree with mmdebstrap"]
fn the_tree_differs_from_that_of_mmdebstrap_only_as_explained() {
    let (arch, kernel) = (Arch::Amd64, KernelFlavor::Generic);
    let (base, lock) = real::base(arch, kernel);
    let packages = &lock
        .base(&BaseKind::new(arch, kernel))
        .expect("pinned")
        .packages;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("temporary folder");
    let reference = reference(packages, folder.path()).named();
    let ours = Scan::of_image(base.root.as_ref().expect("a root image"), folder.path()).named();
    assert_eq!(ours.accounts(), reference.accounts());

    // Packages that are left out, by dpkg's own lists.
    let known: BTreeSet<&str> = packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let left_out: BTreeSet<String> = reference
        .texts
        .iter()
        .filter_map(|(path, text)| (!known.contains(package_of_list(path)?)).then_some(text))
        .flat_map(|text| text.lines())
        .map(|path| {
            let merged = ["/bin/", "/sbin/", "/lib/", "/lib64/"]
                .iter()
                .any(|start| path.starts_with(start));
            if merged {
                format!("/usr{path}")
            } else {
                path.to_owned()
            }
        })
        .collect();
    let (removed, declared) = declared();
    let explained: Vec<(Side, Glob)> = EXPLAINED
        .iter()
        .map(|(side, pattern, _)| (*side, Glob::new(pattern).expect("a pattern")))
        .collect();

    let mut differences = Vec::new();
    let paths: BTreeSet<&String> = ours
        .entries
        .keys()
        .chain(reference.entries.keys())
        .collect();
    for path in paths {
        let pair = (ours.entries.get(path), reference.entries.get(path));
        let side = match pair {
            (Some(a), Some(b)) if a == b => continue,
            (Some(_), Some(_)) => Both,
            (Some(_), None) => Ours,
            (None, _) => Reference,
        };
        // A folder that is there for what is declared in it.
        let above = || {
            let inside = format!("{path}/");
            declared
                .range(inside.clone()..)
                .next()
                .is_some_and(|next| next.starts_with(&inside))
        };
        let fine = declared.contains(path)
            || (side == Ours && above())
            || (side == Reference
                && (left_out.contains(path) || removed.iter().any(|glob| covers(glob, path))))
            || explained
                .iter()
                .any(|(known, glob)| *known == side && covers(glob, path));
        if !fine {
            differences.push(format!("{side:?} {path}: {pair:?}"));
        }
    }
    assert!(
        differences.is_empty(),
        "{} differences that nothing explains:\n{}",
        differences.len(),
        differences.join("\n")
    );
}
