//! CRI-O's programs, as its release bundles contain them, and the settings that depend on which of
//! them a node has.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::build_info::minor_of;

/// A program of CRI-O.
struct Program {
    /// Its name on a node.
    name: &'static str,
    /// Its name in other bundles.
    other_name: Option<&'static str>,
    /// Whether it is required.
    needed: bool,
}

/// Since about release 1.30, bundles do not prefix the programs of other projects.
const PROGRAMS: [Program; 6] = [
    program("crio", None, true),
    program("pinns", None, true),
    program("conmon", Some("crio-conmon"), true),
    program("crun", Some("crio-crun"), false),
    program("runc", Some("crio-runc"), false),
    program("crictl", None, false),
];

/// The programs that run containers; the first that exists is the default of pods (its
/// `runtimeClassName`). The base has runc.
const RUNTIMES: [&str; 2] = ["crun", "runc"];

const fn program(name: &'static str, other_name: Option<&'static str>, needed: bool) -> Program {
    Program {
        name,
        other_name,
        needed,
    }
}

/// The programs of CRI-O in `folder`, by their names on a node. The error lists required ones that
/// `folder` lacks.
pub fn programs_in(folder: &Path) -> Result<Vec<(String, PathBuf)>, Vec<&'static str>> {
    let mut found = Vec::new();
    let mut missing = Vec::new();
    for program in &PROGRAMS {
        let names = [Some(program.name), program.other_name];
        let mut paths = names.into_iter().flatten().map(|name| folder.join(name));
        match paths.find(|path| path.exists()) {
            Some(path) => found.push((program.name.to_owned(), path)),
            None if program.needed => missing.push(program.name),
            None => {}
        }
    }
    if missing.is_empty() {
        Ok(found)
    } else {
        Err(missing)
    }
}

/// The minor release of Kubernetes whose interface the CRI-O in `folder` implements, which is that
/// of CRI-O itself. `None` if it does not record it.
pub fn minor_in(folder: &Path) -> Option<u16> {
    minor_of(&folder.join("crio"), "k8s.io/cri-api")
}

/// CRI-O's settings (crio.conf.d(5)) on a node that has `programs` in the folder `at`.
pub(super) fn settings(at: &str, programs: &[(String, PathBuf)]) -> String {
    let has = |name: &str| programs.iter().any(|(program, _)| program == name);
    let default = RUNTIMES.into_iter().find(|name| has(name));
    let mut text = format!(
        "# What came with CRI-O's programs.\n[crio.runtime]\ndefault_runtime = \"{}\"\n",
        default.unwrap_or("runc")
    );
    for name in RUNTIMES {
        let path = match (has(name), name) {
            (true, name) => format!("{at}/{name}"),
            (false, "runc") => "/usr/sbin/runc".to_owned(),
            (false, _) => continue,
        };
        text.push_str(&runtime_table(at, name, &path));
    }
    text
}

/// The settings of the runtime `name`, the program at `path`, where CRI-O's programs are in the
/// folder `at`. Its monitors belong to the pods that they are for.
pub fn runtime_table(at: &str, name: &str, path: &str) -> String {
    format!(
        "\n[crio.runtime.runtimes.{name}]\nruntime_path = \"{path}\"\nruntime_type = \"oci\"\nruntime_root = \"/run/{name}\"\n\
         monitor_path = \"{at}/conmon\"\nmonitor_cgroup = \"pod\"\n"
    )
}

/// The settings that pin the images `names`: they are not removed as if they could be pulled again.
pub(super) fn pinned<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut text =
        "# Images that came with the node.\n[crio.image]\npinned_images = [\n".to_owned();
    for name in names {
        let _ = writeln!(text, "  \"{name}\",");
    }
    text + "]\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_go_by_their_plain_names() {
        for (name, there, want) in [
            (
                "a bundle of today",
                &[
                    "conmon", "conmonrs", "crictl", "crio", "crun", "pinns", "runc",
                ][..],
                Ok(&["crio", "pinns", "conmon", "crun", "runc", "crictl"][..]),
            ),
            (
                "an older one",
                &["crio", "crio-conmon", "crio-runc", "pinns"],
                Ok(&["crio", "pinns", "conmon", "runc"]),
            ),
            (
                "Kubernetes alone",
                &["kubelet"],
                Err(&["crio", "pinns", "conmon"][..]),
            ),
            ("a part", &["crio", "crun"], Err(&["pinns", "conmon"])),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            for file in there {
                std::fs::write(folder.path().join(file), "").expect("written");
            }
            let found = programs_in(folder.path());
            let names = found.map(|all| all.into_iter().map(|(name, _)| name).collect::<Vec<_>>());
            let want = want.map(|want| want.iter().map(|&it| it.to_owned()).collect());
            assert_eq!(names, want.map_err(<[&str]>::to_vec), "{name}");
        }
    }

    #[test]
    fn the_first_runtime_that_is_there_is_the_default() {
        for (there, default, runc) in [
            (&["crun", "runc"][..], "crun", "/p/runc"),
            (&["crun"], "crun", "/usr/sbin/runc"),
            (&["runc"], "runc", "/p/runc"),
            (&[], "runc", "/usr/sbin/runc"),
        ] {
            let programs: Vec<_> = there
                .iter()
                .map(|&name| (name.to_owned(), PathBuf::from(name)))
                .collect();
            let text = settings("/p", &programs);
            assert!(
                text.contains(&format!("default_runtime = \"{default}\"")),
                "{text}"
            );
            assert!(
                text.contains(&format!("runtime_path = \"{runc}\"")),
                "{text}"
            );
            assert_eq!(
                text.contains("runtimes.crun"),
                there.contains(&"crun"),
                "{text}"
            );
        }
    }
}
