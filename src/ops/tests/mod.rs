//! Use cases without a process: what they give, and what they say and take from the environment.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, UNIX_EPOCH};

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng as _;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::diagnostic::{Diagnostic, Sources};
use crate::pack::Format;
use crate::progress::Progress;

/// 2030-01-01, when all tests here happen.
const NOW: Duration = Duration::from_secs(1_893_456_000);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An environment of its own: `home` for everything, a clock that stands still, and randomness that
/// repeats.
fn environment(home: &Path) -> Environment {
    let variables = [("IMGBUILD_CACHE", home.join("cache"))];
    let variables = variables.map(|(name, value)| (name.into(), value.into()));
    Environment {
        home: Some(home.to_owned()),
        variables: variables.into(),
        now: || UNIX_EPOCH + NOW,
        random: || Box::new(ChaCha20Rng::seed_from_u64(0)),
    }
}

/// Remembers what was said.
#[derive(Default)]
struct Listener(Mutex<Vec<String>>);

impl Listener {
    fn add(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    /// What was said since the last call.
    fn said(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Progress for Listener {
    fn start(&self, what: &str, _total: Option<u64>) {
        self.add(format!("progress: {what}"));
    }
    fn advance(&self, _amount: u64) {}
    fn finish(&self) {}
    fn warn(&self, what: &str) {
        self.add(format!("warning: {what}"));
    }
}

impl Reporter for Listener {
    fn notice(&self, notice: &Notice) {
        let kind = if notice.is_warning() {
            "warning"
        } else {
            "note"
        };
        self.add(format!("{kind}: {notice}"));
    }

    fn warnings(&self, warnings: &[Diagnostic], sources: &Sources) {
        for warning in warnings {
            let place = warning.span.map(|span| sources.position(span).0);
            self.add(format!("{} at line {place:?}", warning.code.0));
        }
    }
}

/// A folder with files of these names and texts.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

const PLAIN: &str = "version: 1\nhostname: node1\n";
const ETCD: &str = "version: 1\nhostname: node1\nnetwork:\n  interfaces:\n    - name: eth0\n      addresses: [10.0.0.1/24]\netcd: {}\n";

#[test]
fn a_config_is_compiled_in_memory_and_built_to_the_same_bytes() {
    let folder = folder(&[("node.yaml", PLAIN)]);
    let path = |name: &str| folder.path().join(name);
    let listener = Listener::default();
    let mut session = Session::new(environment(folder.path()), &listener);
    let compiled = compile(&SpecFile::new(path("node.yaml")), &mut session).unwrap();
    let [(hostname, config)] = &compiled[..] else {
        panic!("{compiled:?}");
    };
    assert_eq!(hostname.as_str(), "node1");
    assert_eq!(listener.said(), Vec::<String>::new());

    let options = BuildOptions::new(path("node.yaml"), path("node.ign"));
    let built = build(&options, &mut session).unwrap();
    assert_eq!(
        built,
        [Built {
            path: Some(path("node.ign")),
            format: Format::Ignition,
            nodes: vec![hostname.clone()],
        }]
    );
    assert_eq!(fs::read(path("node.ign")).unwrap(), *config);
    assert_eq!(built[0].bytes().unwrap(), config.len() as u64);
    let hash = crate::text::hex(&Sha256::digest(config));
    assert_eq!(built[0].sha256().unwrap(), hash);
    let wrote = format!("note: wrote {}", path("node.ign").display());
    assert_eq!(listener.said(), [wrote]);
}

/// A node's clock may not be behind its certificates; without certificates, any time will do.
#[test]
fn a_payload_says_when_its_newest_certificate_became_valid() {
    let folder = folder(&[("plain.yaml", PLAIN), ("etcd.yaml", ETCD)]);
    let path = |name: &str| folder.path().join(name);
    let mut session = Session::new(environment(folder.path()), &crate::progress::Silent);
    let mut clock = |spec: &str| {
        let options = BuildOptions::new(path(spec), path("node.cpio"));
        build(&options, &mut session).unwrap();
        let payload = fs::read(path("node.cpio")).unwrap();
        let payload = String::from_utf8_lossy(&payload).into_owned();
        let (_, clock) = payload.split_once("imgbuild/clock\0")?;
        let (seconds, _) = clock.trim_start_matches('\0').split_once('\n')?;
        Some(Duration::from_secs(seconds.parse().unwrap()))
    };
    assert_eq!(clock("plain.yaml"), None);
    let valid = clock("etcd.yaml").unwrap();
    assert!(NOW < valid + DAY && valid <= NOW, "{valid:?}");
}

#[test]
fn a_cluster_is_built_into_a_folder_or_a_pipe() {
    let cluster = "version: 1\nnodes:\n  - hostname: a\n  - hostname: b\n";
    let folder = folder(&[("cluster.yaml", cluster)]);
    let mut session = Session::new(environment(folder.path()), &crate::progress::Silent);
    let options = BuildOptions {
        format: Some(Format::ConfigIso),
        ..BuildOptions::new(
            folder.path().join("cluster.yaml"),
            folder.path().join("out/"),
        )
    };
    let built = build(&options, &mut session).unwrap();
    let names: Vec<_> = (built.iter())
        .map(|built| built.path.as_deref().and_then(Path::file_name).unwrap())
        .collect();
    assert_eq!(names, ["a.iso", "b.iso"]);

    let pipe = fs::File::create(folder.path().join("pipe")).unwrap();
    let options = BuildOptions {
        format: Some(Format::Ignition),
        node: Some("b".to_owned()),
        output: Destination::Stream(pipe),
        ..options
    };
    let built = build(&options, &mut session).unwrap();
    assert_eq!(built[0].path, None);
    let config = fs::read_to_string(folder.path().join("pipe")).unwrap();
    assert!(config.contains("/etc/hostname"), "{config}");
}

#[test]
fn requests_that_do_not_go_are_told_from_mistakes_and_failures() {
    let wrong = format!("{PLAIN}nonsense: 1\n");
    let folder = folder(&[("node.yaml", PLAIN), ("wrong.yaml", &wrong)]);
    let path = |name: &str| folder.path().join(name);
    let mut session = Session::new(environment(folder.path()), &crate::progress::Silent);
    let mut refused = |spec: &str, output: &str, change: fn(&mut BuildOptions)| {
        let mut options = BuildOptions::new(path(spec), path(output));
        change(&mut options);
        build(&options, &mut session).unwrap_err()
    };
    let unknown_node = refused("node.yaml", "a.ign", |options| {
        options.node = Some("b".to_owned());
    });
    assert!(
        matches!(&unknown_node, Error::Request(why) if why.contains("the nodes are node1")),
        "{unknown_node}"
    );
    let no_format = refused("node.yaml", "a.txt", |_| ());
    assert!(
        matches!(&no_format, Error::Request(why)
            if why.contains("end it in .ign, .iso, .cpio, .cpio.gz, .cpio.zst, .initrd, or `/`")),
        "{no_format}"
    );
    let mistake = refused("wrong.yaml", "a.ign", |_| ());
    let Error::Input(found) = &mistake else {
        panic!("{mistake}");
    };
    let lines: Vec<_> = mistake.to_string().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), found.len());
    assert!(lines[0].starts_with(found[0].code.0), "{lines:?}");
    let no_folder = refused("node.yaml", "none/a.ign", |_| ());
    assert!(matches!(no_folder, Error::Environment(_)), "{no_folder}");
    assert!(!path("a.ign").exists());
}

#[test]
fn a_check_gives_every_mistake_and_changes_nothing() {
    let spec = "version: 1\nhostname: node1\nhostnam: node2\nnetwork:\n  interfaces:\n    - name: eth0\n      addresses: [10.0.0.300/24]\netcd: {}\n";
    let folder = folder(&[("node.yaml", spec), ("good.yaml", ETCD)]);
    let mut session = Session::new(environment(folder.path()), &crate::progress::Silent);
    let wrong = SpecFile::new(folder.path().join("node.yaml"));
    let report = check(&wrong, &mut session).unwrap();
    assert!(report.has_errors());
    let found: Vec<_> = (report.findings.iter())
        .map(|found| (found.code, session.sources.position(found.span.unwrap()).0))
        .collect();
    assert_eq!(
        found,
        [(codes::UNKNOWN_KEY, 3), (codes::BAD_NETWORK, 7)],
        "{:?}",
        report.findings
    );
    assert!(explain(found[0].0.0).is_some() && explain("E9999").is_none());

    let missing = SpecFile::new(folder.path().join("none.yaml"));
    assert!(check(&missing, &mut session).unwrap().has_errors());
    let good = SpecFile::new(folder.path().join("good.yaml"));
    assert!(!check(&good, &mut session).unwrap().has_errors());
    assert!(!good.keys.exists());
}

#[test]
fn keys_are_of_the_sessions_clock_and_randomness() {
    let built = |named: Option<PathBuf>| {
        let folder = folder(&[("node.yaml", ETCD)]);
        let listener = Listener::default();
        let mut session = Session::new(environment(folder.path()), &listener);
        let named = named.map(|name| folder.path().join(name));
        let spec = SpecFile::new(folder.path().join("node.yaml")).with_keys(named);
        keys::init(&spec, &mut session).unwrap();
        let said = listener.said();
        assert!(
            said.iter().any(|line| line.starts_with("note: created ")),
            "{said:?}"
        );
        let listed = keys::list(&spec, &session).unwrap();
        let listed: Vec<_> = listed.into_iter().map(Result::unwrap).collect();
        assert_eq!(compile(&spec, &mut session).unwrap().len(), 1);
        (listed, fs::read(spec.keys.join("etcd/ca.key")).unwrap())
    };
    let (listed, authority) = built(None);
    assert_eq!((listed.clone(), authority), built(Some("others".into())));
    assert!(listed.len() > 2, "{listed:?}");
    for certificate in listed {
        let from = certificate.not_before;
        let now = UNIX_EPOCH + NOW;
        assert!(from <= now && now - DAY <= from, "{certificate:?}");
        assert_eq!(certificate.matches_key, Some(true));
    }
}

#[test]
fn keys_are_renewed_and_end() {
    let folder = folder(&[("node.yaml", ETCD)]);
    let listener = Listener::default();
    let mut session = Session::new(environment(folder.path()), &listener);
    let spec = SpecFile::new(folder.path().join("node.yaml"));
    keys::init(&spec, &mut session).unwrap();
    let server = spec.keys.join("nodes/node1/etcd/server.crt");
    let before = fs::read(&server).unwrap();
    session.environment.random = || Box::new(ChaCha20Rng::seed_from_u64(1));
    keys::renew(&spec, &["node1".to_owned()], &mut session).unwrap();
    assert_ne!(fs::read(&server).unwrap(), before);
    assert!(spec.keys.join("old").is_dir());

    listener.said();
    session.environment.now = || UNIX_EPOCH + NOW + DAY * (3 * 365 - 10);
    let report = check(&spec, &mut session).unwrap();
    assert!(
        report.keys.iter().any(crate::pki::Notice::is_warning),
        "{report:?}"
    );
    assert_eq!(listener.said(), Vec::<String>::new());

    let no_plane = kubeconfig(&spec, None, &mut session).unwrap_err();
    assert!(
        matches!(&no_plane, Error::Request(why) if why.contains("no control plane node")),
        "{no_plane}"
    );
}

#[test]
fn a_config_is_imported_and_what_is_left_out_is_told() {
    let butane = "variant: fcos\nversion: 1.5.0\nfrobnicate: {}\nstorage:\n  files:\n    - path: /etc/motd\n      contents: {inline: hello}\n";
    let folder = folder(&[("web.bu", butane)]);
    let mut session = Session::new(environment(folder.path()), &crate::progress::Silent);
    let mut options = ImportOptions::new(folder.path().join("web.bu"));
    let mut imported = |target: Option<&str>| {
        options.target = target.map(str::to_owned);
        let imported = import(&options, &mut session).unwrap();
        assert!(imported.text.contains("/etc/motd"), "{}", imported.text);
        let lines: Vec<_> = (imported.left_out.iter())
            .map(|left| session.sources.position(left.span.unwrap()).0)
            .collect();
        assert_eq!(lines, [3], "{:?}", imported.left_out);
        imported
    };
    // The network names it.
    let own = imported(None);
    assert!(!own.text.contains("hostname:"), "{}", own.text);
    assert_eq!(own.made_up_name, None);
    let debian = imported(Some("debian"));
    assert!(debian.text.contains("hostname: web"), "{}", debian.text);
    assert_eq!(debian.made_up_name.as_deref(), Some("web"));
}
