//! Keys and certificates, with OpenSSL as the judge of what we write.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs::{self, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use imgbuild::pki::{Access, KeyFolder, Keys, Notice, list};
use imgbuild::plan::EtcdTls;
use p256::elliptic_curve::rand_core::{TryCryptoRng, TryRng};
use sha2::{Digest, Sha256};

/// SHA-256 of a counter: good enough randomness, the same in every run.
struct Counter(u64);

impl TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(32) {
            self.0 += 1;
            chunk.copy_from_slice(&Sha256::digest(self.0.to_le_bytes())[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}

const DAY: Duration = Duration::from_secs(86_400);

/// 2026-01-02 03:04:05 UTC
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045)
}

/// What happens to a folder between two builds.
type Change = fn(&Path);

type Damage<'a> = &'a dyn Fn(&Path);

struct Member<'a> {
    node: &'a str,
    dns: &'a [&'a str],
    addresses: &'a [&'a str],
}

const KUBE1: Member = Member {
    node: "kube1",
    dns: &["etcd.lab.example"],
    addresses: &["192.168.1.10", "fd00::10"],
};

/// The member's keys from `root`, and what was told.
fn member_at(
    root: &Path,
    access: Access,
    member: &Member,
    now: SystemTime,
    seed: u64,
) -> anyhow::Result<(EtcdTls, Vec<Notice>)> {
    let mut rng = Counter(seed);
    let mut keys = Keys::new(KeyFolder::open(root, access)?, now, &mut rng);
    let dns: BTreeSet<String> = member.dns.iter().map(ToString::to_string).collect();
    let addresses: BTreeSet<IpAddr> = member
        .addresses
        .iter()
        .map(|a| a.parse().expect("an address"))
        .collect();
    let tls = keys.etcd_member(member.node, &dns, &addresses)?;
    Ok((tls, keys.notices().to_vec()))
}

fn make(root: &Path) -> EtcdTls {
    member_at(root, Access::Write, &KUBE1, now(), 1)
        .expect("keys are made")
        .0
}

fn told(root: &Path, member: &Member, now: SystemTime) -> Vec<String> {
    let (_, notices) = member_at(root, Access::Write, member, now, 9).expect("keys are given");
    let root = format!("{}/", root.display());
    notices
        .iter()
        .map(|n| n.to_string().replace(&root, ""))
        .collect()
}

fn refusal(root: &Path, member: &Member) -> String {
    let error = member_at(root, Access::Write, member, now(), 9).expect_err("is refused");
    format!("{error:#}")
        .replace(&format!("{}/", root.display()), "")
        .replace(&root.display().to_string(), "KEYS")
}

fn openssl(arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(arguments)
        .env("TZ", "UTC")
        .output()
        .expect("openssl runs (Debian package openssl)");
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Every file below `root` with its text and mode.
fn contents(root: &Path) -> Vec<(String, u32, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path
                .strip_prefix(root)
                .expect("below root")
                .display()
                .to_string();
            let mode = fs::symlink_metadata(&path)
                .expect("metadata")
                .permissions()
                .mode()
                & 0o7777;
            if path.is_dir() {
                found.push((format!("{name}/"), mode, String::new()));
                folders.push(path);
            } else {
                found.push((name, mode, fs::read_to_string(&path).expect("text")));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn openssl_accepts_each_certificate_for_its_purposes_and_no_other() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    make(&root);
    let ca = root.join("etcd/ca.crt");
    let at = (now() + DAY)
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
        .to_string();
    let cases = [
        ("server", "sslserver", true),
        ("server", "sslclient", true),
        ("peer", "sslserver", true),
        ("peer", "sslclient", true),
        ("healthcheck-client", "sslclient", true),
        ("healthcheck-client", "sslserver", false),
    ];
    for (name, purpose, good) in cases {
        let file = root.join(format!("nodes/kube1/etcd/{name}.crt"));
        let said = openssl(&[
            "verify",
            "-x509_strict",
            "-attime",
            &at,
            "-purpose",
            purpose,
            "-CAfile",
            &ca.display().to_string(),
            &file.display().to_string(),
        ]);
        assert_eq!(
            said.trim_end().ends_with(": OK"),
            good,
            "{name} as {purpose}: {said}"
        );
    }
    for (name, host, good) in [
        ("server", ["-verify_hostname", "kube1"], true),
        ("server", ["-verify_hostname", "localhost"], true),
        ("server", ["-verify_hostname", "etcd.lab.example"], true),
        ("server", ["-verify_hostname", "kube2"], false),
        ("peer", ["-verify_ip", "192.168.1.10"], true),
        ("peer", ["-verify_ip", "127.0.0.1"], true),
        ("peer", ["-verify_ip", "::1"], true),
        ("peer", ["-verify_ip", "fd00::10"], true),
        ("peer", ["-verify_ip", "192.168.1.11"], false),
    ] {
        let file = root.join(format!("nodes/kube1/etcd/{name}.crt"));
        let said = openssl(&[
            "verify",
            "-attime",
            &at,
            host[0],
            host[1],
            "-CAfile",
            &ca.display().to_string(),
            &file.display().to_string(),
        ]);
        assert_eq!(
            said.trim_end().ends_with(": OK"),
            good,
            "{name} for {host:?}: {said}"
        );
    }
}

#[test]
fn openssl_reads_what_was_meant() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    make(&root);
    let cases: [(&str, &[&str]); 3] = [
        (
            "etcd/ca.crt",
            &[
                "Issuer: CN = etcd-ca",
                "Subject: CN = etcd-ca",
                "Not Before: Jan  2 02:59:05 2026 GMT",
                "Not After : Dec 31 02:59:05 2035 GMT",
                "ASN1 OID: prime256v1",
                "ecdsa-with-SHA256",
                "CA:TRUE, pathlen:0",
                "X509v3 Key Usage: critical",
                "Digital Signature, Certificate Sign, CRL Sign",
            ],
        ),
        (
            "nodes/kube1/etcd/server.crt",
            &[
                "Issuer: CN = etcd-ca",
                "Subject: CN = kube1",
                "Not Before: Jan  2 02:59:05 2026 GMT",
                "Not After : Jan  1 02:59:05 2029 GMT",
                "CA:FALSE",
                "TLS Web Server Authentication, TLS Web Client Authentication",
                "DNS:etcd.lab.example, DNS:kube1, DNS:localhost, IP Address:127.0.0.1, IP Address:192.168.1.10, \
                 IP Address:0:0:0:0:0:0:0:1, IP Address:FD00:0:0:0:0:0:0:10",
            ],
        ),
        (
            "nodes/kube1/etcd/healthcheck-client.crt",
            &[
                "Subject: CN = kube-etcd-healthcheck-client",
                "TLS Web Client Authentication",
            ],
        ),
    ];
    for (file, expected) in cases {
        let text = openssl(&[
            "x509",
            "-noout",
            "-text",
            "-in",
            &root.join(file).display().to_string(),
        ]);
        for words in expected {
            assert!(text.contains(words), "{file} has {words:?}:\n{text}");
        }
    }
    for key in [
        "etcd/ca",
        "nodes/kube1/etcd/server",
        "nodes/kube1/etcd/peer",
    ] {
        let path = root.join(format!("{key}.key")).display().to_string();
        assert!(
            openssl(&["ec", "-check", "-noout", "-in", &path]).contains("EC Key valid"),
            "{key}"
        );
        let of_key = openssl(&["pkey", "-pubout", "-in", &path]);
        let certificate = root.join(format!("{key}.crt")).display().to_string();
        assert_eq!(
            of_key,
            openssl(&["x509", "-pubkey", "-noout", "-in", &certificate]),
            "{key}"
        );
    }
}

#[test]
fn the_same_time_and_randomness_give_the_same_bytes() {
    let scratch = tempfile::tempdir().expect("a folder");
    for name in ["a", "b"] {
        make(&scratch.path().join(name));
    }
    assert_eq!(
        contents(&scratch.path().join("a")),
        contents(&scratch.path().join("b"))
    );
}

#[test]
fn what_was_made_is_kept() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    assert_eq!(
        told(&root, &KUBE1, now()),
        [
            "made etcd/ca.crt (CN=etcd-ca)",
            "made nodes/kube1/etcd/server.crt (CN=kube1)",
            "made nodes/kube1/etcd/peer.crt (CN=kube1)",
            "made nodes/kube1/etcd/healthcheck-client.crt (CN=kube-etcd-healthcheck-client)",
        ]
    );
    let before = contents(&root);
    assert_eq!(told(&root, &KUBE1, now() + 100 * DAY), [""; 0]);
    assert_eq!(contents(&root), before);
    for (name, mode, _) in before {
        assert_eq!(
            mode & 0o077,
            if name == ".gitignore" { 0o044 } else { 0 },
            "{name}: {mode:o}"
        );
    }
    assert_eq!(
        fs::read_to_string(root.join(".gitignore")).expect("made"),
        "*\n"
    );
    assert_eq!(
        fs::metadata(&root).expect("made").permissions().mode() & 0o7777,
        0o700
    );
}

#[test]
fn a_second_member_has_the_same_authority() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    let first = make(&root);
    let kube2 = Member {
        node: "kube2",
        dns: &[],
        addresses: &["192.168.1.11"],
    };
    let (second, notices) =
        member_at(&root, Access::Write, &kube2, now(), 5).expect("keys are made");
    assert_eq!(first.ca_certificate, second.ca_certificate);
    assert_ne!(first.server.key, second.server.key);
    assert_eq!(notices.len(), 3);
}

#[test]
fn certificates_are_issued_anew_when_they_are_no_longer_right() {
    let moved = Member {
        addresses: &["192.168.1.20", "fd00::10"],
        ..KUBE1
    };
    let same = || KUBE1;
    let names = "the node's names or addresses changed (+192.168.1.20, -192.168.1.10)";
    let cases: [(&str, Change, Member, SystemTime, Vec<String>); 5] = [
        (
            "an address changed",
            |_| {},
            moved,
            now(),
            vec![
                format!("issued nodes/kube1/etcd/server.crt anew: {names}"),
                format!("issued nodes/kube1/etcd/peer.crt anew: {names}"),
            ],
        ),
        (
            "a certificate was removed",
            |root| fs::remove_file(root.join("nodes/kube1/etcd/peer.crt")).expect("is there"),
            same(),
            now(),
            vec!["made nodes/kube1/etcd/peer.crt (CN=kube1)".to_owned()],
        ),
        (
            "they end soon",
            |_| {},
            same(),
            now() + 1090 * DAY,
            ["server", "peer", "healthcheck-client"]
                .map(|n| {
                    format!("nodes/kube1/etcd/{n}.crt expires in 4 days: remove it to have it issued anew, then build and boot the node")
                })
                .to_vec(),
        ),
        (
            "they have ended",
            |_| {},
            same(),
            now() + 1100 * DAY,
            ["server", "peer", "healthcheck-client"]
                .map(|n| format!("issued nodes/kube1/etcd/{n}.crt anew: the old one expired 6 days ago"))
                .to_vec(),
        ),
        (
            "the authority is another",
            |root| {
                let other = root.with_extension("other");
                member_at(&other, Access::Write, &KUBE1, now(), 77).expect("keys are made");
                for file in ["ca.crt", "ca.key"] {
                    fs::copy(other.join("etcd").join(file), root.join("etcd").join(file)).expect("copies");
                }
            },
            same(),
            now(),
            ["server", "peer", "healthcheck-client"]
                .map(|n| format!("issued nodes/kube1/etcd/{n}.crt anew: the old one was not issued by etcd/ca.crt"))
                .to_vec(),
        ),
    ];
    for (case, change, member, at, expected) in cases {
        let scratch = tempfile::tempdir().expect("a folder");
        let root = scratch.path().join("keys");
        make(&root);
        change(&root);
        let key = fs::read(root.join("nodes/kube1/etcd/server.key")).expect("a key");
        let got: Vec<String> = told(&root, &member, at)
            .into_iter()
            .map(|n| n.replace("keys.other/", ""))
            .collect();
        assert_eq!(got, expected, "{case}");
        assert_eq!(
            fs::read(root.join("nodes/kube1/etcd/server.key")).expect("a key"),
            key,
            "{case}: the key is kept"
        );
    }
}

#[allow(clippy::too_many_lines)] // a table
#[test]
fn broken_folders_are_refused_in_clear_words() {
    let write =
        |root: &Path, file: &str, text: &str| fs::write(root.join(file), text).expect("writes");
    let server = "nodes/kube1/etcd/server";
    let cases: [(&str, Damage, &str); 11] = [
        (
            "another key",
            &|root| {
                fs::copy(
                    root.join("nodes/kube1/etcd/peer.key"),
                    root.join(format!("{server}.key")),
                )
                .expect("copies");
            },
            "nodes/kube1/etcd/server.key is not the private key of nodes/kube1/etcd/server.crt: bring back the pair that belongs together, or remove both",
        ),
        (
            "no key",
            &|root| fs::remove_file(root.join(format!("{server}.key"))).expect("is there"),
            "nodes/kube1/etcd/server.key is missing: bring it back, or remove nodes/kube1/etcd/server.crt to have both made anew",
        ),
        (
            "no authority",
            &|root| {
                fs::remove_file(root.join("etcd/ca.crt")).expect("is there");
                fs::remove_file(root.join("etcd/ca.key")).expect("is there");
            },
            "etcd/ca.crt is missing, but nodes/kube1/etcd/healthcheck-client.crt was issued by it: bring it back, or move the whole of KEYS away to have a new cluster's keys made",
        ),
        (
            "an authority without its key, and something to sign",
            &|root| {
                fs::remove_file(root.join("etcd/ca.key")).expect("is there");
                fs::remove_file(root.join(format!("{server}.crt"))).expect("is there");
            },
            "nodes/kube1/etcd/server.crt cannot be issued (it is missing): etcd/ca.key is not there",
        ),
        (
            "an authority's key that is another's",
            &|root| {
                fs::copy(root.join(format!("{server}.key")), root.join("etcd/ca.key"))
                    .expect("copies");
            },
            "etcd/ca.key is not the private key of etcd/ca.crt: bring back the pair that belongs together, or remove both",
        ),
        (
            "an authority that is none",
            &|root| {
                fs::copy(root.join(format!("{server}.crt")), root.join("etcd/ca.crt"))
                    .expect("copies");
                fs::copy(root.join(format!("{server}.key")), root.join("etcd/ca.key"))
                    .expect("copies");
            },
            "etcd/ca.crt is not a certificate authority's (basicConstraints has no CA:TRUE)",
        ),
        (
            "no PEM",
            &|root| write(root, &format!("{server}.key"), "secret\n"),
            "nodes/kube1/etcd/server.key is not a private key in PEM",
        ),
        (
            "a certificate for a key",
            &|root| {
                fs::copy(
                    root.join(format!("{server}.crt")),
                    root.join(format!("{server}.key")),
                )
                .expect("copies");
            },
            "nodes/kube1/etcd/server.key holds a CERTIFICATE where a private key is needed",
        ),
        (
            "a damaged key",
            &|root| {
                write(
                    root,
                    "etcd/ca.key",
                    "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n",
                );
            },
            "etcd/ca.key is neither an EC private key on the curve P-256 (prime256v1) nor an RSA one, or damaged",
        ),
        (
            "a folder that others can read",
            &|root| fs::set_permissions(root, Permissions::from_mode(0o750)).expect("changes"),
            "KEYS holds private keys and is open to other users (mode 0750): close it with `chmod 700 KEYS`; if someone may have read them, \
             remove the folder instead and let every node be built anew",
        ),
        (
            "a file of 300 kB",
            &|root| write(root, "etcd/ca.crt", &"x".repeat(300_000)),
            "etcd/ca.crt is larger than any key or certificate",
        ),
    ];
    for (case, change, expected) in cases {
        let scratch = tempfile::tempdir().expect("a folder");
        let root = scratch.path().join("keys");
        make(&root);
        change(&root);
        assert_eq!(refusal(&root, &KUBE1), expected, "{case}");
    }
}

#[test]
fn an_authority_kept_elsewhere_needs_no_key_here() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    make(&root);
    fs::remove_file(root.join("etcd/ca.key")).expect("is there");
    assert_eq!(told(&root, &KUBE1, now()), [""; 0]);
}

#[test]
fn keys_that_openssl_made_are_used() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    make(&root);
    // An authority of the site, its key in PKCS #8.
    let (key, certificate) = (root.join("etcd/ca.key"), root.join("etcd/ca.crt"));
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "20000",
        "-subj",
        "/O=Lab/CN=lab ca",
        "-keyout",
        &key.display().to_string(),
        "-out",
        &certificate.display().to_string(),
    ]);
    assert_eq!(told(&root, &KUBE1, SystemTime::now()).len(), 3);
    let server = root.join("nodes/kube1/etcd/server.crt");
    let said = openssl(&[
        "verify",
        "-CAfile",
        &certificate.display().to_string(),
        &server.display().to_string(),
    ]);
    assert!(said.trim_end().ends_with(": OK"), "{said}");
}

#[test]
fn looking_changes_nothing() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    let (_, notices) =
        member_at(&root, Access::Look, &KUBE1, now(), 1).expect("keys are made in memory");
    assert_eq!(notices, []);
    assert!(!root.exists());

    make(&root);
    let before = contents(&root);
    let moved = Member {
        addresses: &["192.168.1.20"],
        ..KUBE1
    };
    let (tls, notices) = member_at(&root, Access::Look, &moved, now() + 3640 * DAY, 1)
        .expect("keys are made in memory");
    assert!(
        tls.server
            .certificate
            .starts_with("-----BEGIN CERTIFICATE-----\n")
    );
    assert_eq!(
        notices.iter().filter(|n| n.is_warning()).count(),
        1,
        "the authority ends soon: {notices:?}"
    );
    assert_eq!(contents(&root), before);
}

#[test]
fn a_build_that_was_killed_leaves_nothing_behind_after_the_next() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    let whole = make(&root);
    // Killed while it wrote a certificate: its key is there, the certificate is not.
    fs::write(root.join("nodes/kube1/etcd/.unfinished-Ab12"), "-----BEGIN").expect("writes");
    fs::remove_file(root.join("nodes/kube1/etcd/server.crt")).expect("is there");
    let (tls, _) = member_at(&root, Access::Write, &KUBE1, now(), 3).expect("keys are made");
    assert_eq!(tls.server.key, whole.server.key);
    assert!(!root.join("nodes/kube1/etcd/.unfinished-Ab12").exists());
}

#[test]
fn builds_take_turns() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    let all: Vec<EtcdTls> = std::thread::scope(|scope| {
        let builds: Vec<_> = (0..8)
            .map(|seed| {
                let root = &root;
                scope.spawn(move || {
                    member_at(root, Access::Write, &KUBE1, now(), 1000 * seed)
                        .expect("keys are given")
                        .0
                })
            })
            .collect();
        builds
            .into_iter()
            .map(|build| build.join().expect("no panic"))
            .collect()
    });
    for tls in &all {
        assert_eq!(tls.ca_certificate, all[0].ca_certificate);
        assert_eq!(tls.peer.key, all[0].peer.key);
    }
}

#[test]
fn a_checkout_without_keys_is_closed_to_others() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    fs::create_dir(&root).expect("made");
    fs::set_permissions(&root, Permissions::from_mode(0o755)).expect("changes");
    fs::write(root.join("README.md"), "keys\n").expect("writes");
    make(&root);
    assert_eq!(
        fs::metadata(&root).expect("made").permissions().mode() & 0o7777,
        0o700
    );
    assert!(
        !root.join(".gitignore").exists(),
        "the repository that brought the folder says what it ignores"
    );
}

#[test]
fn a_folder_that_cannot_be_written_says_which() {
    let scratch = tempfile::tempdir().expect("a folder");
    let file = scratch.path().join("keys");
    fs::write(&file, "").expect("writes");
    assert_eq!(
        refusal(&file, &KUBE1),
        "KEYS is to be the key folder, but is a file"
    );
    let missing = scratch.path().join("missing/keys");
    assert_eq!(
        refusal(&missing, &KUBE1),
        "making the key folder KEYS: No such file or directory (os error 2)"
    );
    // Read-only for everyone, root too: nothing can be made in /proc.
    let read_only = Path::new("/proc/self/keys-of-a-test");
    assert_eq!(
        refusal(read_only, &KUBE1),
        "making the key folder KEYS: No such file or directory (os error 2)"
    );
}

#[test]
fn lists_what_is_there() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    make(&root);
    fs::write(root.join("front.crt"), "no certificate").expect("writes");
    fs::remove_file(root.join("etcd/ca.key")).expect("is there");
    let folder = KeyFolder::open(&root, Access::Look).expect("opens");
    let lines: Vec<String> = list(&folder, now())
        .expect("lists")
        .into_iter()
        .map(|listed| match listed {
            Ok(l) => format!(
                "{} {} by {} {:?} {} {:?} {}",
                l.path.display(),
                l.subject,
                l.issuer,
                l.usages,
                l.names.join(","),
                l.matches_key,
                l.days_left
            ),
            Err((path, why)) => format!("{} {why}", path.display()),
        })
        .collect();
    let san = "etcd.lab.example,kube1,localhost,127.0.0.1,192.168.1.10,::1,fd00::10";
    let expected = [
        "etcd/ca.crt CN=etcd-ca by CN=etcd-ca {Authority}  None 3649".to_owned(),
        "front.crt is not a certificate in PEM".to_owned(),
        "nodes/kube1/etcd/healthcheck-client.crt CN=kube-etcd-healthcheck-client by CN=etcd-ca {Client}  Some(true) 1094".to_owned(),
        format!("nodes/kube1/etcd/peer.crt CN=kube1 by CN=etcd-ca {{Server, Client}} {san} Some(true) 1094"),
        format!("nodes/kube1/etcd/server.crt CN=kube1 by CN=etcd-ca {{Server, Client}} {san} Some(true) 1094"),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn salts_repeat_for_a_user_and_differ_between_users_and_clusters() {
    let scratch = tempfile::tempdir().expect("a folder");
    let salt = |folder: &str, user: &str, seed: u64| {
        let mut rng = Counter(seed);
        let folder = KeyFolder::open(scratch.path().join(folder), Access::Write).expect("opens");
        Keys::new(folder, now(), &mut rng)
            .password_salt(user)
            .expect("a salt")
    };
    let core = salt("a", "core", 1);
    assert_eq!(salt("a", "core", 2), core);
    assert_ne!(salt("a", "root", 2), core);
    assert_ne!(salt("b", "core", 2), core);
}
