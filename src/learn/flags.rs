//! The flags of a component, and the admission plugins.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use crate::facts::kinds::Kind;
use crate::facts::kubernetes::tables::{Component, Tables};
use crate::subprocess::Program;

/// Lines of the section `flags`.
///
/// The help shows those that are not deprecated. Of the others, the program is asked for each that
/// an earlier release had.
pub(super) fn of(component: Component, program: &Program) -> Result<Vec<String>> {
    let mut found = BTreeMap::new();
    for (name, kind) in shown(&program.help()?) {
        let kind = match kind {
            Some(kind) => kind,
            None => hidden(program, &name)?.unwrap_or(Kind::Text),
        };
        found.insert(name, kind);
    }
    let known: BTreeMap<_, _> = (Tables::OWN.flags(component))
        .map(|flag| (flag.name, flag.kind))
        .collect();
    for name in known.keys() {
        if !found.contains_key(*name)
            && let Some(kind) = hidden(program, name)?
        {
            found.insert((*name).to_owned(), kind);
        }
    }
    let line = |(name, kind): (&String, &Kind<'static>)| {
        let kind = refined(*kind, known.get(name.as_str()).copied());
        match kind {
            Kind::Text => name.clone(),
            kind => format!("{name} {kind}"),
        }
    };
    Ok(found.iter().map(line).collect())
}

/// What imgbuild knows of the kind of a setting, where the program does not contradict.
pub(super) fn refined<'t>(told: Kind<'t>, known: Option<Kind<'t>>) -> Kind<'t> {
    known
        .filter(|known| known.of_type() == told)
        .unwrap_or(told)
}

/// Flags and kinds in `help`: lines of `--name type   description`, perhaps after a short form. The
/// type may be another word that the description has in quotes; then it says no kind.
fn shown(help: &str) -> BTreeMap<String, Option<Kind<'static>>> {
    let mut found = BTreeMap::new();
    for line in help.lines() {
        let line = line.trim_start();
        let line = match line.split_once(", --") {
            Some((short, _)) if short.len() == 2 => &line[4..],
            _ => line,
        };
        let Some(rest) = line.strip_prefix("--") else {
            continue;
        };
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
        // Those end the program.
        if matches!(name, "" | "help" | "version") {
            continue;
        }
        // Two spaces or more begin the description.
        let word = after.strip_prefix(' ').unwrap_or_default();
        let word = word.split(' ').next().unwrap_or_default();
        let kind = match word {
            "" => Some(Kind::Bool),
            // `Level` is klog's, of `--v`.
            "Level" | "int" | "int32" | "int64" | "uint" | "uint16" | "uint32" | "uint64" => {
                Some(Kind::ANY_WHOLE)
            }
            "float" | "float32" | "float64" => Some(Kind::Number),
            "duration" => Some(Kind::Duration),
            "string" | "strings" | "stringArray" => Some(Kind::Text),
            list if list.ends_with("Slice") => Some(Kind::Text),
            _ => None,
        };
        found.insert(name.to_owned(), kind);
    }
    found
}

/// The kind of a flag that the help does not say; `None`: the program does not have it. Flags are
/// read in order, and `--version` ends the program once all are.
fn hidden(program: &Program, name: &str) -> Result<Option<Kind<'static>>> {
    let said = program
        .ask(&[&format!("--{name}=wrong"), "--version"])?
        .plain();
    if said.contains(&format!("unknown flag: --{name}")) {
        return Ok(None);
    }
    let kind = if said.contains("strconv.ParseBool") {
        Kind::Bool
    } else if said.contains("strconv.ParseInt") || said.contains("strconv.ParseUint") {
        Kind::ANY_WHOLE
    } else if said.contains("strconv.ParseFloat") {
        Kind::Number
    } else if said.contains("time: invalid duration") {
        Kind::Duration
    } else {
        Kind::Text
    };
    Ok(Some(kind))
}

/// Lines of the section `admission plugins`, from the help of the API server.
pub(super) fn admission_plugins(help: &str) -> Result<Vec<String>> {
    const BEFORE: &str = "Comma-delimited list of admission plugins: ";
    let list = help.split("--enable-admission-plugins").nth(1);
    let list = list.and_then(|rest| rest.split_once(BEFORE)?.1.split_once('.'));
    let (list, _) = list.context("kube-apiserver's help does not list its admission plugins")?;
    let mut plugins: Vec<String> = list.split(',').map(|it| it.trim().to_owned()).collect();
    plugins.sort();
    Ok(plugins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_read() {
        let help = "\
Generic flags:

      --advertise-address ip                 The address
      --allow-privileged                     If true, allow --privileged ones. [default=false]
      --audit-log-batch-max-wait duration    How long
      --goaway-chance float                  To prevent
      --v2-thing colonSeparated              X
  -v, --v Level                              number for the log level
  -h, --help                                 help for it
      --version version[=true]               --version, --version=raw prints
      --tls-min-version string               --tls-cert-file is another
";
        let found = shown(help);
        let found: Vec<_> = found
            .iter()
            .map(|(name, kind)| (name.as_str(), *kind))
            .collect();
        assert_eq!(
            found,
            [
                ("advertise-address", None),
                ("allow-privileged", Some(Kind::Bool)),
                ("audit-log-batch-max-wait", Some(Kind::Duration)),
                ("goaway-chance", Some(Kind::Number)),
                ("tls-min-version", Some(Kind::Text)),
                ("v", Some(Kind::ANY_WHOLE)),
                ("v2-thing", None),
            ]
        );
    }

    #[test]
    fn words_and_bounds_stay_where_the_type_does() {
        let words = Kind::Words("a|b");
        assert_eq!(refined(Kind::Text, Some(words)), words);
        assert_eq!(refined(Kind::Bool, Some(words)), Kind::Bool);
        assert_eq!(refined(Kind::Duration, None), Kind::Duration);
    }
}
