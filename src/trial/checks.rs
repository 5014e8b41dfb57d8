//! The checks file of `imgbuild test`: YAML, read as specs are.

use std::fmt;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::diagnostic::{Diagnostic, Located, SourceId, codes, in_order};
use crate::names::{AbsolutePath, Hostname, UnitName, UserName};
use crate::spec::decode::{Decode, Decoder, Leaf, LeafError, OneOrMany, Schemas, record};
use crate::spec::yaml::{Limits, Scalar, parse};
use crate::spec::{PortNumber, SpecVersion};
use crate::text::{nearest, shown};

record! {
    /// What `imgbuild test` checks once the nodes are ready.
    pub struct ChecksFile {
        /// The version of the format: 1.
        pub version: Located<SpecVersion>,
        /// Who asks the nodes.
        pub ssh: Option<SshSection>,
        /// How long the nodes may take until all are ready.
        #[default = "15m"]
        pub timeout: Option<Located<TimeSpan>>,
        /// Memory of each machine in MiB.
        #[otherwise = "what the target requires"]
        pub memory: Option<Located<u32>>,
        /// The checks, in this order.
        #[example = "[{unit: etcd.service}]"]
        pub checks: Vec<CheckEntry>,
    }
    "a checks file"
}

record! {
    /// Who asks the nodes over SSH.
    pub struct SshSection {
        /// A user of the nodes.
        #[otherwise = "`core`, or the first user of the artifact who has a key"]
        pub user: Option<Located<UserName>>,
        /// Files of private keys, seen from the checks file; `~/` is your home folder.
        #[otherwise = "those of the SSH agent and of `~/.ssh`"]
        pub key: OneOrMany<Located<String>>,
    }
    "the SSH settings"
}

record! {
    /// One check.
    pub struct CheckEntry {
        /// The node to ask.
        #[otherwise = "every node; for `pod`, any node"]
        pub node: Option<Located<Hostname>>,
        /// A unit of systemd that must be active.
        pub unit: Option<Located<UnitName>>,
        /// A TCP port of the node on which something must answer.
        pub port: Option<Located<PortNumber>>,
        /// The node that connects to the port.
        #[otherwise = "the node itself"]
        pub from: Option<Located<Hostname>>,
        /// A command for the user's shell on the node.
        pub command: Option<Located<String>>,
        /// A file on the node.
        pub file: Option<Located<AbsolutePath>>,
        /// A pod, as NAMESPACE/NAME. Pods of a Deployment and the like are found by the beginning
        /// of their names, before a `-`; all of them must be Ready.
        pub pod: Option<Located<PodName>>,
        /// The whole text of the file or the command's output, without white space around it.
        pub is: Option<Located<String>>,
        /// Text that must be in it.
        pub has: Option<Located<String>>,
        /// A pattern for a whole line, in which `*` stands for any text; a line must match.
        pub like: Option<Located<String>>,
        /// The exit status of the command.
        #[default = "0"]
        pub exit_status: Option<Located<u8>>,
        /// How long to repeat the check until it passes.
        #[otherwise = "5m for `pod`, 60s for the others; a command without it runs once"]
        pub within: Option<Located<TimeSpan>>,
    }
    "a check", exactly_one(unit, port, command, file, pod), at_most_one(is, has, like)
}

/// A time: `90s`, `10m`, `2h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSpan(pub Duration);

impl Leaf for TimeSpan {
    const WHAT: &'static str = "a time";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[1-9][0-9]{0,4}[smh]$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = &*scalar.text;
        let wrong = || {
            LeafError::new(codes::BAD_TIME, format!("`{}` is not a time", shown(text)))
                .help("write seconds, minutes or hours: 90s, 10m, 2h")
        };
        let factor = match text.chars().last() {
            Some('s') => 1,
            Some('m') => 60,
            Some('h') => 3600,
            _ => return Err(wrong()),
        };
        let number = &text[..text.len() - 1];
        let is_number = (1..=5).contains(&number.len())
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && !number.starts_with('0');
        let number: Option<u64> = number.parse().ok().filter(|_| is_number);
        let number = number.ok_or_else(wrong)?;
        Ok(Self(Duration::from_secs(number * factor)))
    }
}

/// A pod: its namespace, and its name or the beginning of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodName {
    pub namespace: String,
    pub name: String,
}

impl fmt::Display for PodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Leaf for PodName {
    const WHAT: &'static str = "a pod";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[a-z0-9-]+/[a-z0-9.-]+$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = &*scalar.text;
        let wrong = |why: &str| {
            LeafError::rule(codes::BAD_POD_NAME, text, Self::WHAT, why)
                .help("write it like kube-system/coredns")
        };
        let (namespace, name) = text
            .split_once('/')
            .ok_or_else(|| wrong("must be NAMESPACE/NAME"))?;
        for part in [namespace, name] {
            // The names of Kubernetes' objects (RFC 1123 subdomains).
            if part.parse::<Hostname>().is_err() {
                return Err(wrong(
                    "must consist of lowercase letters, digits, `-` and `.`",
                ));
            }
        }
        Ok(Self {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl ChecksFile {
    /// The schema (JSON Schema draft 2020-12) of checks files, for editors.
    pub fn json_schema() -> Json {
        let mut schemas = Schemas::default();
        let file = <Self as Decode>::schema(&mut schemas);
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "imgbuild checks file",
            "$ref": file["$ref"],
            "$defs": schemas.definitions,
        })
    }

    /// Reads `text`, which is stored as `source`, and returns what could be read and every mistake.
    pub fn read(text: &str, source: SourceId) -> (Option<Self>, Vec<Diagnostic>) {
        let (tree, mut diagnostics) = parse(text, source, Limits::default());
        let Some(tree) = tree.filter(|tree| !tree.is_null()) else {
            for diagnostic in &mut diagnostics {
                if diagnostic.code == codes::EMPTY_FILE {
                    let help = "a checks file starts with `version: 1` and `checks:`";
                    diagnostic.help = Some(help.to_owned());
                }
            }
            return (None, diagnostics);
        };
        let mut decoder = Decoder::default();
        let file = Self::decode(&tree, &mut decoder);
        diagnostics.extend(decoder.diagnostics);
        (file, in_order(diagnostics))
    }

    /// What is wrong between its values, and with names that none of `nodes` has.
    pub fn findings(&self, nodes: &[&str]) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for check in &self.checks {
            for name in [&check.node, &check.from].into_iter().flatten() {
                found.extend(unknown_node(name, nodes));
            }
            found.extend(check.without_an_answer());
        }
        found
    }
}

fn unknown_node(name: &Located<Hostname>, nodes: &[&str]) -> Option<Diagnostic> {
    let text = name.as_str();
    if nodes.contains(&text) {
        return None;
    }
    let help = match nearest(text, nodes.iter().copied()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("its nodes: {}", nodes.join(", ")),
    };
    let message = format!("the artifact has no node `{text}`");
    Some(Diagnostic::error(codes::NODE_NOT_IN_ARTIFACT, name.span, message).help(help))
}

impl CheckEntry {
    /// Reports what is expected of a check that gives no such thing.
    fn without_an_answer(&self) -> Vec<Diagnostic> {
        let gives_text = self.command.is_some() || self.file.is_some();
        let text = [("is", &self.is), ("has", &self.has), ("like", &self.like)];
        let text = text.into_iter().filter_map(|(key, value)| {
            let span = value.as_ref()?.span;
            (!gives_text).then_some((key, span, "`command` or `file`"))
        });
        let status = self.exit_status.as_ref().filter(|_| self.command.is_none());
        let status = status.map(|value| ("exit_status", value.span, "`command`"));
        let from = self.from.as_ref().filter(|_| self.port.is_none());
        let from = from.map(|value| ("from", value.span, "`port`"));
        (text.chain(status).chain(from))
            .map(|(key, span, with)| {
                let message = format!("`{key}` has a meaning only with {with}");
                Diagnostic::error(codes::MEANINGLESS_IN_CHECK, span, message).help("remove it")
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let read = |text: &str| {
            let scalar = Scalar {
                text: text.into(),
                plain: true,
            };
            TimeSpan::read(&scalar).ok().map(|time| time.0.as_secs())
        };
        for (text, expected) in [
            ("90s", Some(90)),
            ("10m", Some(600)),
            ("2h", Some(7200)),
            ("0s", None),
            ("90", None),
            ("1d", None),
            ("s", None),
            ("", None),
            ("123456s", None),
            ("1é", None),
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }
}
