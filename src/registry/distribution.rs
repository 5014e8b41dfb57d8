//! A client for registries, as far as images are read (OCI Distribution Specification 1.1, "Pull";
//! tokens: distribution, "Token Authentication Specification").

use std::fmt;
use std::io;
use std::sync::Mutex;

use anyhow::{Context as _, Result, bail, ensure};
use base64ct::{Base64, Encoding as _};
use reqwest::header::{ACCEPT, AUTHORIZATION, WWW_AUTHENTICATE};
use reqwest::{Response, Url};
use serde::Deserialize;

use super::credentials::Login;
use super::http::{self, Fault, Network};
use super::mirrors::Place;
use crate::formats::json;
use crate::oci::{INDEX_TYPES, MANIFEST_MAX, MANIFEST_TYPES};

/// The longest answer with a token, in bytes.
const TOKEN_MAX: u64 = 1 << 20;

/// How often a request is attempted if the network fails.
const ATTEMPTS: u32 = 3;

/// A repository of a registry, to be read.
#[derive(Debug)]
pub(super) struct Repository<'a> {
    network: &'a Network,
    place: &'a Place,
    /// The registry's host as it is asked, with its port.
    host: &'a str,
    name: String,
    login: Login,
    /// What the registry asked for once.
    authorization: Mutex<Option<String>>,
}

/// The registry does not let this user in, or nobody.
#[derive(Debug)]
struct Denied(String);

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = &self.0;
        write!(
            f,
            "access to {host} was denied; run `docker login {host}` or `podman login --authfile ~/.docker/config.json {host}` first"
        )
    }
}

impl std::error::Error for Denied {}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    /// As OAuth 2.0 calls it.
    access_token: Option<String>,
}

impl<'a> Repository<'a> {
    /// The repository `name` at `host`, which is that of `place`.
    pub fn new(
        network: &'a Network,
        place: &'a Place,
        host: &'a str,
        name: String,
        login: Login,
    ) -> Self {
        Self {
            network,
            place,
            host,
            name,
            login,
            authorization: Mutex::new(None),
        }
    }

    /// The manifest or index that `reference` (a tag or a digest) names.
    pub fn manifest(&self, reference: &str) -> Result<Vec<u8>> {
        let accepted = [INDEX_TYPES, MANIFEST_TYPES].concat().join(", ");
        self.attempts(|| {
            self.network.wait(async {
                let answer = self.get("manifests", reference, &accepted).await?;
                Ok(http::body(answer, MANIFEST_MAX).await?)
            })
        })
    }

    /// Passes the blob `digest` to what `start` gives, which it is asked for at each attempt.
    pub fn blob<S>(
        &self,
        digest: &str,
        size: u64,
        start: impl Fn() -> Result<S>,
        store: impl Fn(&mut S, &[u8]) -> io::Result<()>,
    ) -> Result<S> {
        self.attempts(|| {
            let mut sink = start()?;
            self.network.wait(async {
                let answer = self.get("blobs", digest, "*/*").await?;
                http::stream(answer, size, &mut |piece| store(&mut sink, piece)).await?;
                Ok(sink)
            })
        })
    }

    /// Calls `attempt` again while the network fails.
    fn attempts<T>(&self, attempt: impl Fn() -> Result<T>) -> Result<T> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let error = match attempt() {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            match error.downcast_ref::<Fault>() {
                Some(fault) if attempts < ATTEMPTS && fault.is_passing() => {}
                Some(Fault::Status(404)) => bail!("image not found on {}", self.place.host),
                Some(Fault::Status(401 | 403)) => {
                    return Err(Denied(self.place.host.clone()).into());
                }
                _ => return Err(error),
            }
        }
    }

    /// The answer to the request for something of the repository.
    async fn get(&self, kind: &str, reference: &str, accepted: &str) -> Result<Response> {
        let scheme = if self.place.plain { "http" } else { "https" };
        let (host, name) = (self.host, &self.name);
        let url = format!("{scheme}://{host}/v2/{name}/{kind}/{reference}");
        let known = match self.authorization.lock() {
            Ok(known) => known.clone(),
            Err(_) => None,
        };
        let answer = self.request(&url, accepted, known.as_deref()).await?;
        if answer.status().as_u16() != 401 {
            return Ok(checked(answer)?);
        }
        let Some(authorization) = self.authorize(&answer).await? else {
            return Err(Denied(self.place.host.clone()).into());
        };
        let answer = self.request(&url, accepted, Some(&authorization)).await?;
        let answer = checked(answer)?;
        if let Ok(mut known) = self.authorization.lock() {
            *known = Some(authorization);
        }
        Ok(answer)
    }

    async fn request(
        &self,
        url: &str,
        accepted: &str,
        authorization: Option<&str>,
    ) -> Result<Response, Fault> {
        let mut request = self.network.get(url).header(ACCEPT, accepted);
        if let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        http::answer(request).await
    }

    /// What the registry asks for in `answer`; `None`: a login that there is not.
    async fn authorize(&self, answer: &Response) -> Result<Option<String>> {
        let challenges: Vec<Challenge> = (answer.headers().get_all(WWW_AUTHENTICATE).iter())
            .filter_map(|value| Challenge::parse(value.to_str().ok()?))
            .collect();
        let basic = match &self.login {
            Login::Anonymous => None,
            Login::Basic(user, password) => {
                let login = Base64::encode_string(format!("{user}:{password}").as_bytes());
                Some(format!("Basic {login}"))
            }
        };
        match challenges.iter().find(|challenge| challenge.is("Bearer")) {
            Some(bearer) => Ok(Some(self.token(bearer, basic).await?)),
            None => Ok(basic),
        }
    }

    /// A token for the repository.
    async fn token(&self, challenge: &Challenge, basic: Option<String>) -> Result<String> {
        let realm = challenge.value("realm").unwrap_or_default();
        let mut url = Url::parse(realm)
            .with_context(|| format!("{} has no address for tokens", self.place.host))?;
        ensure!(
            url.scheme() == "https" || (url.scheme() == "http" && self.place.plain),
            "{} gives out tokens without TLS, at {}",
            self.place.host,
            realm.escape_debug()
        );
        let scope = format!("repository:{}:pull", self.name);
        let scope = challenge.value("scope").unwrap_or(&scope).to_owned();
        let service = challenge
            .value("service")
            .map(|service| ("service", service));
        (url.query_pairs_mut())
            .extend_pairs(service)
            .append_pair("scope", &scope);
        let mut request = self.network.get(url.as_str());
        if let Some(basic) = basic {
            request = request.header(AUTHORIZATION, basic);
        }
        let asking = || format!("requesting a token of {}", self.place.host);
        let answer = checked(http::answer(request).await?)?;
        let bytes = http::body(answer, TOKEN_MAX).await?;
        let token: Token = json::parse(&bytes).with_context(asking)?;
        let token = token.token.or(token.access_token).with_context(asking)?;
        Ok(format!("Bearer {token}"))
    }
}

/// The answer, if that is what was asked for.
fn checked(answer: Response) -> Result<Response, Fault> {
    match answer.status().as_u16() {
        200 => Ok(answer),
        other => Err(Fault::Status(other)),
    }
}

/// How a server wants to be asked (RFC 9110 §11.6.1). One challenge a header, as registries write
/// it.
#[derive(Debug, PartialEq, Eq)]
struct Challenge {
    scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    fn parse(header: &str) -> Option<Self> {
        let (scheme, mut rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
        let mut parameters = Vec::new();
        while !rest.trim().is_empty() {
            let (key, after) = rest.split_once('=')?;
            let (value, after) = if let Some(quoted) = after.trim_start().strip_prefix('"') {
                unquote(quoted)?
            } else {
                let end = after.find(',').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            };
            parameters.push((key.trim().to_ascii_lowercase(), value));
            rest = after.trim_start().strip_prefix(',').unwrap_or("");
        }
        let scheme = scheme.to_owned();
        Some(Self { scheme, parameters })
    }

    fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    fn value(&self, wanted: &str) -> Option<&str> {
        let mut parameters = self.parameters.iter();
        parameters
            .find(|(key, _)| key == wanted)
            .map(|(_, value)| value.as_str())
    }
}

/// A quoted string (RFC 9110 §5.6.4) after its opening mark, and what follows the closing one.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges() {
        let of = |scheme: &str, parameters: &[(&str, &str)]| {
            let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            Some(Challenge {
                scheme: scheme.to_owned(),
                parameters: parameters.iter().map(pair).collect(),
            })
        };
        for (header, want) in [
            (
                r#"Bearer realm="https://a.example/token",service="a",scope="repository:a/b:pull,push""#,
                of(
                    "Bearer",
                    &[
                        ("realm", "https://a.example/token"),
                        ("service", "a"),
                        ("scope", "repository:a/b:pull,push"),
                    ],
                ),
            ),
            (
                r#"basic Realm="a \"b\"", charset=UTF-8"#,
                of("basic", &[("realm", r#"a "b""#), ("charset", "UTF-8")]),
            ),
            ("Basic", of("Basic", &[])),
            (r#"Bearer realm="open"#, None),
            ("Bearer realm", None),
        ] {
            assert_eq!(Challenge::parse(header), want, "{header}");
        }
    }
}
