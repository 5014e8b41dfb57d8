//! The credentials for registries that `docker login` and `podman login` stored.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use base64ct::{Base64, Encoding as _};
use serde::Deserialize;

use crate::formats::{bounded, whole_text};

/// The longest configuration file, and the longest answer of a credential helper, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// Docker's configuration file with credentials, and the credential helpers that it names.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, StoredLogin>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StoredLogin {
    auth: String,
    username: String,
    password: String,
}

/// Shows no secret.
impl std::fmt::Debug for StoredLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredLogin").finish_non_exhaustive()
    }
}

/// How a registry is asked.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    Anonymous,
    /// A user and a password.
    Basic(String, String),
}

/// Shows no secret.
impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "Anonymous",
            Self::Basic(..) => "Basic(…)",
        })
    }
}

/// What a credential helper prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

impl Credentials {
    /// No credentials.
    pub fn none() -> Self {
        Self::default()
    }

    /// The credentials of `config.json` in `$DOCKER_CONFIG`, else in `~/.docker`.
    pub fn from_host(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> Self {
        let folder = variable("DOCKER_CONFIG")
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".docker")));
        Self {
            file: folder.map(|folder| folder.join("config.json")),
        }
    }

    /// The credentials for `registry` at `host`; anonymous if the file has none.
    pub fn of(&self, registry: &str, host: &str) -> Result<Login> {
        let Some(file) = &self.file else {
            return Ok(Login::Anonymous);
        };
        let Some(text) = whole_text(file, FILE_MAX)? else {
            return Ok(Login::Anonymous);
        };
        let config: Config =
            serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))?;
        find(&config, registry, host)
            .with_context(|| format!("reading the credentials for {host} in {}", file.display()))
    }
}

fn find(config: &Config, registry: &str, host: &str) -> Result<Login> {
    let mut names = vec![
        host.to_owned(),
        format!("https://{host}"),
        format!("http://{host}"),
    ];
    if registry == "docker.io" && (host == "docker.io" || host == "index.docker.io") {
        // As `docker login` writes it.
        names.push("https://index.docker.io/v1/".to_owned());
        names.push("index.docker.io".to_owned());
        names.push("docker.io".to_owned());
    }
    for name in &names {
        if let Some(helper) = config.cred_helpers.get(name)
            && let Some(answer) = ask(helper, name)?
        {
            return Ok(answer);
        }
        let Some(auth) = config.auths.get(name) else {
            continue;
        };
        if !auth.username.is_empty() {
            let (user, password) = (auth.username.clone(), auth.password.clone());
            return Ok(Login::Basic(user, password));
        }
        if !auth.auth.is_empty() {
            let decoded = Base64::decode_vec(&auth.auth)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok());
            let decoded = decoded.with_context(|| format!("`auth` of {name} is not base64"))?;
            let (user, password) = decoded
                .split_once(':')
                .with_context(|| format!("`auth` of {name} has no colon"))?;
            return Ok(Login::Basic(user.to_owned(), password.to_owned()));
        }
    }
    if let Some(store) = &config.creds_store {
        for name in &names {
            if let Some(answer) = ask(store, name)? {
                return Ok(answer);
            }
        }
    }
    Ok(Login::Anonymous)
}

/// Asks `docker-credential-HELPER` (docker-credential-helpers, "Development"). `None`: it has no
/// credentials for `server`.
fn ask(helper: &str, server: &str) -> Result<Option<Login>> {
    ensure!(
        Path::new(helper).components().count() == 1 && !helper.contains('/'),
        "`{helper}` is not the name of a credential helper"
    );
    let program = format!("docker-credential-{helper}");
    let mut child = Command::new(&program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("starting {program}"))?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that exits without reading its input reports that by its status.
        let _ = input.write_all(server.as_bytes());
    }
    let running = || format!("running {program}");
    let output = match child.stdout.take() {
        Some(output) => bounded(output, FILE_MAX).with_context(running),
        None => Ok(Vec::new()),
    };
    if output.is_err() {
        // It would go on writing.
        child.kill().with_context(running)?;
    }
    let status = child.wait().with_context(running)?;
    let output = output?;
    if !status.success() {
        return Ok(None);
    }
    let Ok(answer) = serde_json::from_slice::<Answer>(&output) else {
        bail!("{program} did not print valid credentials");
    };
    if answer.username == "<token>" {
        bail!("{program} returned an identity token for {server}, which imgbuild does not support");
    }
    Ok(Some(Login::Basic(answer.username, answer.secret)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_by_host() {
        let config: Config = serde_json::from_str(
            r#"{"auths": {"a.example:5000": {"auth": "dTpwOnE="}, "https://index.docker.io/v1/": {"auth": "aHViOng="},
                "b.example": {"username": "v", "password": "w"}, "broken": {"auth": "!"}, "c.example": {}}, "other": 1}"#,
        )
        .expect("JSON");
        let basic =
            |user: &str, password: &str| Some(Login::Basic(user.to_owned(), password.to_owned()));
        for (registry, host, want) in [
            ("registry.k8s.io", "a.example:5000", basic("u", "p:q")),
            ("docker.io", "docker.io", basic("hub", "x")),
            ("docker.io", "mirror", Some(Login::Anonymous)),
            ("b.example", "b.example", basic("v", "w")),
            ("c.example", "c.example", Some(Login::Anonymous)),
            ("broken", "broken", None),
        ] {
            assert_eq!(find(&config, registry, host).ok(), want, "{host}");
        }
    }
}
