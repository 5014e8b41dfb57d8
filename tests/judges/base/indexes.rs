//! Package indexes of a mirror that has the archive's signatures, and withholds updates with them.
//! The mirror is on loopback, apt is the machine's own, and the archive's key is made here: it
//! lies over Debian's in a name space of mounts. Needs the Debian packages apt, gpg, gpg-agent and
//! util-linux.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};

use crate::base::tools::{hashes, hex};
use crate::flatcar::boot_files::gpg;
use crate::site::Site;

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

const HOUR: i64 = 60 * 60;
const DAY: i64 = 24 * HOUR;

/// An index as its archive signs it.
#[derive(Clone, Copy)]
struct Index {
    suite: &'static str,
    codename: &'static str,
    /// When it was made, in seconds from now.
    made: i64,
    /// When it expires, in seconds from now.
    ends: Option<i64>,
}

/// What the mirror has under the names of the release, its updates and its security updates.
type Indexes = [Index; 3];

const GOOD: Indexes = [
    Index {
        suite: "stable",
        codename: "trixie",
        made: -30 * DAY,
        ends: None,
    },
    Index {
        suite: "stable-updates",
        codename: "trixie-updates",
        made: -HOUR,
        ends: Some(7 * DAY),
    },
    Index {
        suite: "stable-security",
        codename: "trixie-security",
        made: -HOUR,
        ends: Some(7 * DAY),
    },
];

/// An archive with its key, its mirror, and a spec whose packages come from there.
struct Archive {
    folder: tempfile::TempDir,
    home: tempfile::TempDir,
    site: Site,
}

impl Archive {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A short path: the agent's socket is in it.
        let home = tempfile::tempdir_in("/tmp").unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        gpg(
            home.path(),
            &[
                "--quick-generate-key",
                "archive",
                "ed25519",
                "sign",
                "never",
            ],
        );
        let key = folder.path().join("key.gpg");
        gpg(
            home.path(),
            &["--output", key.to_str().unwrap(), "--export", "archive"],
        );
        fs::write(
            folder.path().join("node.yaml"),
            "version: 1\nhostname: node1\nfirmware: none\n",
        )
        .unwrap();
        Self {
            folder,
            home,
            site: Site::open(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts `indexes` on the mirror. `is_inline`: with the signature in the same file.
    fn publish(&self, indexes: Indexes, is_inline: bool) {
        let mut files = BTreeMap::new();
        let folders = ["debian/dists/trixie", "debian/dists/trixie-updates"];
        let folders = folders
            .into_iter()
            .chain(["debian-security/dists/trixie-security"]);
        for (folder, index) in folders.zip(indexes) {
            // All packages are in the release itself.
            let is_release = index.codename == "trixie";
            let packages = if is_release {
                packages()
            } else {
                String::new()
            };
            let release = release(index, &packages);
            let path = self.path("Release");
            fs::write(&path, &release).unwrap();
            let (mode, name) = if is_inline {
                ("--clear-sign", "InRelease")
            } else {
                ("--detach-sign", "Release.gpg")
            };
            let signed = self.path("signed");
            let (to, of) = (signed.to_str().unwrap(), path.to_str().unwrap());
            gpg(self.home.path(), &["--armor", "--output", to, mode, of]);
            files.insert(format!("/{folder}/{name}"), fs::read(signed).unwrap());
            if !is_inline {
                files.insert(format!("/{folder}/Release"), release.into_bytes());
            }
            let at = format!("/{folder}/main/binary-amd64/Packages");
            files.insert(at, packages.into_bytes());
        }
        self.site.put(files);
    }

    /// Runs `imgbuild update` on a host whose own apt believes every index.
    fn update(&self, more: &[&str]) -> Output {
        let config = self.path("host.conf");
        let host = "Acquire::Check-Valid-Until \"false\";\nAcquire::Check-Date \"false\";\nAcquire::Min-ValidTime \"99999999\";\n";
        fs::write(&config, host).unwrap();
        Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
            .arg(format!("mount --bind \"$0\" {KEYRING} && exec \"$@\""))
            .arg(self.path("key.gpg"))
            .arg(env!("CARGO_BIN_EXE_imgbuild"))
            .args(["update", "node.yaml", "--cache", "cache", "--mirror"])
            .arg(format!("{}/debian", self.site.address))
            .args(more)
            .current_dir(self.folder.path())
            .env("APT_CONFIG", config)
            .env_remove("IMGBUILD_ALLOW_OLD_INDEXES")
            .output()
            .expect("unshare (Debian package `util-linux`)")
    }

    fn lock(&self) -> Option<String> {
        fs::read_to_string(self.path("imgbuild.lock")).ok()
    }
}

/// An entry for everything that a base asks for; nothing of it is fetched here.
fn packages() -> String {
    let list = include_str!("../../../configs/base/packages");
    let wanted = list
        .lines()
        .map(|line| line.split('#').next().unwrap().trim());
    let wanted = wanted.filter(|name| !name.is_empty() && !name.starts_with('-'));
    let more = [
        "linux-image-amd64",
        "grub-efi-amd64-signed",
        "isolinux",
        "shim-helpers-amd64-signed",
        "shim-signed",
        "syslinux-common",
    ];
    wanted.chain(more).fold(String::new(), |mut text, name| {
        let hash = "0a".repeat(32);
        writeln!(
            text,
            "Package: {name}\nVersion: 1\nArchitecture: amd64\nFilename: pool/main/{name}_1_amd64.deb\nSize: 1\nSHA256: {hash}\n"
        )
        .unwrap();
        text
    })
}

fn release(index: Index, packages: &str) -> String {
    let Index {
        suite,
        codename,
        made,
        ends,
    } = index;
    let ends = ends.map_or_else(String::new, |ends| format!("Valid-Until: {}\n", date(ends)));
    let hash = hex(&Sha256::digest(packages));
    let length = packages.len();
    format!(
        "Origin: Debian\nLabel: Debian\nSuite: {suite}\nCodename: {codename}\nDate: {}\n{ends}Architectures: amd64\nComponents: main\n\
         SHA256:\n {hash} {length} main/binary-amd64/Packages\n",
        date(made)
    )
}

/// The time so many seconds from now, as an archive writes it.
fn date(from_now: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let time = i64::try_from(now.as_secs()).unwrap() + from_now;
    let told = Command::new("date")
        .env("LC_ALL", "C")
        .args([
            "-u",
            "-d",
            &format!("@{time}"),
            "+%a, %d %b %Y %H:%M:%S UTC",
        ])
        .output()
        .expect("date (Debian package `coreutils`)");
    String::from_utf8(told.stdout).unwrap().trim().to_owned()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// `GOOD` with one index in place of another.
fn with(place: usize, index: Index) -> Indexes {
    let mut indexes = GOOD;
    indexes[place] = index;
    indexes
}

#[test]
fn indexes_of_other_suites_and_of_the_past_are_refused() {
    let archive = Archive::new();
    let [main, updates, security] = GOOD;
    let last = Index {
        suite: "oldstable",
        codename: "bookworm",
        ..main
    };
    let stopped = Index {
        made: -20 * DAY,
        ends: Some(-13 * DAY),
        ..security
    };
    let ahead = Index {
        made: 3 * DAY,
        ends: Some(10 * DAY),
        ..security
    };
    for (name, indexes, expected) in [
        (
            "the updates as security",
            with(2, updates),
            "debian-security/dists/trixie-security is not trixie-security: its signed index is that of trixie-updates (suite stable-updates)",
        ),
        (
            "the last release as this one",
            with(0, last),
            "debian/dists/trixie is not trixie: its signed index is that of bookworm (suite oldstable)",
        ),
        (
            "the release as its updates",
            with(1, main),
            "dists/trixie-updates is not trixie-updates",
        ),
        (
            "security without the latest weeks",
            with(2, stopped),
            "so updates may be missing",
        ),
        ("an index of the future", with(2, ahead), "is not valid yet"),
    ] {
        for is_inline in [true, false] {
            archive.publish(indexes, is_inline);
            let run = archive.update(&[]);
            let said = said(&run);
            assert_eq!(run.status.code(), Some(1), "{name}: {said}");
            assert!(said.contains(expected), "{name}: {said}");
            assert_eq!(archive.lock(), None, "{name}");
        }
    }
    archive.publish([last, stopped, updates], true);
    let run = archive.update(&[]);
    assert_eq!(
        said(&run).matches("Use another mirror").count(),
        3,
        "all of them: {}",
        said(&run)
    );
}

#[test]
fn older_indexes_than_those_of_the_lock_are_refused() {
    let archive = Archive::new();
    for is_inline in [true, false] {
        archive.publish(GOOD, is_inline);
        let run = archive.update(&[]);
        assert!(run.status.success(), "{}", said(&run));
    }
    let lock = archive.lock().expect("a lock");
    assert!(
        lock.contains("\"indexes\": {") && lock.contains("\"trixie-security\": \""),
        "{lock}"
    );

    // Still valid, and of before the latest updates.
    let [_, _, security] = GOOD;
    let older = Index {
        made: -2 * DAY,
        ends: Some(5 * DAY),
        ..security
    };
    archive.publish(with(2, older), true);
    let run = archive.update(&[]);
    let why = said(&run);
    assert_eq!(run.status.code(), Some(1), "{why}");
    for words in [
        "the index of trixie-security on",
        "is older (",
        "`--allow-old-indexes`",
    ] {
        assert!(why.contains(words), "{why}");
    }
    assert_eq!(archive.lock().expect("a lock"), lock);
    let run = archive.update(&["--allow-old-indexes"]);
    assert!(run.status.success(), "{}", said(&run));

    // A snapshot of the archive, as someone wants it.
    let old = GOOD.map(|index| Index {
        made: index.made - 300 * DAY,
        ends: index.ends.map(|ends| ends - 300 * DAY),
        ..index
    });
    archive.publish(old, true);
    let run = archive.update(&[]);
    assert_eq!(run.status.code(), Some(1), "{}", said(&run));
    let run = archive.update(&["--allow-old-indexes"]);
    assert!(run.status.success(), "{}", said(&run));
    // The names are right all the same.
    archive.publish([old[0], old[2], old[2]], true);
    let run = archive.update(&["--allow-old-indexes"]);
    assert!(
        said(&run).contains("is not trixie-updates"),
        "{}",
        said(&run)
    );
}

/// The mirror has nothing newer than what apt keeps in the cache, which its disk changed.
#[test]
fn damaged_indexes_in_the_cache_are_read_again() {
    let archive = Archive::new();
    archive.publish(GOOD, true);
    assert!(archive.update(&[]).status.success());
    let lock = archive.lock().expect("a lock");
    let apt = archive.path("cache/apt");
    for name in hashes(&apt).into_keys() {
        let path: &Path = &apt.join(name);
        let mut bytes = fs::read(path).unwrap();
        if bytes.is_empty() {
            continue;
        }
        for byte in &mut bytes {
            // Another digit in hashes and versions.
            if matches!(*byte, b'0' | b'1') {
                *byte ^= 1;
            }
        }
        fs::write(path, bytes).unwrap();
    }
    let run = archive.update(&[]);
    assert!(run.status.success(), "{}", said(&run));
    assert_eq!(archive.lock().expect("a lock"), lock);
}
