//! The certificate authorities that programs trust, as `update-ca-certificates(8)` and `openssl
//! rehash` lay them out.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use x509_cert::Certificate;
use x509_cert::der::DecodePem as _;

use crate::formats::subject_hash::hash as subject_hash;
use crate::formats::tree::{Node, Tree};

/// Where packages install them.
const SOURCE: &str = "/usr/share/ca-certificates";

/// Writes `/etc/ssl/certs` and `/etc/ca-certificates.conf`.
pub fn write(tree: &mut Tree) -> Result<()> {
    let certificates: Vec<(String, String, Vec<u8>)> = tree
        .below(SOURCE)
        .filter_map(|(path, _)| {
            let name = path.rsplit('/').next()?.strip_suffix(".crt")?;
            Some((path.to_owned(), name.to_owned(), tree.bytes(path)?.to_vec()))
        })
        .collect();
    if certificates.is_empty() {
        return Ok(());
    }
    let mut list = String::new();
    let mut bundle = Vec::new();
    let mut links: BTreeMap<u32, u32> = BTreeMap::new();
    for (path, name, pem) in certificates {
        list.push_str(
            path.strip_prefix("/usr/share/ca-certificates/")
                .unwrap_or(&path),
        );
        list.push('\n');
        bundle.extend(&pem);
        // Names contain spaces and brackets; the links do not.
        let name = name
            .replace(' ', "_")
            .replace(['(', ')'], "=")
            .replace(',', "_");
        let certificate = Certificate::from_pem(&pem).with_context(|| format!("reading {path}"))?;
        let hash = subject_hash(certificate.tbs_certificate().subject());
        let same = links.entry(hash).or_default();
        tree.insert(
            &format!("/etc/ssl/certs/{hash:08x}.{same}"),
            Node::symlink(format!("{name}.pem")),
        );
        *same += 1;
        tree.insert(&format!("/etc/ssl/certs/{name}.pem"), Node::symlink(path));
    }
    tree.insert(
        "/etc/ssl/certs/ca-certificates.crt",
        Node::file(0o644, bundle),
    );
    tree.insert(
        "/etc/ca-certificates.conf",
        Node::file(0o644, list.into_bytes()),
    );
    Ok(())
}
