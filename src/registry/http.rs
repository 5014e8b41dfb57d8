//! Access to the network for synchronous code.

use std::future::Future;
use std::sync::Once;

use anyhow::{Context as _, Result};

/// The asynchronous runtime. Created when it is first needed: a build that finds everything in the
/// cache does not start it.
#[derive(Debug)]
pub struct Network {
    runtime: tokio::runtime::Runtime,
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
        Ok(Self { runtime })
    }

    /// Waits for `future`.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
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
