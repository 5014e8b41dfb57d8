//! `imgbuild keys`

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::diagnostic::Sources;
use anyhow::Context;

use crate::node::Cluster;
use crate::node::kubernetes::ControlPlane;
use crate::pki::{self, Access, KeyFolder, Phase};

use super::args::{Keys, KeysOf, RotationStep};
use super::messages::Messages;
use super::outcome::Failure;
use super::spec_file::SpecFile;

/// Runs `imgbuild keys …`.
pub fn run(command: &Keys, sources: &mut Sources, messages: Messages) -> Result<(), Failure> {
    match command {
        Keys::Init(of) => init(of, sources, messages),
        Keys::List(of) => list(of),
        Keys::Rotate { of, names, ca } => match ca {
            Some(step) => replace(of, names, *step, sources, messages),
            None => renew(of, names, sources, messages),
        },
        Keys::Import { of, from } => import(of, from, messages),
        Keys::Token(of) => token(of, sources, messages),
    }
}

fn init(of: &KeysOf, sources: &mut Sources, messages: Messages) -> Result<(), Failure> {
    let file = SpecFile::new(&of.spec, of.keys.as_deref());
    file.decide(Access::Write, sources, messages)?;
    messages.note(&format!(
        "the keys of {} are in {}",
        file.path.display(),
        file.keys.display()
    ));
    Ok(())
}

/// Renews leaf keys and certificates.
fn renew(
    of: &KeysOf,
    names: &[String],
    sources: &mut Sources,
    messages: Messages,
) -> Result<(), Failure> {
    let file = SpecFile::new(&of.spec, of.keys.as_deref());
    // An invalid spec is reported before anything is moved.
    file.decide(Access::Look, sources, messages)?;
    let mut folder = KeyFolder::open(&file.keys, Access::Write)?;
    pki::archive_leaves(&mut folder, names, SystemTime::now())?;
    drop(folder);
    file.decide(Access::Write, sources, messages)?;
    messages.note(
        "build and boot the nodes to put them into use; the old ones are in old/ in the key folder",
    );
    Ok(())
}

/// Takes authorities one step further toward their successors.
fn replace(
    of: &KeysOf,
    names: &[String],
    step: RotationStep,
    sources: &mut Sources,
    messages: Messages,
) -> Result<(), Failure> {
    let file = SpecFile::new(&of.spec, of.keys.as_deref());
    let algorithm = file.key_algorithm(sources)?;
    let (phase, done) = match step {
        RotationStep::Trust => (
            Phase::Trust,
            "has a successor, which the nodes are to trust as well. Build and boot every node, then continue with `--ca issue`",
        ),
        RotationStep::Issue => (
            Phase::Issue,
            "is replaced, and its predecessor is still trusted. Build and boot every node, then continue with `--ca drop`",
        ),
        RotationStep::Drop => (
            Phase::Drop,
            "no longer has a predecessor. Build and boot every node, so that no node trusts the old one",
        ),
    };
    let mut folder = KeyFolder::open(&file.keys, Access::Write)?;
    let mut rng = pki::system_random();
    let taken = pki::rotate_authorities(
        &mut folder,
        names,
        phase,
        algorithm,
        SystemTime::now(),
        &mut rng,
    )?;
    drop(folder);
    file.decide(Access::Write, sources, messages)?;
    messages.note(&format!("{} {done}", taken.join(", ")));
    Ok(())
}

fn import(of: &KeysOf, from: &Path, messages: Messages) -> Result<(), Failure> {
    let file = SpecFile::new(&of.spec, of.keys.as_deref());
    let mut folder = KeyFolder::open(&file.keys, Access::Write)?;
    let (new, missing) = pki::import(from, &mut folder, SystemTime::now())
        .with_context(|| format!("importing {}", from.display()))?;
    for file in new {
        messages.note(&format!("imported {}", folder.path(file).display()));
    }
    for authority in missing {
        messages.note(&format!(
            "{} has no {authority}: the next build creates one",
            from.display()
        ));
    }
    Ok(())
}

fn token(of: &KeysOf, sources: &mut Sources, messages: Messages) -> Result<(), Failure> {
    let file = SpecFile::new(&of.spec, of.keys.as_deref());
    let cluster = file.decide(Access::Write, sources, messages)?;
    let plane = control_plane(&cluster, &of.spec)?;
    let Some(token) = &plane.bootstrap_token else {
        return Err(Failure::Usage(format!(
            "{} has no bootstrap token for nodes to join with; add `bootstrap_token: generate` to its `kubernetes:`",
            of.spec.display()
        )));
    };
    let hashes: Vec<String> = pki::Certificate::all_from_pem(&plane.keys.trusted_authorities)
        .map_err(anyhow::Error::from)?
        .iter()
        .map(|authority| {
            format!(
                " --discovery-token-ca-cert-hash {}",
                authority.public_key_hash()
            )
        })
        .collect();
    println!(
        "kubeadm join {} --token {}{}",
        plane.outside.trim_start_matches("https://"),
        token.as_str(),
        hashes.concat()
    );
    Ok(())
}

/// The first control plane of the spec at `path`.
pub fn control_plane<'a>(cluster: &'a Cluster, path: &Path) -> Result<&'a ControlPlane, Failure> {
    let mut planes =
        (cluster.nodes.iter()).filter_map(|node| node.kubernetes.as_ref()?.control_plane.as_ref());
    planes
        .next()
        .ok_or_else(|| Failure::Usage(format!("{} has no control plane node", path.display())))
}

fn list(of: &KeysOf) -> Result<(), Failure> {
    let file = SpecFile::new(&of.spec, of.keys.as_deref());
    let folder = KeyFolder::open(&file.keys, Access::Look)?;
    for listed in pki::list(&folder, SystemTime::now())? {
        match listed {
            Ok(certificate) => {
                let key = match certificate.matches_key {
                    Some(true) => "present",
                    Some(false) => "present, but does NOT match the certificate",
                    None => "absent",
                };
                let usages: Vec<_> = certificate.usages.iter().map(ToString::to_string).collect();
                println!("{}", certificate.path.display());
                println!("  subject  {}", certificate.subject);
                println!("  issuer   {}", certificate.issuer);
                println!("  usages   {}", usages.join(", "));
                println!("  kind     {}", certificate.key_kind);
                if !certificate.names.is_empty() {
                    println!("  names    {}", certificate.names.join(", "));
                }
                println!(
                    "  valid    {} to {} ({})",
                    date(certificate.not_before),
                    date(certificate.not_after),
                    days(certificate.days_left)
                );
                println!("  key      {key}");
            }
            Err((path, why)) => println!("{}\n  cannot be read: {why}", path.display()),
        }
    }
    Ok(())
}

/// How long a certificate is still valid, in words.
pub(super) fn days(left: i64) -> String {
    match left {
        past if past < 0 => format!("EXPIRED {} days ago", -past),
        left => format!("{left} days left"),
    }
}

/// The UTC date of `time`, as in 2026-11-21.
pub(super) fn date(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    match x509_cert::der::DateTime::from_unix_duration(since) {
        Ok(date) => format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day()),
        Err(_) => "a date out of range".to_owned(),
    }
}
