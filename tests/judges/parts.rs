//! What the parts write before the programs that read it: systemd, nft and OpenSSL.

use std::path::Path;
use std::process::{Command, Output};

use imgbuild::node::{CaCertificate, Node, Swap};

use crate::nodes::{self, parts_of as all, text};
use crate::units;

/// Runs `command`, which Debian's `package` has.
fn run(package: &str, command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| {
        panic!("running {command:?}: {error}; Debian's package `{package}` has it")
    })
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn systemd_takes_the_units() {
    let mut node = nodes::full();
    let mut units = all(&node).units;
    node.swap = Some(Swap::Device(nodes::at(62, "/dev/vdb")));
    units.extend(
        all(&node)
            .units
            .into_iter()
            .filter(|unit| unit.name.as_str() == "dev-vdb.swap"),
    );
    units.iter().for_each(units::systemd_takes);
}

/// systemd-sysctl, in a network namespace with an interface that is named as VLANs are.
#[test]
fn systemd_sets_parameters_of_interfaces_with_dots() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("90-imgbuild.conf");
    let node = Node {
        sysctls: [(
            "net.ipv4.conf.eth0.100.rp_filter".to_owned(),
            nodes::at(3, "2"),
        )]
        .into(),
        ..nodes::bare()
    };
    std::fs::write(&path, text(&all(&node), "/etc/sysctl.d/90-imgbuild.conf"))
        .expect("writing the parameters");
    let script = "ip link add eth0.100 type bridge; /usr/lib/systemd/systemd-sysctl $1; \
                  cat /proc/sys/net/ipv4/conf/eth0.100/rp_filter";
    let output = run(
        "iproute2 and systemd",
        Command::new("unshare")
            .args(["--user", "--map-root-user", "--net", "sh", "-euc"])
            .args([script, "sysctl"])
            .arg(&path)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "2\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs nft in a network namespace of its own.
fn nft(script: &str, path: &Path) -> Output {
    run(
        "nftables",
        Command::new("unshare")
            .args([
                "--user",
                "--map-root-user",
                "--net",
                "sh",
                "-euc",
                script,
                "nft",
            ])
            .arg(path)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    )
}

#[test]
fn nft_takes_the_ruleset_twice_and_leaves_other_tables() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("nftables.conf");
    let mut empty = nodes::firewall();
    empty.masquerade.clear();
    empty.allow.clear();
    empty.allow_from.clear();
    for (name, firewall) in [("full", nodes::firewall()), ("no networks", empty)] {
        let node = Node {
            firewall: Some(firewall),
            ..nodes::small()
        };
        std::fs::write(&path, text(&all(&node), "/etc/nftables.conf")).expect("writing the rules");
        let output = nft(
            "nft -c -f $1; nft add table ip kube-proxy; nft -f $1; nft -f $1; nft list ruleset",
            &path,
        );
        assert!(output.status.success(), "{name}: {}", said(&output));
        insta::assert_snapshot!(format!("nft {name}").replace(' ', "_"), said(&output));
    }
}

/// A certificate authority of the given subject, made by OpenSSL.
fn authority(subject: &str, encoding: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = folder.path().join("settings");
    std::fs::write(
        &settings,
        format!(
            "[req]\ndistinguished_name=dn\nstring_mask={encoding}\nx509_extensions=ca\n[dn]\n[ca]\n\
             basicConstraints=critical,CA:true\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
        ),
    )
    .expect("writing the settings");
    let output = run(
        "openssl",
        Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-utf8",
            ])
            .args([
                "-keyout",
                "/dev/null",
                "-days",
                "3650",
                "-multivalue-rdn",
                "-subj",
                subject,
            ])
            .arg("-config")
            .arg(&settings),
    );
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).expect("PEM")
}

#[test]
fn certificates_are_linked_as_by_openssl_rehash() {
    let subjects = [
        ("plain", "/O=Lab/CN=Site CA", "utf8only"),
        (
            "spaces and capitals",
            "/O=  THE   Lab /CN=Site  CA 2",
            "utf8only",
        ),
        ("printable", "/C=JP/O=Lab/CN=Site CA", "default"),
        ("not ASCII", "/C=JP/O=Ünïcode 研究室/CN=CA", "utf8only"),
        ("BMP strings", "/O=Ünïcode/CN=研究室", "pkix"),
        ("several in one set", "/O=Lab+OU=Two+CN=Site CA", "utf8only"),
    ];
    let mut node = nodes::bare();
    let mut bundle = String::from("Some words around it.\n");
    for (_, subject, encoding) in subjects {
        bundle += &authority(subject, encoding);
    }
    node.ca_certificates.push(CaCertificate {
        name: "site".to_owned(),
        pem: imgbuild::diagnostic::Located::new(bundle.clone(), nodes::span(9)),
    });
    // A second one of the same subject gets the next number.
    node.ca_certificates.push(CaCertificate {
        name: "again".to_owned(),
        pem: imgbuild::diagnostic::Located::new(
            authority(subjects[0].1, subjects[0].2),
            nodes::span(10),
        ),
    });

    let fragment = all(&node);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut files = 0;
    for file in &fragment.files {
        let path = file.path.as_str();
        let Some(name) = path.strip_prefix("/etc/ssl/certs/") else {
            continue;
        };
        if file.contents.is_some() {
            std::fs::write(folder.path().join(name), text(&fragment, path))
                .expect("writing a certificate");
            files += 1;
        }
    }
    assert_eq!(files, 7);
    let output = run(
        "openssl",
        Command::new("openssl").arg("rehash").arg(folder.path()),
    );
    assert!(output.status.success(), "{}", said(&output));
    let mut wanted: Vec<String> = std::fs::read_dir(folder.path())
        .expect("reading the folder")
        .map(|entry| entry.expect("an entry"))
        .filter(|entry| entry.file_type().expect("its type").is_symlink())
        .map(|entry| entry.file_name().into_string().expect("ASCII"))
        .collect();
    wanted.sort();
    let mut made: Vec<_> = fragment
        .links
        .iter()
        .map(|link| link.path.as_str().trim_start_matches("/etc/ssl/certs/"))
        .collect();
    made.sort_unstable();
    assert_eq!(made, wanted);
}
