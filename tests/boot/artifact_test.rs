//! `imgbuild test` on a node's ISO: each kind of check that needs no Kubernetes, one of which
//! fails; its reports; and the machines that it keeps for the next test.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

use imgbuild::qemu::mac_of;

use crate::console_log;
use crate::lab::{Lab, UNTIMED, program};

/// What each check gives, in the order of the file.
const EXPECTED: [(&str, &str); 8] = [
    ("ready", "passed"),
    ("unit systemd-networkd.service", "passed"),
    ("port 22", "passed"),
    ("port 9", "failed"),
    ("`hostname` is `kube1`", "passed"),
    ("`touch /usr/x` exits with 1", "passed"),
    ("file /etc/shadow is like `core:*`", "passed"),
    ("`uname` has `Darwin`", "failed"),
];

/// Reads JUnit's XML as other programs do, and prints what it found: the names and results of test
/// cases, after the numbers of all and of failed ones, which must be those that the suite says.
const JUNIT: &str = r#"
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
assert root.tag == "testsuites", root.tag
[suite] = root
assert suite.tag == "testsuite" and float(suite.get("time")) > 0 and suite.get("timestamp")
assert [it.tag for it in suite if it.tag != "testcase"] == ["properties", "system-out"]
cases = suite.findall("testcase")
failed = [it for it in cases if it.find("failure") is not None]
for numbers in root, suite:
    assert int(numbers.get("tests")) == len(cases)
    assert int(numbers.get("failures")) == len(failed)
    assert int(numbers.get("errors")) == int(numbers.get("skipped")) == 0
for case in cases:
    assert case.get("classname") == "kube1" and float(case.get("time")) >= 0
    assert all(it.tag == "failure" and it.get("message") for it in case)
    print(case.get("name"), "failed" if case in failed else "passed", sep=": ")
"#;

fn spec(lab: &Lab) -> std::path::PathBuf {
    let (key, mac) = (&lab.public_key, mac_of("kube1"));
    let text = format!(
        "\
version: 1
kernel_arguments: [{UNTIMED}]
hostname: kube1
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
network: {{interfaces: [{{name: lan0, mac: '{mac}', addresses: [192.168.77.10/24], gateway: 192.168.77.1}}]}}
storage_device: /dev/vda
"
    );
    lab.write("node.yaml", &text)
}

const CHECKS: &str = "\
version: 1
ssh: {key: ssh-key}
timeout: 30m
memory: 1024
checks:
  - {unit: systemd-networkd.service}
  - {port: 22}
  - {port: 9, within: 2s}
  - {command: hostname, is: kube1}
  - {node: kube1, command: touch /usr/x, exit_status: 1}
  - {file: /etc/shadow, like: 'core:*'}
  - {command: uname, has: Darwin}
";

/// Runs `imgbuild test ARGUMENTS` in the lab; the consoles are among those of the other tests.
fn run(lab: &Lab, arguments: &[&str]) -> Output {
    let logs = console_log::folder().join("artifact-test");
    let output = Command::new(program())
        .arg("test")
        .args(arguments)
        .arg("--logs")
        .arg(logs)
        .current_dir(lab.path(""))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    println!("{}{said}", String::from_utf8_lossy(&output.stdout));
    output
}

/// Boots the node, and starts it again from where it was.
pub fn tells_what_passed() {
    let lab = Lab::new();
    lab.build(&spec(&lab), "node.iso", &[]);
    lab.write("checks.yaml", CHECKS);
    let reports = ["--junit", "junit.xml", "--json", "report.json"];
    let arguments = [
        &["node.iso", "checks.yaml", "--snapshot", "s"],
        &reports[..],
    ]
    .concat();
    let begin = Instant::now();
    let first = run(&lab, &arguments);
    let boot = begin.elapsed();
    assert_eq!(first.status.code(), Some(1));
    let table = String::from_utf8_lossy(&first.stdout);
    for stage in [
        "firmware and loader",
        "kernel",
        "initrd and Ignition",
        "services",
    ] {
        assert!(table.contains(&format!("{stage} ")), "{stage}");
    }
    assert!(table.contains("(userspace) ="), "systemd's own times");
    judge(&lab, false);

    // What was in memory when it was saved is still there: the node did not boot again.
    let boot_id = "cat /proc/sys/kernel/random/boot_id";
    let same = format!(
        "version: 1\nmemory: 1024\nssh: {{key: ssh-key}}\nchecks: [{{command: {boot_id}, is: ID}}]\n"
    );
    let begin = Instant::now();
    let second = run(&lab, &arguments);
    let restored = begin.elapsed();
    assert_eq!(second.status.code(), Some(1));
    judge(&lab, true);
    println!(
        "booted in {:.0} s, from the snapshot in {:.1} s",
        boot.as_secs_f32(),
        restored.as_secs_f32()
    );
    assert!(restored * 2 < boot, "a snapshot saves half of the time");
    lab.write("same.yaml", &same);
    let third = run(&lab, &["node.iso", "same.yaml", "--snapshot", "s"]);
    let table = String::from_utf8_lossy(&third.stdout);
    let id = table.lines().find_map(|line| line.strip_prefix("    "));
    lab.write(
        "same.yaml",
        &same.replace("is: ID", &format!("is: {}", id.unwrap())),
    );
    let fourth = run(&lab, &["node.iso", "same.yaml", "--snapshot", "s"]);
    assert!(fourth.status.success(), "another boot than before");

    // A snapshot of something else is not started from, and what is none is not replaced.
    lab.write("s", "precious");
    let refused = run(&lab, &["node.iso", "--snapshot", "s"]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(fs::read_to_string(lab.path("s")).unwrap(), "precious");
}

/// Both reports say what is expected.
fn judge(lab: &Lab, from_snapshot: bool) {
    let python = Command::new("python3")
        .args(["-c", JUNIT])
        .arg(lab.path("junit.xml"))
        .output()
        .expect("starting python3 (Debian package python3)");
    let why = String::from_utf8_lossy(&python.stderr);
    assert!(python.status.success(), "{why}");
    let found = String::from_utf8_lossy(&python.stdout).into_owned();
    let expected = EXPECTED.map(|(title, verdict)| format!("{title}: {verdict}\n"));
    assert_eq!(found, expected.concat());

    let json = fs::read(lab.path("report.json")).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["from_snapshot"], from_snapshot);
    assert_eq!(json["passed"], false);
    let checks = json["checks"].as_array().unwrap().iter();
    let checks: Vec<_> = checks
        .map(|it| {
            (
                it["check"].as_str().unwrap(),
                it["verdict"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(checks, EXPECTED);
    let console = json["nodes"][0]["console"].as_str().unwrap();
    assert!(Path::new(console).is_file(), "{console}");
}
