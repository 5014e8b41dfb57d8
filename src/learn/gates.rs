//! The feature gates of a release. All components know all of them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::facts::kubernetes::tables::Tables;
use crate::facts::kubernetes::version::KubeVersion;
use crate::subprocess::Program;

/// Lines of the section `feature gates`.
///
/// The help shows those that may be changed; the API server is asked for those that earlier
/// releases had, and for what it does not let go of.
pub(super) fn of(
    api_server: &Program,
    helps: &[String],
    version: KubeVersion,
) -> Result<Vec<String>> {
    let mut names: BTreeSet<String> = Tables::OWN
        .feature_gates()
        .map(|gate| gate.name.to_owned())
        .collect();
    names.extend(helps.iter().flat_map(|help| shown(help)));
    let mut locked: BTreeMap<String, bool> = BTreeMap::new();
    let mut unknown = BTreeSet::new();
    for value in [true, false] {
        // These would change the others.
        let gates = (names.iter()).filter(|name| !matches!(name.as_str(), "AllAlpha" | "AllBeta"));
        let gates: Vec<String> = gates.map(|name| format!("{name}={value}")).collect();
        let flag = format!("--feature-gates={}", gates.join(","));
        let said = api_server.ask(&[&flag, "--version"])?.plain();
        for rest in said.split("unrecognized feature gate: ").skip(1) {
            unknown.insert(word(rest));
        }
        for rest in said.split("cannot set feature gate ").skip(1) {
            locked.insert(word(rest), !value);
        }
    }
    // Those of which nothing can be said that way are shown in the help, or are not there.
    let line = |name: &String| match locked.get(name) {
        Some(value) => format!("{name} {value}@{}", version.minor),
        None => name.clone(),
    };
    let known = names.iter().filter(|name| !unknown.contains(*name));
    Ok(known.map(line).collect())
}

/// The names in a program's help: `kube:Name=true|false (ALPHA - default=false)`.
fn shown(help: &str) -> impl Iterator<Item = String> + '_ {
    help.lines().filter_map(|line| {
        let (name, _) = line.trim().split_once("=true|false (")?;
        // The first stands behind the description of the flag.
        let name = name.rsplit([':', ' ']).next()?;
        Some(name.to_owned())
    })
}

/// The word that `text` begins with.
fn word(text: &str) -> String {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric());
    text[..end.unwrap_or(text.len())].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_read() {
        let help = "\
   --feature-gates map   Pairs. Options are:
                         kube:AllAlpha=true|false (ALPHA - default=false)
                         One=true|false (BETA - default=true)
   --other               x=true|false
";
        assert_eq!(shown(help).collect::<Vec<_>>(), ["AllAlpha", "One"]);
        assert_eq!(word("Two to false, feature is locked"), "Two");
    }
}
