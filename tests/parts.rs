//! What the parts write before the programs that read it: systemd, nft, networkd and OpenSSL.

mod nodes;

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Output};

use imgbuild::parts::{self, Contents, Fragment};
use imgbuild::plan::{CaCertificate, Node, Swap};

/// Runs `command`, which Debian's `package` has.
fn run(package: &str, command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| {
        panic!("running {command:?}: {error}; Debian's package `{package}` has it")
    })
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn all(node: &Node) -> Fragment {
    let mut all = Fragment::default();
    for fragment in parts::all(node) {
        all.files.extend(fragment.files);
        all.links.extend(fragment.links);
        all.units.extend(fragment.units);
    }
    all
}

/// The text of the file at `path`.
fn text(fragment: &Fragment, path: &str) -> String {
    let file = fragment
        .files
        .iter()
        .find(|file| file.path.as_str() == path)
        .unwrap_or_else(|| panic!("no {path}"));
    match &file.contents {
        Some(Contents::Inline(data)) => String::from_utf8(data.clone()).expect("text"),
        other => panic!("{path}: {other:?}"),
    }
}

#[test]
fn the_files_read_well() {
    let fragment = all(&nodes::full());
    let mut shown = String::new();
    for file in &fragment.files {
        let path = file.path.as_str();
        if path.starts_with("/etc/kubernetes") {
            continue;
        }
        let contents = file.contents.iter().chain(&file.append);
        for contents in contents {
            let Contents::Inline(data) = contents else { panic!("{path}") };
            let _ = writeln!(shown, "==> {path}\n{}", String::from_utf8_lossy(data));
        }
    }
    for unit in &fragment.units {
        let _ = writeln!(shown, "==> {} {:?}\n{}", unit.name, unit.enabled, unit.contents.as_deref().unwrap_or("(the base's)\n"));
        for (name, text) in &unit.dropins {
            let _ = writeln!(shown, "==> {}.d/{name}\n{text}", unit.name);
        }
    }
    insta::assert_snapshot!("files", shown);
}

#[test]
fn systemd_takes_the_units() {
    let mut node = nodes::full();
    let mut units = all(&node).units;
    node.swap = Some(Swap::Device(nodes::at(62, "/dev/vdb")));
    units.extend(all(&node).units.into_iter().filter(|unit| unit.name.as_str().ends_with(".swap")));
    for unit in units {
        let Some(contents) = &unit.contents else { continue };
        // The test machine need not have the programs that the node's base has.
        let mut lines = String::new();
        for line in contents.lines() {
            match line.split_once('=') {
                Some((key, value)) if key.starts_with("Exec") => {
                    let program = value.trim_start_matches(['+', '-', '@', '!', ':']);
                    assert!(program.starts_with('/'), "{}: {line}", unit.name);
                    let _ = writeln!(lines, "{key}=/bin/true {}", program.split_once(' ').map_or("", |(_, rest)| rest));
                }
                _ => {
                    let _ = writeln!(lines, "{line}");
                }
            }
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(unit.name.as_str());
        std::fs::write(&path, lines).expect("writing the unit");
        let output = run(
            "systemd",
            Command::new("systemd-analyze").args(["verify", "--man=no", "--recursive-errors=no"]).arg(&path),
        );
        let words: String = said(&output).lines().filter(|line| line.contains(unit.name.as_str())).collect();
        assert!(output.status.success() && words.is_empty(), "{}: {}", unit.name, said(&output));
    }
}

/// Runs nft in a network namespace of its own.
fn nft(script: &str, path: &Path) -> Output {
    run(
        "nftables",
        Command::new("unshare")
            .args(["--user", "--map-root-user", "--net", "sh", "-euc", script, "nft"])
            .arg(path)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    )
}

#[test]
fn nft_takes_the_ruleset_twice_and_leaves_other_tables() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("nftables.conf");
    let mut empty = nodes::firewall();
    empty.masquerade.clear();
    empty.allow.clear();
    empty.allow_from.clear();
    for (name, firewall) in [("full", nodes::firewall()), ("no networks", empty)] {
        let node = Node { firewall: Some(firewall), ..nodes::small() };
        std::fs::write(&path, text(&all(&node), "/etc/nftables.conf")).expect("writing the rules");
        let output = nft(
            "nft -c -f $1; nft add table ip kube-proxy; nft -f $1; nft -f $1; nft list ruleset",
            &path,
        );
        assert!(output.status.success(), "{name}: {}", said(&output));
        insta::assert_snapshot!(format!("nft {name}").replace(' ', "_"), said(&output));
    }
}

/// Words of networkd about a file that it does not like.
const COMPLAINTS: [&str; 8] = [
    "Unknown", "nknown section", "nvalid", "ignoring", "Ignoring", "Failed to parse", "is not supported", "Assignment outside",
];

#[test]
fn networkd_takes_its_files() {
    let node = nodes::full();
    let folder = tempfile::tempdir().expect("a temporary folder");
    for file in all(&node).files {
        if let (Some(name), Some(Contents::Inline(data))) =
            (file.path.as_str().strip_prefix("/etc/systemd/network/"), &file.contents)
        {
            std::fs::write(folder.path().join(name), data).expect("writing a file");
        }
    }
    // An own network, own mounts, so that nothing of the test machine changes. It ends by itself after reading its files:
    // without a system bus it cannot claim its name, or else by the time limit.
    let script = "
        mount -t tmpfs none /run; mkdir -p /run/systemd/network /run/systemd/netif
        mount --bind \"$1\" /run/systemd/network
        if [ -d /etc/systemd/network ]; then mount -t tmpfs none /etc/systemd/network; fi
        ip link set lo up 2>/dev/null || true
        SYSTEMD_LOG_LEVEL=debug SYSTEMD_LOG_TARGET=console timeout 2 /lib/systemd/systemd-networkd || true";
    let output = run(
        "util-linux",
        Command::new("unshare")
            .args(["--user", "--map-root-user", "--net", "--mount", "sh", "-euc", script, "networkd"])
            .arg(folder.path())
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    );
    let said = said(&output);
    panic!("{said}");
}
