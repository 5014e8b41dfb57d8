//! Input that is meant to hurt: each gets a plain diagnostic, soon.

use std::fmt::Write;
use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;

use imgbuild::diagnostic::{Rendering, Sources, json_lines, render};

use crate::specs::check::{check, lines, write};

/// Checks `node.yaml` in a folder that `lay` fills; gives the lines of what is said.
fn said(lay: impl Fn(&Path)) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let project = folder.path().join("project");
    let home = folder.path().join("home");
    fs::create_dir_all(&project).expect("making a folder");
    fs::create_dir_all(&home).expect("making a folder");
    lay(&project);
    let mut sources = Sources::default();
    let diagnostics = check(&project.join("node.yaml"), &home, &mut sources);
    for diagnostic in &diagnostics {
        render(diagnostic, &sources, Rendering::default());
    }
    json_lines(&diagnostics, &sources);
    lines(&diagnostics, &sources, &project)
}

/// What is said of a `node.yaml` of these bytes.
fn said_of(bytes: impl AsRef<[u8]>) -> Vec<String> {
    said(|project| write(project, "node.yaml", &bytes))
}

const HEAD: &str = "version: 1\nhostname: kube1\n";

#[test]
fn files_that_are_none() {
    for (name, lay, expected) in [
        (
            "missing",
            (|_| {}) as fn(&Path),
            "-: error[E0001]: cannot read `node.yaml`: no such file",
        ),
        (
            "a folder",
            |project| fs::create_dir(project.join("node.yaml")).expect("making a folder"),
            "-: error[E0001]: cannot read `node.yaml`: it is a folder",
        ),
        (
            "a device that never ends",
            |project| symlink("/dev/zero", project.join("node.yaml")).expect("making a link"),
            "-: error[E0001]: cannot read `node.yaml`: it is not a regular file",
        ),
        (
            "a socket, which like a pipe would wait",
            |project| {
                std::os::unix::net::UnixListener::bind(project.join("node.yaml"))
                    .expect("making a socket");
            },
            "-: error[E0001]: cannot read `node.yaml`: it is not a regular file",
        ),
        (
            "100 MB",
            |project| {
                let file = File::create(project.join("node.yaml")).expect("making a file");
                file.set_len(100_000_000).expect("making it large");
            },
            "-: error[E0002]: `node.yaml` is larger than 1 MiB",
        ),
    ] {
        assert_eq!(said(lay), [expected], "{name}");
    }
}

#[test]
fn bytes_that_are_no_text() {
    for (name, bytes, expected) in [
        (
            "Latin-1",
            b"version: 1\nhostname: k\xfcbe\n".to_vec(),
            vec![
                "node.yaml:2:12: error[E0003]: the file is not UTF-8: byte 0xfc at offset 22",
                "    help: convert it, for example with `iconv -t UTF-8`",
            ],
        ),
        (
            "UTF-16",
            "version: 1\n"
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect(),
            vec![
                "node.yaml:1:2: error[E0013]: a NUL byte in YAML text",
                "    help: remove it, or write it as an escape sequence in double quotes",
            ],
        ),
        (
            "NUL after a letter of two bytes",
            "version: 1\nhostname: ü\0\n".into(),
            vec![
                "node.yaml:2:12: error[E0013]: a NUL byte in YAML text",
                "    help: remove it, or write it as an escape sequence in double quotes",
            ],
        ),
        (
            "an escape for the terminal",
            "version: 1\nhostname: \u{1b}[2J\n".into(),
            vec![
                "node.yaml:2:11: error[E0013]: the control character U+001B in YAML text",
                "    help: remove it, or write it as an escape sequence in double quotes",
            ],
        ),
        (
            "a byte order mark and CRLF are fine",
            "\u{feff}version: 1\r\nhostname: kube1\r\nuser: []\r\n".into(),
            vec![
                "node.yaml:3:1: error[E0100]: unknown key `user` in a node",
                "    help: did you mean `users`?",
            ],
        ),
        (
            "a byte order mark before a mistake",
            "\u{feff}versio: 1\r\nhostname: kube1\r\nversion: 1\n".into(),
            vec![
                "node.yaml:1:1: error[E0100]: unknown key `versio` in a node",
                "    help: did you mean `version`?",
            ],
        ),
        (
            "no value",
            b"# only a comment\n".to_vec(),
            vec![
                "node.yaml:1:1: error[E0014]: the file is empty",
                "    help: a spec starts with `version: 1` and `hostname:`",
            ],
        ),
    ] {
        assert_eq!(said_of(bytes), expected, "{name}");
    }
}

#[test]
fn bombs() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..20 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        writeln!(laughs, "a{level}: &a{level} [{before}]").expect("a string");
    }
    let nodes = format!(
        "version: 1\nmodules: [{}]\nnodes: [{}]\n",
        (0..9000).fold(String::new(), |text, n| format!("{text}m{n}, ")),
        (0..1000).fold(String::new(), |text, n| format!(
            "{text}{{hostname: n{n}}}, "
        )),
    );
    for (name, text, place, code) in [
        (
            "billion laughs",
            format!("{HEAD}{laughs}"),
            "node.yaml:7:",
            "E0006",
        ),
        (
            "deep flow",
            format!("{HEAD}users: {}", "[".repeat(1_000_000)),
            "node.yaml:3:",
            "E0005",
        ),
        (
            "deep maps",
            format!("{HEAD}users: {}", "{a: ".repeat(200_000)),
            "node.yaml:3:",
            "E0005",
        ),
        (
            "deep block",
            (0..1400).fold(String::new(), |text, n| {
                format!("{text}{}a:\n", " ".repeat(n))
            }),
            "node.yaml:65:",
            "E0005",
        ),
        (
            "many values",
            format!("{HEAD}modules: [{}]\n", "a,".repeat(500_000)),
            "node.yaml:3:",
            "E0006",
        ),
        (
            "a long list",
            format!("{HEAD}modules: [{}]\n", "a,".repeat(10_001)),
            "node.yaml:3:10:",
            "E0006",
        ),
        ("many nodes", nodes, "node.yaml:3:1", "E0006"),
    ] {
        let said = said_of(text);
        let first = &said[0];
        assert!(
            first.starts_with(place) && first.contains(code),
            "{name}: {first}"
        );
    }
}

/// A file of nothing but mistakes: all are told, in time that grows with the file.
#[test]
fn many_mistakes() {
    let text = (0..10_000).fold(String::from(HEAD), |mut text, n| {
        writeln!(text, "key{n}: 1").expect("a string");
        text
    });
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), "node.yaml", text);
    let mut sources = Sources::default();
    let diagnostics = check(
        &folder.path().join("node.yaml"),
        folder.path(),
        &mut sources,
    );
    assert_eq!(diagnostics.len(), 10_000);
    assert_eq!(json_lines(&diagnostics, &sources).lines().count(), 10_000);
}

#[test]
fn includes_that_lead_astray() {
    assert_eq!(
        said(|project| {
            write(project, "node.yaml", format!("{HEAD}include: [a.yaml]\n"));
            symlink("/etc/passwd", project.join("a.yaml")).expect("making a link");
        }),
        [
            "node.yaml:3:11: error[E0016]: `a.yaml` is outside the spec's folder",
            "    ^ points outside the project",
            "    help: move the file next to the spec, or the spec to a folder above the file",
        ],
        "a link out of the project"
    );
    assert_eq!(
        said(|project| {
            write(project, "node.yaml", format!("{HEAD}include: [a.yaml]\n"));
            let file = File::create(project.join("a.yaml")).expect("making a file");
            file.set_len(100_000_000).expect("making it large");
        }),
        ["node.yaml:3:11: error[E0002]: `a.yaml` is larger than 1 MiB"],
        "a large file"
    );
    let said = said(|project| {
        write(project, "node.yaml", format!("{HEAD}include: [i0.yaml]\n"));
        for n in 0..40 {
            write(
                project,
                &format!("i{n}.yaml"),
                format!("include: [i{}.yaml]\n", n + 1),
            );
        }
    });
    assert_eq!(
        said,
        ["i15.yaml:1:11: error[E0017]: includes are nested more than 16 levels deep"]
    );
}

/// Ten files that each include the next one ten times would be read 10^10 times.
#[test]
fn includes_that_multiply() {
    let said = said(|project| {
        write(project, "node.yaml", format!("{HEAD}include: [i0.yaml]\n"));
        for n in 0..10 {
            let next = format!("i{}.yaml, ", n + 1).repeat(10);
            write(
                project,
                &format!("i{n}.yaml"),
                format!("include: [{next}]\n"),
            );
        }
        write(project, "i10.yaml", "modules: [a]\n");
    });
    assert!(said[0].contains("E0006"), "{}", said[0]);
}

#[test]
fn local_files() {
    let key =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEYSg9hGbKSkAWGFpVxlXKW9iNw1CmJDcrJ5mFvWTXIm lab\n";
    let spec = |path: &str| {
        format!("{HEAD}users:\n  - name: core\n    ssh_authorized_keys_local: [{path}]\n")
    };
    for (name, path, files, expected) in [
        ("a key", "a.pub", vec![("a.pub", key)], vec![]),
        (
            "a key at home",
            "~/.ssh/*.pub",
            vec![("../home/.ssh/id.pub", key)],
            vec![],
        ),
        (
            "no key",
            "~/.ssh/*.pub",
            vec![],
            vec![
                "node.yaml:5:33: warning[W0100]: no file matches `~/.ssh/*.pub`",
                "    help: create a key with `ssh-keygen`; without one, no one can log in over SSH",
            ],
        ),
        (
            "a private key",
            "id",
            vec![("id", "-----BEGIN OPENSSH PRIVATE KEY-----\n")],
            vec![
                "node.yaml:5:33: error[E0120]: line 1 of `id` is not an SSH public key",
                "    ^ this is a private key; only public keys belong here",
            ],
        ),
        (
            "above the project",
            "../home/a.pub",
            vec![("../home/a.pub", key)],
            vec![
                "node.yaml:5:33: error[E0016]: `../home/a.pub` is outside the spec's folder",
                "    ^ points outside the project",
                "    help: move the file next to the spec, or the spec to a folder above the file",
            ],
        ),
    ] {
        let said = said(|project| {
            write(project, "node.yaml", spec(path));
            for (path, text) in &files {
                write(project, path, text);
            }
        });
        assert_eq!(said, expected, "{name}");
    }
    let said = said(|project| {
        let units = "systemd:\n  units:\n    - {name: a.service, contents_local: a.service}\n";
        write(project, "node.yaml", format!("{HEAD}{units}"));
        write(project, "a.service", b"[Unit]\n\xff");
    });
    assert_eq!(
        said,
        ["node.yaml:5:41: error[E0003]: `a.service` is not UTF-8: byte 0xff at offset 7"]
    );
}
