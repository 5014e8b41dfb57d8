//! What `ignition` refuses, by what stands in the spec's own sections: against what imgbuild generates, against Ignition's rules and
//! against systemd's. Where a program knows the rule, it is asked too.

mod nodes;

use std::fmt::Write;
use std::process::{Command, Output};
use std::time::SystemTime;

use ignition_config::v3_3;
use imgbuild::diagnostic::{Diagnostic, Severity, Sources, codes};
use imgbuild::ignition;
use imgbuild::parts::{Contents, Directory, File, Fragment, Link, Origin, Owner, Unit};
use imgbuild::pki::{Access, KeyFolder, Keys, system_random};
use imgbuild::plan::{Node, Swap, decide};
use imgbuild::spec::load;

/// Runs `command`, which Debian's `package` has.
fn run(package: &str, command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| {
        panic!("running {command:?}: {error}; Debian's package `{package}` has it")
    })
}

/// The place of the spec's own things in these tests.
fn own() -> Origin {
    Origin::new("storage", nodes::span(90))
}

fn file(path: &str, text: &str) -> File {
    File {
        overwrite: false,
        ..File::text(nodes::name(path), text, own())
    }
}

fn link(path: &str) -> Link {
    Link {
        path: nodes::name(path),
        target: "elsewhere".to_owned(),
        hard: false,
        owner: Owner::default(),
        overwrite: false,
        origin: own(),
    }
}

fn directory(path: &str, mode: u32) -> Directory {
    Directory {
        path: nodes::name(path),
        mode,
        owner: Owner::default(),
        overwrite: false,
        origin: own(),
    }
}

fn unit(name: &str, contents: &str) -> Unit {
    Unit::enabled(nodes::name(name), contents, own())
}

fn fetched(path: &str, resource: v3_3::Resource) -> File {
    File {
        contents: Some(Contents::Remote(resource)),
        ..file(path, "")
    }
}

fn source(url: &str) -> v3_3::Resource {
    v3_3::Resource {
        source: Some(url.to_owned()),
        ..v3_3::Resource::default()
    }
}

/// `node` with `own`, compiled: all that is found, and the config where there is one.
fn compile(node: &Node, own: Fragment) -> (Vec<Diagnostic>, Option<v3_3::Config>) {
    let node = Node {
        own,
        ..node.clone()
    };
    match ignition::compile(&node) {
        Ok(compiled) => (compiled.warnings, Some(compiled.config)),
        Err(found) => (found, None),
    }
}

/// Code, line (an offset stands for it here), message, help and related lines of a diagnostic.
fn shown(diagnostic: &Diagnostic) -> String {
    let line = |span: imgbuild::diagnostic::Span| span.start.to_string();
    let mut text = format!(
        "{} {} {}",
        diagnostic.code.0,
        diagnostic.span.map_or("-".to_owned(), line),
        diagnostic.message
    );
    if let Some(label) = &diagnostic.label {
        let _ = write!(text, " | {label}");
    }
    for (span, words) in &diagnostic.related {
        let _ = write!(text, " | {}: {words}", line(*span));
    }
    if let Some(help) = &diagnostic.help {
        let _ = write!(text, " | help: {help}");
    }
    text
}

fn files(files: Vec<File>) -> Fragment {
    Fragment {
        files,
        ..Fragment::default()
    }
}

fn units(units: Vec<Unit>) -> Fragment {
    Fragment {
        units,
        ..Fragment::default()
    }
}

#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn own_things_against_generated_ones() {
    let overwriting = File {
        overwrite: true,
        ..file("/etc/hostname", "other\n")
    };
    let masked = Unit {
        enabled: None,
        contents: None,
        mask: true,
        ..unit("etcd.service", "")
    };
    let dropin =
        |name: &str, text: &str| Unit::dropin(nodes::name("nftables.service"), name, text, own());
    let cases: Vec<(&str, Fragment)> = vec![
        ("a file", files(vec![file("/etc/hostname", "other\n")])),
        ("a file, overwriting", files(vec![overwriting])),
        (
            "more lines",
            files(vec![File::appended(
                nodes::name("/etc/hosts"),
                "10.0.0.1 a\n",
                own(),
            )]),
        ),
        (
            "all of a file that parts add to",
            files(vec![file("/etc/environment", "A=b\n")]),
        ),
        (
            "a link for a file",
            Fragment {
                links: vec![link("/etc/hosts")],
                ..Fragment::default()
            },
        ),
        (
            "a directory for a file",
            Fragment {
                directories: vec![directory("/etc/hosts", 0o755)],
                ..Fragment::default()
            },
        ),
        (
            "a directory with another mode",
            Fragment {
                directories: vec![directory("/var/lib/imgbuild/kubelet", 0o700)],
                ..Fragment::default()
            },
        ),
        ("below a file", files(vec![file("/etc/hosts/a", "")])),
        (
            "below a unit",
            files(vec![file("/etc/systemd/system/etcd.service/a", "")]),
        ),
        (
            "a unit as a file",
            files(vec![file("/etc/systemd/system/etcd.service", "")]),
        ),
        (
            "a drop-in as a file",
            files(vec![file(
                "/etc/systemd/system/nftables.service.d/10-own-table.conf",
                "",
            )]),
        ),
        (
            "a unit",
            units(vec![unit(
                "etcd.service",
                "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=a.target\n",
            )]),
        ),
        ("a unit, masked", units(vec![masked])),
        (
            "a unit, disabled",
            units(vec![Unit {
                enabled: Some(false),
                contents: None,
                ..unit("etcd.service", "")
            }]),
        ),
        (
            "another drop-in",
            units(vec![dropin("20-mine.conf", "[Unit]\nDescription=a\n")]),
        ),
        (
            "the same drop-in",
            units(vec![dropin("10-own-table.conf", "[Unit]\nDescription=a\n")]),
        ),
        (
            "a user",
            Fragment {
                users: vec![(v3_3::User::new("core".to_owned()), own())],
                ..Fragment::default()
            },
        ),
        (
            "a disk",
            Fragment {
                disks: vec![(
                    v3_3::Disk::new("/dev/disk/by-id/ata-DISK_1".to_owned()),
                    own(),
                )],
                ..Fragment::default()
            },
        ),
        (
            "the image",
            files(vec![
                file("/usr/bin/a", ""),
                file("/lib/a", ""),
                file("/usr/local/bin/a", ""),
                file("/user/a", ""),
            ]),
        ),
        ("set-user-ID", files(vec![file("/opt/a", "").mode(0o4755)])),
        ("a decimal mode", files(vec![file("/opt/a", "").mode(644)])),
    ];
    let mut text = String::new();
    for (name, own) in cases {
        let (found, config) = compile(&nodes::full(), own);
        let _ = writeln!(
            text,
            "{name}: {}",
            if config.is_some() { "taken" } else { "refused" }
        );
        for diagnostic in found {
            let _ = writeln!(text, "    {}", shown(&diagnostic));
        }
    }
    insta::assert_snapshot!("own_things_against_generated_ones", text);
}

#[test]
fn contents_that_ignition_would_trip_over() {
    let hashed = |url: &str, hash: &str| v3_3::Resource {
        verification: Some(v3_3::Verification {
            hash: Some(hash.to_owned()),
        }),
        ..source(url)
    };
    let gzip = |url: &str| v3_3::Resource {
        compression: Some("gzip".to_owned()),
        ..source(url)
    };
    // The SHA-256 and SHA-512 of `a`.
    let right = "sha256-ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    let long = "sha512-1f40fc92da241694750979ee6cf582f2d5d7d28e18335de05abc54d0560e0f5302860c652bf08d560252aa5e74210546f369fbbbce8c12cfc7957b2652fe9a75";
    let wrong = format!("sha256-{}", "0".repeat(64));
    // `a`, compressed by gzip.
    let packed = "data:;base64,H4sIAAAAAAACA0sEAEO+t+gBAAAA";
    for (name, resource, want) in [
        ("a data URL", source("data:,a"), None),
        ("right hash", hashed("data:,a", right), None),
        ("right long hash", hashed("data:;base64,YQ==", long), None),
        ("wrong hash", hashed("data:,a", &wrong), Some("E0306")),
        ("gzip", gzip(packed), None),
        (
            "gzip with the hash of what it holds",
            v3_3::Resource {
                compression: Some("gzip".to_owned()),
                ..hashed(packed, right)
            },
            None,
        ),
        ("not gzip", gzip("data:,a"), Some("E0307")),
        (
            "cut gzip",
            gzip("data:;base64,H4sIAAAAAAACA0sEAA=="),
            Some("E0307"),
        ),
        ("not base64", source("data:;base64,!"), Some("E0305")),
        ("no comma", source("data:a"), Some("E0305")),
        (
            "a scheme of nobody's",
            source("ftp://example.com/a"),
            Some("E0305"),
        ),
        ("https", source("https://example.com/a"), None),
        ("http", source("http://example.com/a"), Some("W0303")),
        (
            "http with a hash",
            hashed("http://example.com/a", right),
            None,
        ),
    ] {
        let (found, _) = compile(&nodes::bare(), files(vec![fetched("/opt/a", resource)]));
        let codes: Vec<_> = found.iter().map(|diagnostic| diagnostic.code.0).collect();
        assert_eq!(codes, Vec::from_iter(want), "{name}: {found:?}");
    }
    let nothing = File {
        contents: None,
        overwrite: true,
        ..file("/opt/a", "")
    };
    let (found, _) = compile(&nodes::bare(), files(vec![nothing]));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code.0, "E0308");
}

/// Storage sections that `ignition-validate` refuses, and so do we; with those that both take.
#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn disks_as_ignition_validate_sees_them() {
    let partitions =
        |text: &str| format!(r#"{{"disks":[{{"device":"/dev/vdb","partitions":[{text}]}}]}}"#);
    let filesystem = |text: &str| format!(r#"{{"filesystems":[{{"device":"/dev/vdb",{text}}}]}}"#);
    let raid = |text: &str| format!(r#"{{"raid":[{{"name":"a",{text}}}]}}"#);
    let luks = |text: &str| format!(r#"{{"luks":[{{"name":"a"{text}}}]}}"#);
    let long = "x".repeat(48);
    // Whether Ignition's own check takes it, and what ours says.
    let cases = [
        (
            "two partitions",
            partitions(
                r#"{"number":1,"label":"a","startMiB":1,"sizeMiB":9},{"number":2,"label":"b","startMiB":10,"sizeMiB":9}"#,
            ),
            true,
            None,
        ),
        (
            "overlap",
            partitions(
                r#"{"number":1,"label":"a","startMiB":1,"sizeMiB":10},{"number":2,"label":"b","startMiB":10,"sizeMiB":9}"#,
            ),
            false,
            Some("E0314"),
        ),
        (
            "gone with a label",
            partitions(r#"{"number":1,"label":"a","shouldExist":false}"#),
            false,
            Some("E0314"),
        ),
        (
            "gone beside one without a number",
            partitions(r#"{"number":1,"shouldExist":false},{"label":"b"}"#),
            false,
            Some("E0314"),
        ),
        (
            "ext4",
            filesystem(r#""format":"ext4","label":"0123456789abcdef","path":"/srv""#),
            true,
            None,
        ),
        (
            "long label of ext4",
            filesystem(r#""format":"ext4","label":"0123456789abcdef0""#),
            false,
            Some("E0316"),
        ),
        (
            "long label of xfs",
            filesystem(r#""format":"xfs","label":"0123456789abc""#),
            false,
            Some("E0316"),
        ),
        (
            "long label of vfat",
            filesystem(r#""format":"vfat","label":"0123456789ab""#),
            false,
            Some("E0316"),
        ),
        (
            "long label of swap",
            filesystem(r#""format":"swap","label":"0123456789abcdef""#),
            false,
            Some("E0316"),
        ),
        (
            "no format",
            filesystem(r#""label":"a""#),
            false,
            Some("E0316"),
        ),
        (
            "unknown format",
            filesystem(r#""format":"zfs""#),
            false,
            Some("E0316"),
        ),
        (
            "none",
            filesystem(r#""format":"none","label":"a""#),
            true,
            None,
        ),
        (
            "mounted swap",
            filesystem(r#""format":"swap","path":"/srv""#),
            true,
            Some("E0316"),
        ),
        (
            "array",
            raid(r#""level":"raid1","devices":["/dev/vdb","/dev/vdc"]"#),
            true,
            None,
        ),
        (
            "spares of a striped array",
            raid(r#""level":"raid0","devices":["/dev/vdb","/dev/vdc"],"spares":1"#),
            false,
            Some("E0315"),
        ),
        (
            "array of nothing",
            raid(r#""level":"raid1""#),
            false,
            Some("E0315"),
        ),
        (
            "array of spares",
            raid(r#""level":"raid1","devices":["/dev/vdb"],"spares":1"#),
            true,
            Some("E0315"),
        ),
        (
            "a device twice",
            raid(r#""level":"raid1","devices":["/dev/vdb","/dev/vdb"]"#),
            false,
            Some("E0315"),
        ),
        (
            "encrypted",
            luks(r#","device":"/dev/vdb","label":"a""#),
            true,
            None,
        ),
        (
            "btrfs, which the base has no program for",
            filesystem(r#""format":"btrfs""#),
            true,
            Some("E0316"),
        ),
        (
            "clevis, which the base has not",
            luks(r#","device":"/dev/vdb","clevis":{"tpm2":true}"#),
            true,
            Some("E0317"),
        ),
        ("encrypted nothing", luks(""), false, Some("E0317")),
        (
            "encrypted with a long label",
            luks(&format!(r#","device":"/dev/vdb","label":"{long}""#)),
            false,
            Some("E0317"),
        ),
    ];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("config.ign");
    for (name, storage, valid, want) in cases {
        let config = format!(r#"{{"ignition":{{"version":"3.3.0"}},"storage":{storage}}}"#);
        std::fs::write(&path, &config).expect("writing the config");
        let output = run("ignition", Command::new("ignition-validate").arg(&path));
        assert_eq!(output.status.success(), valid, "{name}: {output:?}");

        let parsed: v3_3::Config = serde_json::from_str(&config).expect("a config");
        let storage = parsed.storage.expect("has storage");
        let with = |list: Vec<_>| list.into_iter().map(|value| (value, own())).collect();
        let fragment = Fragment {
            disks: with(storage.disks.unwrap_or_default()),
            filesystems: storage
                .filesystems
                .unwrap_or_default()
                .into_iter()
                .map(|f| (f, own()))
                .collect(),
            luks: storage
                .luks
                .unwrap_or_default()
                .into_iter()
                .map(|l| (l, own()))
                .collect(),
            raid: storage
                .raid
                .unwrap_or_default()
                .into_iter()
                .map(|r| (r, own()))
                .collect(),
            ..Fragment::default()
        };
        let (found, _) = compile(&nodes::bare(), fragment);
        let codes: Vec<_> = found.iter().map(|diagnostic| diagnostic.code.0).collect();
        assert_eq!(codes, Vec::from_iter(want), "{name}: {found:?}");
    }
}

/// What `systemd-analyze verify` says about a unit; empty when nothing.
fn verify(name: &str, text: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("writing the unit");
    let output = run(
        "systemd",
        Command::new("systemd-analyze")
            .args(["verify", "--man=no"])
            .arg(&path),
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.lines().filter(|line| line.contains(name)).collect()
}

/// Each with what our own check says; systemd complains about all of those that have something.
#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn units_as_systemd_sees_them() {
    const SERVICE: &str = "[Service]\nExecStart=/bin/true\n";
    let service = |text: &str| ("a.service", format!("[Unit]\nDescription=a\n{text}\n"));
    let cases = [
        ("right", service(SERVICE)),
        ("misspelt section", service("[Servce]\nExecStart=/bin/true")),
        (
            "misspelt setting",
            service("[Service]\nExecStrt=/bin/true\nExecStart=/bin/true"),
        ),
        (
            "setting of another section",
            service("[Service]\nExecStart=/bin/true\nAfter=b.service"),
        ),
        (
            "section of another type",
            service(&format!("{SERVICE}[Timer]\nOnCalendar=daily")),
        ),
        ("setting of nobody's", service(&format!("{SERVICE}Quux=1"))),
        (
            "X- settings and sections",
            service(&format!("{SERVICE}X-Mine=1\n[X-Mine]\na=b")),
        ),
        (
            "no section",
            ("a.service", format!("ExecStart=/bin/true\n{SERVICE}")),
        ),
        ("no key", service(&format!("{SERVICE}/bin/false"))),
        ("no program", service("[Service]\nType=simple")),
        (
            "oneshot without a program",
            service("[Service]\nType=oneshot"),
        ),
        (
            "only a program to stop",
            service("[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStop=/bin/true"),
        ),
        (
            "two programs",
            service(&format!("{SERVICE}ExecStart=/bin/false")),
        ),
        (
            "two programs, the first taken back",
            service(&format!("{SERVICE}ExecStart=\nExecStart=/bin/true")),
        ),
        (
            "two programs of a oneshot",
            service(&format!("{SERVICE}ExecStart=/bin/true\nType=oneshot")),
        ),
        ("unknown type", service(&format!("{SERVICE}Type=smple"))),
        (
            "unknown restart",
            service(&format!("{SERVICE}Restart=on-falure")),
        ),
        (
            "oneshot that restarts",
            service(&format!("{SERVICE}Type=oneshot\nRestart=always")),
        ),
        ("relative program", service("[Service]\nExecStart=bin/true")),
        (
            "dbus without a name",
            service(&format!("{SERVICE}Type=dbus")),
        ),
        (
            "dependency without a type",
            service(&format!("{SERVICE}[Unit]\nAfter=b")),
        ),
        (
            "mount",
            (
                "srv-a.mount",
                "[Mount]\nWhat=/dev/vdb\nWhere=/srv/a\n".to_owned(),
            ),
        ),
        (
            "mount of another name",
            (
                "srv-a.mount",
                "[Mount]\nWhat=/dev/vdb\nWhere=/srv/b\n".to_owned(),
            ),
        ),
        (
            "mount of nothing",
            ("srv-a.mount", "[Mount]\nWhere=/srv/a\n".to_owned()),
        ),
        (
            "automount of another name",
            ("srv-a.automount", "[Automount]\nWhere=/srv/b\n".to_owned()),
        ),
        (
            "swap of another name",
            ("dev-vdb.swap", "[Swap]\nWhat=/dev/vdc\n".to_owned()),
        ),
        (
            "timer that never elapses",
            ("a.timer", "[Timer]\nPersistent=yes\n".to_owned()),
        ),
        (
            "path that watches nothing",
            ("a.path", "[Path]\nMakeDirectory=yes\n".to_owned()),
        ),
        (
            "socket that listens on nothing",
            ("a.socket", "[Socket]\nBacklog=1\n".to_owned()),
        ),
    ];
    let mut text = String::new();
    for (name, (unit_name, contents)) in cases {
        let given = Unit {
            enabled: None,
            ..unit(unit_name, &contents)
        };
        let (found, _) = compile(&nodes::bare(), units(vec![given]));
        let said = verify(unit_name, &contents);
        assert_eq!(
            found.is_empty(),
            said.is_empty(),
            "{name}: systemd says {said:?}, we say {found:?}"
        );
        let _ = writeln!(text, "{name}");
        for diagnostic in found {
            let _ = writeln!(text, "    {}", shown(&diagnostic));
        }
    }
    insta::assert_snapshot!("units_as_systemd_sees_them", text);
}

/// Units that systemd is shipped with are right by every rule.
#[test]
fn systemds_own_units_pass() {
    let mut checked = 0;
    for entry in
        std::fs::read_dir("/lib/systemd/system").expect("Debian's package `systemd` has it")
    {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("ASCII");
        if !path.is_file() || path.is_symlink() || !name.starts_with("systemd-") {
            continue;
        }
        let contents = std::fs::read_to_string(&path).expect("a unit");
        let given = Unit {
            enabled: None,
            ..unit(name, &contents)
        };
        let (found, _) = compile(&nodes::bare(), units(vec![given]));
        assert_eq!(found, [], "{name}");
        checked += 1;
    }
    assert!(
        checked > 50,
        "only {checked} units in /lib/systemd/system; Debian's package `systemd` has more"
    );
}

#[test]
fn doubtful_values() {
    let mut device = nodes::bare();
    device.storage_device = Some(nodes::at(63, "/dev/disk/by-id/a"));
    let mut spaces = nodes::bare();
    spaces.storage_device = Some(nodes::at(63, "/dev/disk/by-id/a b"));
    let mut percent = nodes::bare();
    percent.swap = Some(Swap::Device(nodes::at(62, "/dev/disk/by-id/a%n")));
    for (name, node, want) in [
        ("a device", device, None),
        (
            "a device with a space",
            spaces,
            Some(("E0309", Severity::Error)),
        ),
        (
            "a device with a specifier",
            percent,
            Some(("E0309", Severity::Error)),
        ),
    ] {
        let (found, config) = compile(&node, Fragment::default());
        let got: Vec<_> = found
            .iter()
            .map(|diagnostic| (diagnostic.code.0, diagnostic.severity))
            .collect();
        assert_eq!(got, Vec::from_iter(want), "{name}");
        assert_eq!(
            config.is_some(),
            want.is_none_or(|(_, severity)| severity == Severity::Warning),
            "{name}"
        );
    }
}

#[test]
fn enabled_without_a_reason() {
    let (found, config) = compile(
        &nodes::bare(),
        units(vec![unit("a.service", "[Service]\nExecStart=/bin/true\n")]),
    );
    assert!(config.is_some());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code.0, "W0301");
}

/// All that is found in the spec `text`, from reading it to compiling its nodes, each as its code.
fn found_in(text: &str) -> Vec<&'static str> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("node.yaml");
    std::fs::write(&path, text).expect("writing the spec");
    let mut sources = Sources::default();
    let codes = |found: Vec<Diagnostic>| found.iter().map(|diagnostic| diagnostic.code.0).collect();
    let loaded = match load(&path, None, &mut sources) {
        Ok(loaded) => loaded,
        Err(found) => return codes(found),
    };
    let decided = match decide(&loaded, &sources) {
        Ok(decided) => decided,
        Err(found) => return codes(found),
    };
    let keys = KeyFolder::open(folder.path().join("keys"), Access::Look)
        .expect("a folder that need not exist");
    let mut random = system_random();
    let cluster = decided
        .with_keys(&mut Keys::new(keys, SystemTime::UNIX_EPOCH, &mut random))
        .expect("no keys are asked for");
    let compiled = cluster.nodes.iter().map(ignition::compile);
    codes(
        compiled
            .flat_map(|outcome| outcome.map_or_else(|found| found, |compiled| compiled.warnings))
            .collect(),
    )
}

/// `imgbuild explain` shows specs that do get the code.
#[test]
fn every_code_of_ignition_has_an_example_that_gets_it() {
    let mut wrong = Vec::new();
    for entry in codes::TABLE {
        let code = entry.code.0;
        if !code.starts_with("E03") && !code.starts_with("W03") {
            continue;
        }
        let found = found_in(&format!("version: 1\nhostname: kube1\n{}", entry.example));
        if !found.contains(&code) {
            wrong.push(format!("{code}: {found:?}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
