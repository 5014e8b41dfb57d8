//! A node's files before the checks of the CIS Kubernetes Benchmark that can be made on files:
//! which pass with nothing but defaults, and that the page on security gives the reason for each of
//! the others.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use imgbuild::node::fragment::Owner;
use serde_json::Value as Json;

use crate::generated::Generated;

const CHECKS: &str = include_str!("checks.txt");

/// A cluster of one.
const SINGLE: &str = "\
version: 1
hostname: kube1
network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24]}]}
etcd: {}
kubernetes: {version: 1.36.2, role: single}
";

/// A control plane and a worker.
const CLUSTER: &str = "\
version: 1
kubernetes: {version: 1.36.2}
nodes:
- hostname: control1
  network: {interfaces: [{name: eth0, addresses: [192.168.1.11/24]}]}
  etcd: {}
  kubernetes: {role: control-plane}
- hostname: worker1
  network: {interfaces: [{name: eth0, addresses: [192.168.1.21/24]}]}
  kubernetes: {role: worker}
";

/// What one line of the table asks for.
struct Check<'a> {
    number: &'a str,
    is_scored: bool,
    words: Vec<&'a str>,
}

fn checks() -> Vec<Check<'static>> {
    let lines = CHECKS.lines().filter(|line| !line.is_empty());
    lines
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            assert!(["scored", "manual"].contains(&words[1]), "{line}");
            Check {
                number: words[0],
                is_scored: words[1] == "scored",
                words: words[2..].to_vec(),
            }
        })
        .collect()
}

/// Returns whether `name` is what `pattern`, with at most one `*`, stands for.
fn is_named(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((start, end)) => {
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

/// The places of a static pod, which the kubelet gets at once, after etcd or after the API server.
const PODS: [&str; 3] = [
    "/etc/kubernetes/manifests",
    "/etc/kubernetes/imgbuild/after-etcd",
    "/etc/kubernetes/imgbuild/static-pods",
];

/// The paths of the node's files, folders and units that `pattern` stands for, with their modes.
fn named(node: &Generated, pattern: &str) -> BTreeMap<String, u32> {
    if let Some(pod) = pattern.strip_prefix("POD/") {
        return (PODS.iter())
            .flat_map(|folder| named(node, &format!("{folder}/{pod}")))
            .collect();
    }
    let files = node
        .files
        .iter()
        .map(|(path, (mode, _))| (path.clone(), *mode));
    let folders = node
        .folders
        .iter()
        .map(|(path, mode)| (path.clone(), *mode));
    let units = (node.units.iter())
        .map(|unit| (format!("/etc/systemd/system/{}", unit.name.as_str()), 0o644));
    let all = files.chain(folders).chain(units);
    let changed = changed_modes(node);
    all.filter(|(path, _)| is_named(path, pattern))
        .map(|(path, mode)| {
            let mode = changed.get(&path).copied().unwrap_or(mode);
            (path, mode)
        })
        .collect()
}

/// The modes that systemd-tmpfiles sets (`z` in tmpfiles.d(5)).
fn changed_modes(node: &Generated) -> BTreeMap<String, u32> {
    let files = (node.files.iter()).filter(|(path, _)| path.starts_with("/etc/tmpfiles.d/"));
    files
        .flat_map(|(_, (_, text))| text.lines())
        .filter_map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let ["z", path, mode] = words[..] else {
                return None;
            };
            Some((path.to_owned(), octal(mode)))
        })
        .collect()
}

fn octal(text: &str) -> u32 {
    u32::from_str_radix(text, 8).unwrap_or_else(|_| panic!("{text} is no mode"))
}

/// The value of a program's flag.
fn flag(node: &Generated, program: &str, name: &str) -> Option<String> {
    if program == "etcd" && node.files.contains_key("/etc/default/etcd") {
        let variable = format!("ETCD_{}=", name.to_uppercase().replace('-', "_"));
        let mut settings = node.text("/etc/default/etcd").lines();
        return settings.find_map(|line| Some(line.strip_prefix(&variable)?.to_owned()));
    }
    let start = format!("--{name}=");
    let flags = node.flags(program);
    flags
        .iter()
        .find_map(|flag| Some(flag.strip_prefix(&start)?.to_owned()))
}

/// The value of a field as text, a list's joined by commas.
fn field(node: &Generated, path: &str, pointer: &str) -> Option<String> {
    node.files.get(path)?;
    match node.yaml(path).pointer(pointer)? {
        Json::String(text) => Some(text.clone()),
        Json::Array(items) => {
            let items: Vec<_> = items.iter().filter_map(Json::as_str).collect();
            Some(items.join(","))
        }
        other => Some(other.to_string()),
    }
}

fn is_expected(value: Option<&str>, expected: &[&str]) -> bool {
    let has = |word: &str| value.is_some_and(|value| value.split(',').any(|one| one == word));
    match expected {
        ["set"] => value.is_some(),
        ["unset"] => value.is_none(),
        ["not", wrong] => value != Some(wrong),
        ["has", word] => has(word),
        ["lacks", word] => !has(word),
        ["within", words @ ..] => {
            value.is_some_and(|value| value.split(',').all(|one| words.contains(&one)))
        }
        [one] => match (one.strip_prefix(">="), one.strip_prefix('=')) {
            (Some(least), _) => {
                let number = |text: &str| text.parse::<u32>().expect("a number");
                value.is_some_and(|value| number(value) >= number(least))
            }
            (None, Some(wanted)) => value == Some(wanted),
            (None, None) => panic!("{one} is no expectation"),
        },
        _ => panic!("{expected:?} is no expectation"),
    }
}

fn passes(node: &Generated, check: &Check) -> bool {
    let every = |pattern: &str, holds: &dyn Fn(&str, u32) -> bool| {
        let found = named(node, pattern);
        !found.is_empty() && found.iter().all(|(path, mode)| holds(path, *mode))
    };
    match check.words[..] {
        ["mode", pattern, most] => every(pattern, &|_, mode| mode & !octal(most) == 0),
        ["root", pattern] => every(pattern, &|path, _| !node.foreign.contains_key(path)),
        ["owner", pattern, user] => every(pattern, &|path, _| {
            let owner = node.foreign.get(path);
            owner.is_some_and(|Owner { user: name, .. }| {
                name.as_ref().is_some_and(|it| it.as_str() == user)
            })
        }),
        ["flag", program, name, ref expected @ ..] => {
            is_expected(flag(node, program, name).as_deref(), expected)
        }
        ["field", path, pointer, ref expected @ ..] => {
            is_expected(field(node, path, pointer).as_deref(), expected)
        }
        ["differ", one, other] => node.text(one) != node.text(other),
        _ => panic!("{:?} is no check", check.words),
    }
}

/// What a check, all lines of a number, says of a node.
struct Verdict {
    number: &'static str,
    is_scored: bool,
    passes: bool,
}

/// What the checks of the table say of a node. A worker has those of every node.
fn verdicts(node: &Generated, is_worker: bool) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = Vec::new();
    for check in checks() {
        if is_worker && !check.number.starts_with("4.") {
            continue;
        }
        let passes = passes(node, &check);
        match verdicts.last_mut() {
            Some(last) if last.number == check.number => last.passes &= passes,
            _ => verdicts.push(Verdict {
                number: check.number,
                is_scored: check.is_scored,
                passes,
            }),
        }
    }
    verdicts
}

/// The numbers of those that fail, among the scored ones or the others.
fn failed(verdicts: &[Verdict], scored: bool) -> Vec<&'static str> {
    let failed = (verdicts.iter()).filter(|one| one.is_scored == scored && !one.passes);
    failed.map(|one| one.number).collect()
}

/// Counts, and the numbers of what fails.
fn summary(name: &str, verdicts: &[Verdict]) -> String {
    let passed = verdicts.iter().filter(|one| one.passes).count();
    let mut text = format!("{name}: {passed} of {} pass\n", verdicts.len());
    for (scored, word) in [(true, "scored"), (false, "manual")] {
        let all = verdicts.iter().filter(|one| one.is_scored == scored);
        let failed = failed(verdicts, scored);
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "  {word}: {} pass, {} fail: {}",
            all.count() - failed.len(),
            failed.len(),
            failed.join(" ")
        );
    }
    text
}

/// The nodes, by what they are.
fn nodes() -> Vec<(&'static str, Vec<Verdict>)> {
    let single = Generated::of(SINGLE, &[]);
    let etcd_in_a_pod = Generated::of(&SINGLE.replace("etcd: {}", "etcd: {static_pod: true}"), &[]);
    let control_plane = Generated::nth(CLUSTER, &[], 0);
    let worker = Generated::nth(CLUSTER, &[], 1);
    vec![
        ("single", verdicts(&single, false)),
        ("etcd as a static pod", verdicts(&etcd_in_a_pod, false)),
        ("control plane", verdicts(&control_plane, false)),
        ("worker", verdicts(&worker, true)),
    ]
}

#[test]
fn the_table_is_the_benchmarks() {
    let verdicts = verdicts(&Generated::of(SINGLE, &[]), false);
    assert_eq!(verdicts.len(), 92);
    assert_eq!(verdicts.iter().filter(|one| one.is_scored).count(), 65);
}

#[test]
fn defaults_pass() {
    let mut text = String::new();
    for (name, verdicts) in nodes() {
        text.push_str(&summary(name, &verdicts));
        assert!(failed(&verdicts, true).len() <= 3, "{text}");
    }
    println!("{text}");
    insta::assert_snapshot!(text);
}

/// The page on security gives the reason for each check that fails, and for no other.
#[test]
fn the_page_has_the_reasons() {
    let page = imgbuild::pages::topic("security").expect("a page").text;
    let rows: Vec<&str> = (page.lines())
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .flat_map(|numbers| numbers.split(", "))
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    let (_, single) = &nodes()[0];
    let failed: Vec<_> = (single.iter().filter(|one| !one.passes))
        .map(|one| one.number)
        .collect();
    assert_eq!(rows, failed);
}
