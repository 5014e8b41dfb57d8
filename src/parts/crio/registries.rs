//! Registries, as configured for containers/image: containers-registries.conf(5),
//! containers-certs.d(5), containers-auth.json(5).
//!
//! The meaning is the same as for containerd: mirrors are tried first, in their order, then the
//! registry itself; an authority, or `insecure`, applies to the mirrors, or to the registry if
//! there are none.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64ct::{Base64, Encoding as _};
use serde_json::json;

use crate::node::containers::Registry;
use crate::node::fragment::{File, Origin};
use crate::parts::names::path;
use crate::parts::template::fill;

/// The node's registry credentials.
pub const AUTH_FILE: &str = "/etc/crio/auth.json";

const REGISTRIES: &str = "/etc/containers/registries.conf";

/// A folder for each host with the authorities that may have issued its certificate.
const AUTHORITIES: &str = "/etc/containers/certs.d";

/// All files for `registries`; [`AUTH_FILE`] if the node has credentials for one of them.
pub fn files(registries: &[Registry], origin: &Origin) -> Vec<File> {
    let mut text = String::new();
    let mut files = Vec::new();
    let mut logins = BTreeMap::new();
    for registry in registries {
        text.push_str(&table(registry));
        if let Some(ca) = &registry.ca {
            for host in asked(registry) {
                // Two registries may share a mirror, each with a different authority for it.
                let at = format!("{AUTHORITIES}/{host}/{}.crt", registry.host);
                files.push(File::text(path(&at), ca.as_str(), origin.clone()));
            }
        }
        if let Some(login) = &registry.credentials {
            let pair = format!("{}:{}", login.username, login.password);
            let auth = Base64::encode_string(pair.as_bytes());
            logins.insert(registry.host.as_str(), json!({ "auth": auth }));
        }
    }
    files.sort_by(|a, b| a.path.as_str().cmp(b.path.as_str()));
    files.dedup_by(|a, b| a.path == b.path);
    let text = fill(
        include_str!("../../../manifests/containers-registries.conf"),
        &[("registries", text.trim_end())],
    );
    files.push(File::text(path(REGISTRIES), text, origin.clone()));
    if !logins.is_empty() {
        let text = format!("{}\n", json!({ "auths": logins }));
        files.push(File::text(path(AUTH_FILE), text, origin.clone()).mode(0o600));
    }
    files
}

/// The hosts that settings of `registry` are for.
fn asked(registry: &Registry) -> Vec<&str> {
    if registry.mirrors.is_empty() {
        return vec![&registry.host];
    }
    let mirrors = registry.mirrors.iter();
    mirrors.map(|mirror| host_of(&mirror.server)).collect()
}

/// `https://mirror.example:5000` without its scheme.
fn host_of(server: &str) -> &str {
    server.split_once("://").map_or(server, |(_, host)| host)
}

/// A registry and its mirrors. Hosts, and paths of mirrors, contain nothing that has to be escaped
/// in TOML.
fn table(registry: &Registry) -> String {
    let host = &registry.host;
    let mut text = format!("\n[[registry]]\nprefix = \"{host}\"\nlocation = \"{host}\"\n");
    if registry.insecure && registry.mirrors.is_empty() {
        text.push_str("insecure = true\n");
    }
    for mirror in &registry.mirrors {
        let server = host_of(&mirror.server);
        let slash = if mirror.prefix.is_empty() { "" } else { "/" };
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "\n[[registry.mirror]]\nlocation = \"{server}{slash}{}\"",
            mirror.prefix
        );
        if registry.insecure || mirror.server.starts_with("http://") {
            text.push_str("insecure = true\n");
        }
    }
    text
}
