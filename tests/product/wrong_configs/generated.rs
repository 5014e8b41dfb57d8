//! The spec's own things against what imgbuild generates.

use std::fmt::Write;

use ignition_config::v3_4;
use imgbuild::node::fragment::{Directory, File, Fragment, Link, Owner, Unit};
use imgbuild::node::{CaCertificate, Node};

use crate::fragments::{compile, file, files, own, shown, unit, units};
use crate::nodes;

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
        mask: Some(true),
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
                users: vec![(v3_4::User::new("core".to_owned()), own())],
                ..Fragment::default()
            },
        ),
        (
            "a disk",
            Fragment {
                disks: vec![(
                    v3_4::Disk::new("/dev/disk/by-id/ata-DISK_1".to_owned()),
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

/// What a part adds to a file of the base is added to the spec's own as well.
#[test]
fn what_is_added_to_a_file_outlives_its_replacement() {
    const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
    const PEM: &str = "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n";
    let node = Node {
        ca_certificates: vec![CaCertificate {
            name: "site".to_owned(),
            pem: nodes::at(61, PEM),
        }],
        ..nodes::full()
    };
    let more = File::appended(nodes::name(BUNDLE), "more\n", own());
    for (name, own, contents, added) in [
        ("nothing of its own", Fragment::default(), None, 1),
        ("more lines", files(vec![more]), None, 2),
        (
            "all of it",
            files(vec![File {
                overwrite: true,
                ..file(BUNDLE, "other\n")
            }]),
            Some("data:,other%0A"),
            1,
        ),
    ] {
        let (found, config) = compile(&node, own);
        let errors: Vec<_> = found.iter().map(shown).collect();
        let config = config.unwrap_or_else(|| panic!("{name}: {errors:?}"));
        let files = config.storage.and_then(|storage| storage.files);
        let mut files = files.unwrap_or_default().into_iter();
        let bundle = files.find(|file| file.path == BUNDLE).expect("is there");
        let source = bundle.contents.and_then(|contents| contents.source);
        assert_eq!(source.as_deref(), contents, "{name}");
        assert_eq!(bundle.append.map_or(0, |list| list.len()), added, "{name}");
    }
}
