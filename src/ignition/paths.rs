//! Files, directories and links checked against each other, against the units that Ignition writes
//! as files, and against what cannot be written on the node.

use std::collections::BTreeMap;

use super::report::error;
use crate::diagnostic::{Diagnostic, codes};
use crate::facts::systems::{Facts, IgnitionVersion};
use crate::node::fragment::{Fragment, Origin};

/// Where Ignition writes units.
const UNITS: &str = "/etc/systemd/system";

/// A path that nothing can be below, and its kind.
struct Leaf<'a> {
    kind: &'static str,
    origin: &'a Origin,
}

/// Checks the paths of a merged fragment.
pub(super) fn check(
    fragment: &Fragment,
    target: &Facts,
    version: IgnitionVersion,
    found: &mut Vec<Diagnostic>,
) {
    let mut leaves: BTreeMap<String, Leaf> = BTreeMap::new();
    for file in &fragment.files {
        let leaf = Leaf {
            kind: "file",
            origin: &file.origin,
        };
        leaves.insert(file.path.to_string(), leaf);
    }
    for link in &fragment.links {
        let leaf = Leaf {
            kind: "link",
            origin: &link.origin,
        };
        leaves.insert(link.path.to_string(), leaf);
    }
    units(fragment, &mut leaves, found);

    let files = fragment
        .files
        .iter()
        .map(|f| (f.path.as_str(), &f.origin, f.mode));
    let directories = fragment
        .directories
        .iter()
        .map(|d| (d.path.as_str(), &d.origin, d.mode));
    let links = fragment
        .links
        .iter()
        .map(|l| (l.path.as_str(), &l.origin, 0));
    for (path, origin, mode) in files.chain(directories).chain(links) {
        below(path, origin, &leaves, found);
        read_only(path, target, origin, found);
        fixed_root(path, target, origin, found);
        special_bits(path, mode, version, origin, found);
    }
}

/// Reports files at the paths that Ignition writes units to.
fn units<'a>(
    fragment: &'a Fragment,
    leaves: &mut BTreeMap<String, Leaf<'a>>,
    found: &mut Vec<Diagnostic>,
) {
    for unit in &fragment.units {
        let whole = (unit.contents.is_some() || unit.mask == Some(true))
            .then(|| format!("{UNITS}/{}", unit.name));
        let dropins = unit
            .dropins
            .iter()
            .map(|(name, _)| format!("{UNITS}/{}.d/{name}", unit.name));
        for path in whole.into_iter().chain(dropins) {
            if let Some(leaf) = leaves.get(&path) {
                let diagnostic = error(
                    codes::UNIT_AND_FILE,
                    leaf.origin,
                    format!(
                        "the {} `{path}` is where unit `{}` is written",
                        leaf.kind, unit.name
                    ),
                );
                found.push(
                    with_place(diagnostic, &unit.origin, "the unit")
                        .help("define it only once: under `systemd:` or under `storage:`"),
                );
                continue;
            }
            let leaf = Leaf {
                kind: "unit",
                origin: &unit.origin,
            };
            leaves.insert(path, leaf);
        }
    }
}

/// Reports paths below a file, a link or a unit.
fn below(
    path: &str,
    origin: &Origin,
    leaves: &BTreeMap<String, Leaf>,
    found: &mut Vec<Diagnostic>,
) {
    let mut above = path;
    while let Some((parent, _)) = above.rsplit_once('/') {
        above = parent;
        let Some(leaf) = leaves.get(above) else {
            continue;
        };
        let diagnostic = error(
            codes::BELOW_A_FILE,
            origin,
            format!("`{path}` is below `{above}`, which is a {}", leaf.kind),
        );
        found.push(
            with_place(diagnostic, leaf.origin, &format!("the {}", leaf.kind))
                .help("use another path: only directories can contain something"),
        );
        return;
    }
}

/// Reports paths on the read-only image; on some targets, `/usr/local` is stored elsewhere.
fn read_only(path: &str, target: &Facts, origin: &Origin, found: &mut Vec<Diagnostic>) {
    let is_below = |folder: &str| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    // The links of a merged /usr: /bin is usr/bin.
    let merged = ["/bin", "/sbin", "/lib", "/lib64"];
    let is_elsewhere = target.has_usr_local && path.starts_with("/usr/local/");
    let is_image = is_below("/usr") && !is_elsewhere;
    if is_image || merged.into_iter().any(is_below) {
        found.push(
            error(
                codes::READ_ONLY_PATH,
                origin,
                format!("`{path}` is on the read-only image"),
            )
            .help(if target.has_usr_local {
                "use a path below /etc, /opt, /srv, /var or /usr/local"
            } else {
                "use a path below /etc, /opt, /srv or /var"
            }),
        );
    }
}

/// What an image with a fixed root has in it, and can be written.
const OF_ROOT: [&str; 11] = [
    "boot", "etc", "home", "media", "mnt", "opt", "ostree", "root", "srv", "sysroot", "var",
];

/// Reports what would be new in a root that belongs to the image.
fn fixed_root(path: &str, target: &Facts, origin: &Origin, found: &mut Vec<Diagnostic>) {
    let first = path.trim_start_matches('/').split('/').next();
    let is_known = |name: &str| {
        OF_ROOT.contains(&name)
            // Reported with other reasons.
            || matches!(name, "usr" | "bin" | "sbin" | "lib" | "lib64")
            || matches!(name, "dev" | "proc" | "run" | "sys" | "tmp")
    };
    if target.has_fixed_root && !first.is_some_and(is_known) {
        found.push(
            error(
                codes::READ_ONLY_PATH,
                origin,
                format!("`{path}` would be new in `/`, which is part of the image"),
            )
            .help("use a path below /etc, /opt, /srv or /var"),
        );
    }
}

fn special_bits(
    path: &str,
    mode: u32,
    version: IgnitionVersion,
    origin: &Origin,
    found: &mut Vec<Diagnostic>,
) {
    if mode <= 0o777 || version.has_special_bits() {
        return;
    }
    let as_written = mode.to_string();
    let help = if as_written.len() <= 4
        && u32::from_str_radix(&as_written, 8).is_ok_and(|meant| meant <= 0o777)
    {
        format!("if octal {as_written} is meant, write 0{as_written}")
    } else {
        format!(
            "Ignition {version} does not support the set-user-ID, set-group-ID and sticky \
                 bits; set them with a tmpfiles.d(5) line"
        )
    };
    found.push(
        error(
            codes::SPECIAL_MODE,
            origin,
            format!("mode {mode:04o} cannot be set on `{path}`"),
        )
        .help(help),
    );
}

fn with_place(diagnostic: Diagnostic, origin: &Origin, words: &str) -> Diagnostic {
    match origin.span {
        Some(span) => diagnostic.related(span, words),
        None => diagnostic,
    }
}
