//! What is shown of texts that others wrote: no secret, and nothing that the terminal obeys.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn imgbuild(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args(arguments)
        .current_dir(folder)
        .env("IMGBUILD_CACHE", folder.join("cache"))
        .output()
        .expect("imgbuild runs")
}

fn all(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

const HEAD: &str = "version: 1\nhostname: kube1\n";

/// Specs with the secret `hunter2` in a place that is wrong, or next to one that is.
const SPECS: [(&str, &str); 19] = [
    (
        "a mistyped key",
        "users:\n  - name: core\n    pasword: hunter2\n",
    ),
    (
        "a mistyped key in brackets",
        "users: [{name: core, passwrd_hash: hunter2, uid: x}]\n",
    ),
    (
        "the line beside it",
        "users:\n  - name: core\n    password_hash: '$6$hunter2$hunter2hunter2'\n    udi: 5\n",
    ),
    (
        "a password for its hash",
        "users: [{name: core, password_hash: hunter2}]\n",
    ),
    ("a key of the root", "token: hunter2\n"),
    (
        "a token that is none",
        "kubernetes: {version: 1.36.2, role: single, bootstrap_token: hunter2}\n",
    ),
    (
        "of two lines",
        "users:\n  - name: core\n    pasword: |\n      hunter2\n      hunter2\n    udi: 5\n",
    ),
    (
        "a plain text of two lines",
        "users:\n  - name: core\n    pasword: a\n      hunter2\n    udi: 5\n",
    ),
    (
        "a number where there is a text",
        "users: [{name: core, password_hash: [hunter2]}]\n",
    ),
    (
        "a proxy",
        "proxy: {http: 'htp://me:hunter2@proxy.example:3128'}\n",
    ),
    (
        "a proxy of another key",
        "prox: {http: 'http://me:hunter2@proxy.example:3128'}\n",
    ),
    (
        "a registry",
        "containerd: {registries: [{host: a.example, logn: {username: a, password: hunter2}}]}\n",
    ),
    (
        "LUKS",
        "storage: {luks: [{name: a, devce: /dev/vdb, key_file: {inline: hunter2}}]}\n",
    ),
    (
        "LUKS, in lines",
        "storage:\n  luks:\n    - name: a\n      devce: /dev/vdb\n      key_file:\n        inline: hunter2\n",
    ),
    (
        "WireGuard",
        "storage:\n  files:\n    - path: /etc/wg0.conf\n      mdoe: 0600\n      contents:\n        inline: |\n          PrivateKey = hunter2\n",
    ),
    (
        "a header",
        "storage: {files: [{path: /a, contents: {source: 'https://a', httpheaders: [{name: Authorization, value: 'Bearer hunter2hunter2'}]}}]}\n",
    ),
    (
        "a private key",
        "ca_certificates:\n  - inline: |\n      -----BEGIN PRIVATE KEY-----\n      hunter2\n      -----END PRIVATE KEY-----\n",
    ),
    (
        "an unfinished line",
        "users: [{name: core, password_hash: 'hunter2\n",
    ),
    (
        "a kubeconfig",
        "storage:\n  files:\n    - pth: /etc/kubeconfig\n      contents:\n        inline: |\n          users:\n          - user: {token: hunter2}\n",
    ),
];

#[test]
fn secrets_are_not_shown_in_diagnostics() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for (name, spec) in SPECS {
        fs::write(folder.join("node.yaml"), format!("{HEAD}{spec}")).expect("writes");
        for format in ["text", "json"] {
            let output = imgbuild(folder, &["check", "node.yaml", "--message-format", format]);
            let shown = all(&output);
            assert_eq!(output.status.code(), Some(2), "{name}: {shown}");
            assert!(!shown.contains("hunter2"), "{name}, {format}: {shown}");
        }
    }
}

#[test]
fn secrets_are_not_shown_by_import() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    for (name, config) in [
        (
            "Ignition",
            r#"{"ignition":{"version":"3.3.0"},"passwd":{"users":[{"name":"a","passwordHash":"hunter2","x":1}]}}"#,
        ),
        (
            "Butane",
            "variant: fcos\nversion: 1.5.0\npasswd:\n  users:\n    - name: a\n      shoud: 1\n      password_hash: hunter2\n",
        ),
        (
            "no YAML",
            "variant: fcos\npasswd: {users: [{name: a, password_hash: hunter2\n",
        ),
    ] {
        fs::write(folder.join("a.bu"), config).expect("writes");
        let output = imgbuild(folder, &["import", "a.bu", "-o", "imported.yaml"]);
        let shown = all(&output);
        assert!(shown.contains("a.bu:"), "{name}: {shown}");
        assert!(!shown.contains("hunter2"), "{name}: {shown}");
    }
}

/// Carets still stand below what is wrong.
#[test]
fn marks_stay_in_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let spec = format!("{HEAD}users: [{{name: core, password_hash: hunter2hunter2, udi: 5}}]\n");
    fs::write(folder.join("node.yaml"), spec).expect("writes");
    let shown = all(&imgbuild(folder, &["check", "node.yaml"]));
    let mut lines = shown
        .lines()
        .skip_while(|line| !line.contains("unknown key `udi`"));
    let line = lines
        .find(|line| line.contains("udi: 5}]"))
        .expect("is shown");
    assert!(line.contains("password_hash: ***, udi"), "{shown}");
    let marks = lines.next().expect("are below");
    assert_eq!(marks.find("^^^"), line.find("udi"), "{shown}");
}

/// Escape sequences, in what an artifact, a spec and a lock say of themselves.
#[test]
fn no_escape_sequence_reaches_the_terminal() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let evil = "\u{1b}]0;x\u{7}\u{9b}2J\u{202e}\r";
    let json = |text: &str| serde_json::to_string(text).expect("a text");
    let config = |n: u32| {
        format!(
            r#"{{"ignition":{{"version":{version}}},"storage":{{"files":[
              {{"path":"/etc/hostname","contents":{{"source":"data:,%1b%5b2J"}}}},
              {{"path":{path},"mode":420,"contents":{{"source":"data:,a%1b%5b2J{n}%0A"}}}}]}},
             "systemd":{{"units":[{{"name":{path},"enabled":true,"contents":{{}}}}]}},
             "kernelArguments":{{"shouldExist":[{path}]}}, {path}: {n}}}"#,
            version = json(&format!("3.3.0{evil}{n}")),
            path = json(&format!("/a{evil}")),
        )
        .replace(
            r#""contents":{}"#,
            &format!(r#""contents":{}"#, json(&format!("{evil}{n}"))),
        )
    };
    fs::write(folder.join("a.ign"), config(1)).expect("writes");
    fs::write(folder.join("b.ign"), config(2)).expect("writes");
    fs::write(folder.join("c.ign"), format!("{{\"a\":1,{evil}")).expect("writes");
    fs::write(folder.join("node.yaml"), HEAD).expect("writes");
    let key = format!(
        "{HEAD}{}: 1\nmodules: [{0}]\n",
        json(&evil.replace('\u{9b}', "\u{9b}x"))
    );
    fs::write(folder.join("evil.yaml"), key).expect("writes");
    let spec = format!("{HEAD}# {evil}\nhostnam: a\n");
    fs::write(folder.join("raw.yaml"), spec).expect("writes");
    let lock = format!(r#"{{"version":1,"images":{{{0}:{0}}}}}"#, json(evil));
    for arguments in [
        &["inspect", "a.ign"][..],
        &["inspect", "c.ign"],
        &["diff", "a.ign", "b.ign"],
        &["verify", "a.ign", "node.yaml"],
        &[
            "import",
            "a.ign",
            "--target",
            "flatcar",
            "-o",
            "imported.yaml",
        ],
        &["embed", "--pxe", "--ignition", "a.ign", "-o", "a.img"],
        &["check", "evil.yaml"],
        &["check", "raw.yaml"],
        &["check", evil],
        &["inspect", evil],
        &["explain", evil],
        &["help", evil],
        &["base", "gc", "--lock", "imgbuild.lock"],
    ] {
        fs::write(folder.join("imgbuild.lock"), &lock).expect("writes");
        let shown = all(&imgbuild(folder, arguments));
        assert!(!shown.is_empty(), "{arguments:?}");
        let raw = |c: char| (c.is_control() && !matches!(c, '\n' | '\t')) || c == '\u{202e}';
        assert!(!shown.contains(raw), "{arguments:?}: {shown:?}");
    }
}
