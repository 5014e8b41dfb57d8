//! The spec's certificate authorities.
//!
//! If the system has a folder for them (`update-ca-trust(8)`), they are only put there. On a Debian
//! base `update-ca-certificates(8)` does not run: its output is written directly. Go, curl and most
//! others read the single file `/etc/ssl/certs/ca-certificates.crt`, to which the certificates are
//! added (by the system's own program where that file is a link to a read-only file); programs that
//! use OpenSSL's defaults (Python, `openssl`) look certificates up in the folder by a hash of the
//! subject.

// The base links its authorities by the same hash.
use ignition_config::v3_4;
use x509_cert::Certificate;
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{DecodePem, EncodePem};

use super::names::{path, unit};
use crate::data_url::resource;
use crate::formats::subject_hash;
use crate::node::fragment::{File, Fragment, Link, Origin, Owner, Unit};
use crate::node::{CaCertificate, Node};

/// Trust in the spec's certificate authorities, for the node's programs and for Ignition's own
/// downloads.
pub fn ca_certificates(node: &Node) -> Fragment {
    let mut fragment = Fragment::default();
    let anchors = node.target.facts().paths.trust_anchors;
    // OpenSSL numbers certificates whose subjects have the same hash.
    let mut hashes: Vec<u32> = Vec::new();
    let links_bundle = node.target.facts().services.links_ca_bundle;
    if let Some(first) = node.ca_certificates.first().filter(|_| links_bundle) {
        fragment.units.push(Unit::enabled(
            unit("imgbuild-ca-certificates.service"),
            include_str!("../../../manifests/imgbuild-ca-certificates.service"),
            Origin::new("ca_certificates", first.pem.span),
        ));
    }
    for authority in &node.ca_certificates {
        let origin = Origin::new("ca_certificates", authority.pem.span);
        for (name, pem, hash) in certificates(authority) {
            let bundle: v3_4::Resource = resource(pem.as_bytes());
            fragment.ignition_cas.push((bundle, origin.clone()));
            if let Some(folder) = anchors {
                let file = path(&format!("{folder}/{name}.pem"));
                fragment.files.push(File::text(file, pem, origin.clone()));
                continue;
            }
            let file = path(&format!("/etc/ssl/certs/{name}.pem"));
            if let Some(hash) = hash {
                let same = hashes.iter().filter(|other| **other == hash).count();
                hashes.push(hash);
                fragment.links.push(Link {
                    path: path(&format!("/etc/ssl/certs/{hash:08x}.{same}")),
                    target: format!("{name}.pem"),
                    hard: false,
                    owner: Owner::default(),
                    // It replaces an authority of the base with the same subject.
                    overwrite: true,
                    origin: origin.clone(),
                });
            }
            fragment
                .files
                .push(File::text(file, pem.clone(), origin.clone()));
            if !links_bundle {
                fragment.files.push(File::appended(
                    path("/etc/ssl/certs/ca-certificates.crt"),
                    pem,
                    origin.clone(),
                ));
            }
        }
    }
    fragment
}

/// The certificates in `authority`: file name, PEM and subject hash. What cannot be parsed is
/// passed on unchanged; the spec has been checked before.
fn certificates(authority: &CaCertificate) -> Vec<(String, String, Option<u32>)> {
    let blocks = blocks(&authority.pem);
    let single = blocks.len() == 1;
    let mut found = Vec::new();
    for (at, block) in blocks.into_iter().enumerate() {
        let name = if single {
            authority.name.clone()
        } else {
            format!("{}-{}", authority.name, at + 1)
        };
        match Certificate::from_pem(block.as_bytes()) {
            Ok(certificate) => found.push((
                name,
                certificate.to_pem(LineEnding::LF).unwrap_or(block),
                Some(subject_hash::hash(certificate.tbs_certificate().subject())),
            )),
            Err(_) => found.push((name, block, None)),
        }
    }
    found
}

/// The PEM blocks of `text`, each from its `BEGIN` to its `END` line (RFC 7468 §2); text around
/// them is dropped.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<String> = None;
    for line in text.lines() {
        let line = line.trim_end();
        if line.starts_with("-----BEGIN ") {
            block = Some(String::new());
        }
        if let Some(open) = &mut block {
            open.push_str(line);
            open.push('\n');
        }
        if line.starts_with("-----END ") {
            blocks.extend(block.take());
        }
    }
    blocks
}
