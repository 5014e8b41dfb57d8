//! Access to the network for synchronous code. A server may be anyone's: what it sends is limited
//! in length and in time.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Once;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, RequestBuilder, Response};

/// How long a server may stay silent, and how long a short answer may take as a whole.
const SILENCE: Duration = Duration::from_secs(60);

/// The least that a download has to bring in that time, in bytes: a server that sends a byte now
/// and then would hold a build up for ever.
const PACE: u64 = 64 << 10;

/// How often a server may refer to another place.
const REDIRECTS_MAX: usize = 10;

/// The asynchronous runtime. Created when it is first needed: a build that finds everything in the
/// cache does not start it.
#[derive(Debug)]
pub struct Network {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

/// Why nothing was fetched.
#[derive(Debug)]
pub(super) enum Fault {
    /// The network failed.
    Network(reqwest::Error),
    /// The server answered with this status.
    Status(u16),
    /// The answer has more than this many bytes.
    TooLarge(u64),
    TooSlow,
    /// It could not be stored.
    Storing(io::Error),
}

impl Fault {
    /// Whether another attempt may succeed.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Network(error) => error.is_timeout() || error.is_body() || error.is_connect(),
            Self::Status(code) => *code >= 500 || *code == 429,
            Self::TooLarge(_) | Self::TooSlow | Self::Storing(_) => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The caller names the URL.
            Self::Network(_) => f.write_str("the request failed"),
            Self::Status(code) => {
                let words = reqwest::StatusCode::from_u16(*code).ok();
                let words = words.and_then(|status| status.canonical_reason());
                write!(
                    f,
                    "the server answered {code} {}",
                    words.unwrap_or_default()
                )
            }
            Self::TooLarge(most) => {
                write!(f, "the server sent more than the expected {most} bytes")
            }
            Self::TooSlow => write!(
                f,
                "the server sent less than {} KiB in {} seconds",
                PACE >> 10,
                SILENCE.as_secs()
            ),
            Self::Storing(_) => f.write_str("writing to the cache"),
        }
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Network(error) => Some(error),
            Self::Storing(error) => Some(error),
            _ => None,
        }
    }
}

impl From<reqwest::Error> for Fault {
    fn from(error: reqwest::Error) -> Self {
        Self::Network(error.without_url())
    }
}

impl Network {
    pub fn new() -> Result<Self> {
        // TLS by ring; fails only if it is installed already.
        static CHOSEN: Once = Once::new();
        CHOSEN.call_once(|| {
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("starting the asynchronous runtime")?;
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(SILENCE)
            .redirect(Policy::custom(redirected))
            .user_agent(concat!("imgbuild/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("starting a client for downloads")?;
        Ok(Self { runtime, client })
    }

    /// Waits for `future`.
    pub(super) fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// A request for `url`.
    pub(super) fn get(&self, url: &str) -> RequestBuilder {
        self.client.get(url)
    }

    /// What `url` has: at most `most` bytes, soon.
    pub(super) fn small(&self, url: &str, most: u64) -> Result<Vec<u8>, Fault> {
        self.wait(async { body(answered(self.get(url)).await?, most).await })
    }

    /// Passes what `url` has to `store`, at most `most` bytes. `start` is told how many the server
    /// announces.
    pub(super) fn download(
        &self,
        url: &str,
        most: u64,
        start: &mut dyn FnMut(Option<u64>),
        store: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), Fault> {
        self.wait(async {
            let answer = answered(self.get(url)).await?;
            start(answer.content_length());
            stream(answer, most, store).await
        })
    }
}

/// Follows a server to another place, but not to one without TLS from one with it.
fn redirected(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let from = attempt.previous().last().map(reqwest::Url::scheme);
    if attempt.previous().len() > REDIRECTS_MAX {
        return attempt.error("too many redirects");
    }
    if from == Some("https") && attempt.url().scheme() != "https" {
        return attempt.error("redirected from https to an address without TLS");
    }
    attempt.follow()
}

/// The answer to `request`, whatever its status.
pub(super) async fn answer(request: RequestBuilder) -> Result<Response, Fault> {
    match tokio::time::timeout(SILENCE, request.send()).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Fault::TooSlow),
    }
}

/// The answer to `request`, if that is what was asked for.
async fn answered(request: RequestBuilder) -> Result<Response, Fault> {
    let answer = answer(request).await?;
    match answer.status().as_u16() {
        200 => Ok(answer),
        other => Err(Fault::Status(other)),
    }
}

/// All of a short answer: at most `most` bytes, soon.
pub(super) async fn body(answer: Response, most: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let mut store = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok(())
    };
    match tokio::time::timeout(SILENCE, stream(answer, most, &mut store)).await {
        Ok(outcome) => outcome?,
        Err(_) => return Err(Fault::TooSlow),
    }
    Ok(bytes)
}

/// Passes an answer to `store` piece by piece, at most `most` bytes.
pub(super) async fn stream(
    mut answer: Response,
    most: u64,
    store: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), Fault> {
    let mut pace = Pace::from(Instant::now());
    let mut left = most;
    while let Some(piece) = answer.chunk().await? {
        left = (left.checked_sub(piece.len() as u64)).ok_or(Fault::TooLarge(most))?;
        store(&piece).map_err(Fault::Storing)?;
        if !pace.keeps(piece.len() as u64, Instant::now()) {
            return Err(Fault::TooSlow);
        }
    }
    Ok(())
}

/// Whether a download comes fast enough.
#[derive(Debug)]
struct Pace {
    since: Instant,
    bytes: u64,
}

impl From<Instant> for Pace {
    fn from(since: Instant) -> Self {
        Self { since, bytes: 0 }
    }
}

impl Pace {
    /// Counts `bytes` that came at `now`; false: those before were too few for the time.
    fn keeps(&mut self, bytes: u64, now: Instant) -> bool {
        self.bytes += bytes;
        if now.duration_since(self.since) < SILENCE {
            return true;
        }
        let enough = self.bytes >= PACE;
        *self = Self::from(now);
        enough
    }
}

/// Whether `host` (with or without a port) is this machine, which needs no TLS.
pub fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost"
        || name
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drip_is_too_slow_and_a_slow_line_is_not() {
        let start = Instant::now();
        for (name, seconds, bytes, keeps) in [
            ("a byte a second", 1, 1, false),
            ("a byte now and then", 59, 1, false),
            ("a slow modem", 1, 2000, true),
            ("large pieces, seldom", 59, 100_000, true),
        ] {
            let mut pace = Pace::from(start);
            let kept = (1..=300)
                .all(|piece| pace.keeps(bytes, start + Duration::from_secs(piece * seconds)));
            assert_eq!(kept, keeps, "{name}");
        }
    }
}
