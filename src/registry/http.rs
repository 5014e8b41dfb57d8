//! The network, for code that is not asynchronous.

use std::future::Future;
use std::sync::Once;

use anyhow::{Context as _, Result};

/// Runs what waits for the network. Made when it is first needed: a build that finds all in the
/// cache starts no such thing.
#[derive(Debug)]
pub struct Network {
    runtime: tokio::runtime::Runtime,
}

impl Network {
    pub fn new() -> Result<Self> {
        // TLS by ring; fails only where it is chosen already.
        static CHOSEN: Once = Once::new();
        CHOSEN.call_once(|| {
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("starting the network")?;
        Ok(Self { runtime })
    }

    /// Waits for `future`.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}

/// Whether `host` (with its port or without) is this machine, which needs no TLS.
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
