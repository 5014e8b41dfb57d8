//! What a check asks a node, and what it makes of the answer.

use std::fmt;
use std::net::Ipv4Addr;
use std::process::Output;
use std::time::Duration;

use super::checks::{CheckEntry, ChecksFile, PodName};

/// How long a check is repeated where the file does not say it.
const WITHIN: Duration = Duration::from_secs(60);
const WITHIN_FOR_PODS: Duration = Duration::from_secs(300);

/// How many lines of an answer are kept.
const LINES_MAX: usize = 20;

/// A check of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Check {
    /// The nodes to ask, by index, until one answers as it should.
    pub nodes: Vec<usize>,
    /// What it is, for people.
    pub title: String,
    pub probe: Probe,
    /// How long it is repeated; `None`: it is asked once.
    pub within: Option<Duration>,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Probe {
    Unit(String),
    /// The addresses to try, and the port.
    Port(Vec<Ipv4Addr>, u16),
    Command {
        script: String,
        status: u8,
        expected: Expected,
    },
    File(String, Expected),
    Pod(PodName),
}

/// What a text must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    Anything,
    Is(String),
    Has(String),
    Like(String),
}

impl Expected {
    fn of(entry: &CheckEntry) -> Self {
        if let Some(text) = &entry.is {
            Self::Is(text.trim().to_owned())
        } else if let Some(text) = &entry.has {
            Self::Has(text.value.clone())
        } else if let Some(text) = &entry.like {
            Self::Like(text.trim().to_owned())
        } else {
            Self::Anything
        }
    }

    fn is_met(&self, text: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::Is(expected) => text.trim() == expected,
            Self::Has(expected) => text.contains(expected.as_str()),
            Self::Like(pattern) => text.lines().any(|line| is_like(line.trim(), pattern)),
        }
    }
}

/// With a space before it, as the end of a title.
impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anything => Ok(()),
            Self::Is(text) => write!(f, " is `{}`", first_line(text)),
            Self::Has(text) => write!(f, " has `{}`", first_line(text)),
            Self::Like(text) => write!(f, " is like `{}`", first_line(text)),
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Whether `line` is `pattern`, in which `*` stands for any text.
fn is_like(line: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// The checks of `file` for nodes of these names and addresses: one without a node is made of each.
pub(super) fn checks(file: &ChecksFile, nodes: &[(String, Ipv4Addr)]) -> Vec<Check> {
    let mut all = Vec::new();
    for entry in &file.checks {
        let of = |name: &str| nodes.iter().position(|(node, _)| node == name);
        let every: Vec<usize> = match &entry.node {
            Some(name) => of(name.as_str()).into_iter().collect(),
            None => (0..nodes.len()).collect(),
        };
        if entry.pod.is_some() {
            all.extend(check(entry, every, nodes));
            continue;
        }
        for node in every {
            all.extend(check(entry, vec![node], nodes));
        }
    }
    all
}

fn check(entry: &CheckEntry, mut asked: Vec<usize>, nodes: &[(String, Ipv4Addr)]) -> Option<Check> {
    let expected = Expected::of(entry);
    let mut within = Some(WITHIN);
    let (title, probe) = if let Some(unit) = &entry.unit {
        (
            format!("unit {}", unit.value),
            Probe::Unit(unit.to_string()),
        )
    } else if let Some(port) = &entry.port {
        let port = port.value.0;
        let address = nodes[*asked.first()?].1;
        match &entry.from {
            None => {
                let addresses = vec![Ipv4Addr::LOCALHOST, address];
                (format!("port {port}"), Probe::Port(addresses, port))
            }
            Some(from) => {
                let on = &nodes[asked[0]].0;
                let title = format!("port {port} of {on} from {}", from.value);
                asked = vec![nodes.iter().position(|(node, _)| node == from.as_str())?];
                (title, Probe::Port(vec![address], port))
            }
        }
    } else if let Some(command) = &entry.command {
        within = None;
        let status = entry.exit_status().value;
        let exits = match status {
            0 => String::new(),
            status => format!(" exits with {status}"),
        };
        let title = format!("`{}`{exits}{expected}", first_line(command));
        let probe = Probe::Command {
            script: command.value.clone(),
            status,
            expected,
        };
        (title, probe)
    } else if let Some(file) = &entry.file {
        let title = format!("file {}{expected}", file.value);
        (title, Probe::File(file.to_string(), expected))
    } else {
        let pod = &entry.pod.as_ref()?.value;
        within = Some(WITHIN_FOR_PODS);
        (format!("pod {pod} is Ready"), Probe::Pod(pod.clone()))
    };
    Some(Check {
        nodes: asked,
        title,
        probe,
        within: entry.within.as_ref().map(|time| time.value.0).or(within),
    })
}

impl Probe {
    /// The question, for the user's shell on the node.
    pub fn script(&self) -> String {
        match self {
            Self::Unit(unit) => format!("systemctl is-active {}", quoted(unit)),
            Self::Port(addresses, port) => {
                let tries: Vec<_> = (addresses.iter())
                    .map(|address| format!("timeout 5 bash -c '</dev/tcp/{address}/{port}'"))
                    .collect();
                tries.join(" || ")
            }
            Self::Command { script, .. } => script.clone(),
            Self::File(path, _) => {
                let path = quoted(path);
                format!("if test -r {path}; then cat {path}; else sudo -n cat {path}; fi")
            }
            Self::Pod(pod) => format!(
                "sudo -n kubectl --namespace {} get pods -o jsonpath='{{range .items[*]}}{{.metadata.name}} \
                 {{.status.conditions[?(@.type==\"Ready\")].status}}{{\"\\n\"}}{{end}}'",
                quoted(&pod.namespace)
            ),
        }
    }

    /// Why the answer is not what it should be.
    pub fn judge(&self, output: &Output) -> Result<(), Answer> {
        let text = String::from_utf8_lossy(&output.stdout);
        let code = output.status.code();
        let why = match self {
            Self::Command {
                status, expected, ..
            } => {
                if code == Some((*status).into()) {
                    (!expected.is_met(&text)).then(|| "it printed something else".to_owned())
                } else {
                    Some(exited(code))
                }
            }
            Self::Unit(_) | Self::Port(..) if code == Some(0) => None,
            Self::Unit(_) => Some(format!("the unit is {}", first_line(text.trim()))),
            Self::Port(..) => Some("nothing answers".to_owned()),
            Self::File(..) if code != Some(0) => Some("it cannot be read".to_owned()),
            Self::File(_, expected) if expected.is_met(&text) => None,
            Self::File(..) => Some("it contains something else".to_owned()),
            Self::Pod(_) if code != Some(0) => Some(format!("kubectl {}", exited(code))),
            Self::Pod(pod) => of_pods(&pod.name, &text),
        };
        match why {
            None => Ok(()),
            Some(why) => Err(Answer {
                why,
                said: said(output),
            }),
        }
    }
}

fn exited(code: Option<i32>) -> String {
    match code {
        Some(code) => format!("exited with status {code}"),
        None => "was ended by a signal".to_owned(),
    }
}

/// An answer that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub why: String,
    /// The end of what was printed.
    pub said: String,
}

/// Why not all pods of that name are Ready; `list` has a line for each pod of the namespace.
fn of_pods(name: &str, list: &str) -> Option<String> {
    let pods = list.lines().filter_map(|line| line.split_once(' '));
    let is_asked_for = |pod: &str| {
        let rest = pod.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let pods: Vec<_> = pods.filter(|(pod, _)| is_asked_for(pod)).collect();
    let waiting: Vec<&str> = (pods.iter())
        .filter(|(_, ready)| *ready != "True")
        .map(|(pod, _)| *pod)
        .collect();
    if pods.is_empty() {
        Some("there is no such pod".to_owned())
    } else if waiting.is_empty() {
        None
    } else {
        Some(format!("not Ready: {}", waiting.join(", ")))
    }
}

/// The last lines that were printed on both outputs.
fn said(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    let text = String::from_utf8_lossy(&all);
    let lines: Vec<&str> = text.trim().lines().collect();
    lines[lines.len().saturating_sub(LINES_MAX)..].join("\n")
}

/// `word` for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceId;

    #[test]
    fn patterns() {
        for (line, pattern, expected) in [
            ("kube1   Ready   control-plane", "kube1 *Ready *", true),
            ("kube1   NotReady   <none>", "kube1 * Ready*", false),
            ("abc", "abc", true),
            ("abcd", "abc", false),
            ("abc", "*", true),
            ("", "*", true),
            ("aXbXc", "a*b*c", true),
            ("ab", "a*b*b", false),
            ("ab", "ab*b", false),
            ("a.c", "a.*", true),
            ("abc", "a.c", false),
        ] {
            assert_eq!(is_like(line, pattern), expected, "{line} like {pattern}");
        }
    }

    #[test]
    fn pods_are_found_by_the_beginning_of_their_names() {
        let list = "coredns-7d-x True\ncoredns-7d-y False\ncorednsx True\nkube-proxy True\nnew \n";
        for (name, expected) in [
            ("coredns", Some("not Ready: coredns-7d-y")),
            ("coredns-7d-x", None),
            ("kube-proxy", None),
            ("new", Some("not Ready: new")),
            ("core", Some("there is no such pod")),
        ] {
            assert_eq!(of_pods(name, list).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn a_check_is_made_of_each_node() {
        let text = "version: 1\nchecks:\n\
            - {unit: a.service}\n\
            - {node: b, port: 22, from: a}\n\
            - {node: a, command: 'cat x', exit_status: 1}\n\
            - {pod: kube-system/coredns, within: 9s}\n";
        let (file, findings) = ChecksFile::read(text, SourceId(0));
        assert_eq!(findings, []);
        let address = |last| Ipv4Addr::new(10, 0, 0, last);
        let nodes = [("a".to_owned(), address(1)), ("b".to_owned(), address(2))];
        let found = checks(&file.unwrap(), &nodes);
        let found: Vec<_> = found
            .iter()
            .map(|it| {
                (
                    &it.nodes[..],
                    it.title.as_str(),
                    it.within.map(|t| t.as_secs()),
                )
            })
            .collect();
        let expected = [
            (&[0][..], "unit a.service", Some(60)),
            (&[1], "unit a.service", Some(60)),
            (&[0], "port 22 of b from a", Some(60)),
            (&[0], "`cat x` exits with 1", None),
            (&[0, 1], "pod kube-system/coredns is Ready", Some(9)),
        ];
        assert_eq!(found, expected);
    }
}
