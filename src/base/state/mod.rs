//! Declares the state that packages' maintainer scripts would create: no code of a package is run.
//!
//! Units are not enabled here: the image has no machine-id, so systemd applies the presets at every
//! boot.

mod accounts;
mod certificates;
mod pam;

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};

use super::declared;
use crate::formats::tree::{Kind, Node, Tree};
use crate::lock::LockedBase;
use accounts::Accounts;

/// Alternatives (`update-alternatives(1)`): the folder and name of a link in `/usr`, and its
/// targets, best first. Links are made where a target exists.
const ALTERNATIVES: [(&str, &str, &[&str]); 27] = [
    ("/usr/bin", "awk", &["/usr/bin/gawk", "/usr/bin/mawk"]),
    ("/usr/bin", "lzcat", &["/usr/bin/xzcat"]),
    ("/usr/bin", "lzcmp", &["/usr/bin/xzcmp"]),
    ("/usr/bin", "lzdiff", &["/usr/bin/xzdiff"]),
    ("/usr/bin", "lzegrep", &["/usr/bin/xzegrep"]),
    ("/usr/bin", "lzfgrep", &["/usr/bin/xzfgrep"]),
    ("/usr/bin", "lzgrep", &["/usr/bin/xzgrep"]),
    ("/usr/bin", "lzless", &["/usr/bin/xzless"]),
    ("/usr/bin", "lzma", &["/usr/bin/xz"]),
    ("/usr/bin", "lzmore", &["/usr/bin/xzmore"]),
    ("/usr/bin", "nawk", &["/usr/bin/gawk", "/usr/bin/mawk"]),
    ("/usr/bin", "pager", &["/usr/bin/less", "/usr/bin/more"]),
    ("/usr/bin", "unlzma", &["/usr/bin/unxz"]),
    ("/usr/bin", "which", &["/usr/bin/which.debianutils"]),
    ("/usr/sbin", "arptables", &["/usr/sbin/arptables-nft"]),
    (
        "/usr/sbin",
        "arptables-restore",
        &["/usr/sbin/arptables-nft-restore"],
    ),
    (
        "/usr/sbin",
        "arptables-save",
        &["/usr/sbin/arptables-nft-save"],
    ),
    ("/usr/sbin", "ebtables", &["/usr/sbin/ebtables-nft"]),
    (
        "/usr/sbin",
        "ebtables-restore",
        &["/usr/sbin/ebtables-nft-restore"],
    ),
    (
        "/usr/sbin",
        "ebtables-save",
        &["/usr/sbin/ebtables-nft-save"],
    ),
    ("/usr/sbin", "ip6tables", &["/usr/sbin/ip6tables-nft"]),
    (
        "/usr/sbin",
        "ip6tables-restore",
        &["/usr/sbin/ip6tables-nft-restore"],
    ),
    (
        "/usr/sbin",
        "ip6tables-save",
        &["/usr/sbin/ip6tables-nft-save"],
    ),
    ("/usr/sbin", "iptables", &["/usr/sbin/iptables-nft"]),
    (
        "/usr/sbin",
        "iptables-restore",
        &["/usr/sbin/iptables-nft-restore"],
    ),
    (
        "/usr/sbin",
        "iptables-save",
        &["/usr/sbin/iptables-nft-save"],
    ),
    ("/usr/sbin", "rmt", &["/usr/sbin/rmt-tar"]),
];

/// Login shells; those that exist are listed.
const SHELLS: [&str; 7] = [
    "/bin/sh",
    "/usr/bin/sh",
    "/bin/bash",
    "/usr/bin/bash",
    "/bin/rbash",
    "/usr/bin/rbash",
    "/usr/bin/dash",
];

/// The defaults of base-files that its script copies.
const DEFAULTS: [(&str, &str); 4] = [
    ("/usr/share/base-files/dot.bashrc", "/root/.bashrc"),
    ("/usr/share/base-files/dot.profile", "/root/.profile"),
    ("/usr/share/base-files/motd", "/etc/motd"),
    ("/usr/share/base-files/profile", "/etc/profile"),
];

/// Folders that scripts create; those of /usr/local are reached through a link
/// (`configs/base/links`).
const FOLDERS: [&str; 8] = [
    "/etc/opt",
    "/media",
    "/mnt",
    "/opt",
    "/srv",
    "/var/opt",
    "/var/usrlocal/bin",
    "/var/usrlocal/share/ca-certificates",
];

/// Links into `/usr` and `/run`: base-files' own, created again since packages' folders of these
/// names are followed when unpacking.
const LINKS: [(&str, &str); 6] = [
    ("/bin", "usr/bin"),
    ("/lib", "usr/lib"),
    ("/sbin", "usr/sbin"),
    ("/var/lock", "/run/lock"),
    ("/var/run", "/run"),
    ("/var/spool/mail", "../mail"),
];

/// Owners and modes that scripts set: path, mode, user, group. They are set where the path exists;
/// a folder that ends in a slash is created.
const OWNERS: [(&str, u16, &str, &str); 9] = [
    ("/etc/credstore", 0o700, "root", "root"),
    ("/etc/credstore.encrypted", 0o700, "root", "root"),
    ("/etc/security/opasswd", 0o600, "root", "root"),
    ("/etc/sudoers", 0o440, "root", "root"),
    ("/usr/bin/ssh-agent", 0o2755, "root", "_ssh"),
    (
        "/usr/lib/dbus-1.0/dbus-daemon-launch-helper",
        0o4754,
        "root",
        "messagebus",
    ),
    ("/var/lib/etcd/", 0o700, "etcd", "etcd"),
    ("/var/mail/", 0o2775, "root", "mail"),
    ("/etc/ssl/private/", 0o700, "root", "root"),
];

/// Adds to the packages' files what makes them a system, then the declared files.
/// `id` is the base's.
pub fn declare(tree: &mut Tree, base: &LockedBase, id: &str) -> Result<()> {
    for (path, target) in LINKS {
        tree.insert(path, Node::symlink(target));
    }
    for path in FOLDERS {
        tree.insert_if_absent(path, Node::directory(0o755));
    }
    for (source, path) in DEFAULTS {
        if let Some(bytes) = tree.bytes(source) {
            tree.insert_if_absent(path, Node::file(0o644, bytes));
        }
    }
    // pam_env complains if it does not exist.
    tree.insert_if_absent("/etc/environment", Node::file(0o644, *b""));
    tree.insert_if_absent("/etc/security/opasswd", Node::file(0o600, *b""));
    link_alternatives(tree);
    list_shells(tree);
    Accounts::from_tree(tree)?.write(tree)?;
    pam::write(tree).context("configuring PAM")?;
    certificates::write(tree).context("collecting certificate authorities")?;
    name_os(tree, id)?;
    list_packages(tree, base);

    for (path, file) in declared::root_files() {
        let mode = if file.executable { 0o755 } else { 0o644 };
        tree.insert(path, Node::file(mode, file.bytes));
    }
    for (path, target) in declared::links()? {
        tree.insert(path, Node::symlink(target));
    }
    set_owners(tree)?;
    check_clean(tree)
}

fn link_alternatives(tree: &mut Tree) {
    for (folder, name, targets) in ALTERNATIVES {
        let Some(target) = targets.iter().find(|target| tree.get(target).is_some()) else {
            continue;
        };
        let alternative = format!("/etc/alternatives/{name}");
        let path = format!("{folder}/{name}");
        tree.insert_if_absent(&path, Node::symlink(alternative.as_str()));
        tree.insert_if_absent(&alternative, Node::symlink(*target));
    }
}

fn list_shells(tree: &mut Tree) {
    let mut text = String::from("# /etc/shells: valid login shells\n");
    for shell in SHELLS {
        let merged = shell.strip_prefix("/usr").unwrap_or(shell);
        if tree.get(&format!("/usr{merged}")).is_some() {
            let _ = writeln!(text, "{shell}");
        }
    }
    tree.insert("/etc/shells", Node::file(0o644, text.into_bytes()));
}

/// Names the image in `os-release(5)`, which otherwise remains Debian's.
fn name_os(tree: &mut Tree, id: &str) -> Result<()> {
    let path = "/usr/lib/os-release";
    let bytes = tree
        .bytes(path)
        .with_context(|| format!("no package contains {path}"))?;
    let mut text = String::from_utf8(bytes.to_vec()).with_context(|| format!("reading {path}"))?;
    let _ = write!(
        text,
        "VARIANT=\"imgbuild node\"\nVARIANT_ID=imgbuild\nIMAGE_ID=imgbuild\nIMAGE_VERSION={id}\n"
    );
    tree.insert(path, Node::file(0o644, text.into_bytes()));
    Ok(())
}

/// The image has no package database; this file lists its packages.
fn list_packages(tree: &mut Tree, base: &LockedBase) {
    let mut text = String::new();
    for package in base.packages.iter().chain(&base.firmware) {
        let _ = writeln!(
            text,
            "{} {} {}",
            package.name, package.version, package.architecture
        );
    }
    tree.insert(
        "/usr/share/imgbuild/packages",
        Node::file(0o644, text.into_bytes()),
    );
}

fn set_owners(tree: &mut Tree) -> Result<()> {
    let accounts = Accounts::from_tree(tree)?;
    for (path, mode, user, group) in OWNERS {
        let (Some(uid), Some(gid)) = (accounts.uid(user), accounts.gid(group)) else {
            continue;
        };
        let path = match path.strip_suffix('/') {
            Some(folder) => {
                tree.insert_if_absent(folder, Node::directory(mode));
                folder
            }
            None => path,
        };
        if let Some(node) = tree.get_mut(path) {
            node.mode = mode;
            node.uid = uid;
            node.gid = gid;
        }
    }
    Ok(())
}

/// Refuses what no shared image may contain.
fn check_clean(tree: &Tree) -> Result<()> {
    ensure!(
        tree.get("/etc/machine-id").is_none(),
        "the image would contain a machine-id"
    );
    for (name, path, node) in tree.children("/etc/ssh") {
        let key = name.starts_with("ssh_host_") && matches!(node.kind, Kind::File(_));
        ensure!(!key, "the image would contain an SSH host key: {path}");
    }
    Ok(())
}
