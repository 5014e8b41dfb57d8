//! The kinds that an API server has, asked of one that runs for this alone: with every API turned
//! on, on a port of this machine's loopback, with keys and data in a folder that goes with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value as Json, json};

use crate::pki::{CryptoRng, KeyAlgorithm, PrivateKey};
use crate::qemu::free_port;
use crate::subprocess::{Program, Running, Said};
use crate::text::hex;

/// How long the API server may take to answer: half a minute where nothing else runs.
const PATIENCE: Duration = Duration::from_secs(300);

/// How often it is asked.
const GLANCE: Duration = Duration::from_millis(500);

/// Kinds of resources that are only asked for, which no manifest has. (Subresources are left out
/// anyway.)
const NOT_APPLIED: [&str; 8] = [
    "Binding",
    "ComponentStatus",
    "LocalSubjectAccessReview",
    "SelfSubjectAccessReview",
    "SelfSubjectReview",
    "SelfSubjectRulesReview",
    "SubjectAccessReview",
    "TokenReview",
];

/// Lines of the section `APIs`.
pub(super) fn of(
    api_server: &Program,
    kubectl: &Program,
    etcd: &Program,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<String>> {
    let folder = tempfile::tempdir().context("making a folder")?;
    let folder = folder.path();
    let (_etcd, etcd_url) = start_etcd(etcd, folder)?;
    let mut server = ApiServer::start(api_server, &etcd_url, folder, rng)?;
    let begun = Instant::now();
    // Before, it does not list all.
    while !says(kubectl, folder, "/readyz")?.is_success {
        if server.running.has_ended() || begun.elapsed() > PATIENCE {
            bail!(
                "the API server did not come up: {}",
                last_line(&server.complaints)
            );
        }
        thread::sleep(GLANCE);
    }
    let ask = |path: &str| -> Result<Json> {
        let said = says(kubectl, folder, path)?;
        let asking = || format!("asking the API server for {path}: {}", said.text().trim());
        serde_json::from_str(said.text().trim()).with_context(asking)
    };
    let groups = ask("/apis")?;
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut paths = vec![("v1".to_owned(), "/api/v1".to_owned())];
    for version in list(&groups, "groups").flat_map(|group| list(group, "versions")) {
        let name = version["groupVersion"]
            .as_str()
            .context("a group without a version")?;
        paths.push((name.to_owned(), format!("/apis/{name}")));
    }
    for (api, path) in paths {
        let resources = ask(&path)?;
        let kinds = list(&resources, "resources")
            // Subresources are not applied by themselves.
            .filter(|one| one["name"].as_str().is_some_and(|name| !name.contains('/')))
            .filter_map(|one| one["kind"].as_str())
            .filter(|kind| !NOT_APPLIED.contains(kind))
            .map(str::to_owned);
        let kinds: BTreeSet<String> = kinds.collect();
        if !kinds.is_empty() {
            all.insert(api, kinds);
        }
    }
    let line = |(api, kinds): (&String, &BTreeSet<String>)| {
        let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
        format!("{api}: {}", kinds.join(" "))
    };
    Ok(all.iter().map(line).collect())
}

/// The items of the list `name`.
fn list<'j>(object: &'j Json, name: &str) -> impl Iterator<Item = &'j Json> {
    object[name].as_array().into_iter().flatten()
}

/// What kubectl says of `path`.
fn says(kubectl: &Program, folder: &Path, path: &str) -> Result<Said> {
    kubectl.ask_in(
        folder,
        &[
            "--kubeconfig=kubeconfig",
            "--request-timeout=30s",
            "get",
            "--raw",
            path,
        ],
    )
}

/// The end of what a program complained of.
fn last_line(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().last().unwrap_or("it said nothing").to_owned()
}

/// Starts etcd in `folder`; with the URL of its clients.
fn start_etcd(etcd: &Program, folder: &Path) -> Result<(Running, String)> {
    let [clients, peers] =
        [free_port()?, free_port()?].map(|port| format!("http://127.0.0.1:{port}"));
    let running = etcd.start(
        folder,
        &[
            "--name=learn",
            "--data-dir=etcd",
            "--unsafe-no-fsync",
            &format!("--listen-client-urls={clients}"),
            &format!("--advertise-client-urls={clients}"),
            &format!("--listen-peer-urls={peers}"),
            &format!("--initial-advertise-peer-urls={peers}"),
            &format!("--initial-cluster=learn={peers}"),
        ],
        &folder.join("etcd.out"),
        &folder.join("etcd.err"),
    )?;
    Ok((running, clients))
}

struct ApiServer {
    running: Running,
    complaints: PathBuf,
}

impl ApiServer {
    /// Starts it, and writes `kubeconfig` into `folder`, by which kubectl reaches it.
    fn start(
        program: &Program,
        etcd_url: &str,
        folder: &Path,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self> {
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
        };
        let port = free_port()?;
        let mut token = [0; 24];
        rng.fill_bytes(&mut token);
        let token = hex(&token);
        write("tokens", &format!("{token},learn,1,system:masters\n"))?;
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256, rng)?;
        write("sa.key", &key.to_pem()?)?;
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "learn",
            "clusters": [{"name": "learn", "cluster": {
                "server": format!("https://127.0.0.1:{port}"),
                // The server makes a certificate for itself, with the authority behind it.
                "certificate-authority": folder.join("certificates/apiserver.crt"),
            }}],
            "users": [{"name": "learn", "user": {"token": token}}],
            "contexts": [{"name": "learn", "context": {"cluster": "learn", "user": "learn"}}],
        });
        write("kubeconfig", &kubeconfig.to_string())?;
        let complaints = folder.join("api-server.err");
        let running = program.start(
            folder,
            &[
                &format!("--etcd-servers={etcd_url}"),
                "--bind-address=127.0.0.1",
                &format!("--secure-port={port}"),
                "--advertise-address=127.0.0.1",
                "--endpoint-reconciler-type=none",
                "--cert-dir=certificates",
                "--service-cluster-ip-range=10.96.0.0/16",
                "--authorization-mode=RBAC",
                "--anonymous-auth=false",
                "--token-auth-file=tokens",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--service-account-signing-key-file=sa.key",
                "--service-account-key-file=sa.key",
                "--runtime-config=api/all=true",
                // Some APIs are there only with a gate.
                "--feature-gates=AllAlpha=true,AllBeta=true",
            ],
            &folder.join("api-server.out"),
            &complaints,
        )?;
        Ok(Self {
            running,
            complaints,
        })
    }
}
