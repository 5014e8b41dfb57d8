//! `imgbuild keys`

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::ops::{Session, SpecFile, keys};
use crate::pki::{Listed, Phase};

use super::args::{Keys, KeysOf};
use super::messages::Messages;
use super::outcome::Failure;
use super::stdout::print;

/// Runs `imgbuild keys …`.
pub fn run(command: &Keys, session: &mut Session<'_>, messages: Messages) -> Result<(), Failure> {
    match command {
        Keys::Init(of) => {
            let file = file(of);
            keys::init(&file, session)?;
            messages.note(&format!(
                "the keys of {} are in {}",
                file.path.display(),
                file.keys.display()
            ));
        }
        Keys::List(of) => {
            let mut text = String::new();
            for listed in keys::list(&file(of), session)? {
                match listed {
                    Ok(certificate) => describe(&mut text, &certificate),
                    // Writing to a String does not fail, here and below.
                    Err((path, why)) => {
                        let _ = writeln!(text, "{}\n  cannot be read: {why}", path.display());
                    }
                }
            }
            print(text)?;
        }
        Keys::Rotate {
            of,
            names,
            ca: Some(step),
        } => rotate(of, names, *step, session, messages)?,
        Keys::Rotate {
            of,
            names,
            ca: None,
        } => {
            keys::renew(&file(of), names, session)?;
            messages.note(
                "build and boot the nodes to put them into use; the old ones are in old/ in the key folder",
            );
        }
        Keys::Import { of, from } => import(of, from, session, messages)?,
        Keys::Token(of) => print(format!("{}\n", keys::token(&file(of), session)?))?,
    }
    Ok(())
}

/// The spec, and where its keys are.
pub(super) fn file(of: &KeysOf) -> SpecFile {
    SpecFile::new(&of.spec).with_keys(of.keys.clone())
}

/// Takes authorities one step further toward their successors.
fn rotate(
    of: &KeysOf,
    names: &[String],
    step: Phase,
    session: &mut Session<'_>,
    messages: Messages,
) -> Result<(), Failure> {
    let taken = keys::rotate(&file(of), names, step, session)?;
    let done = match step {
        Phase::Trust => {
            "has a successor, which the nodes are to trust as well. Build and boot every node, then continue with `--ca issue`"
        }
        Phase::Issue => {
            "is replaced, and its predecessor is still trusted. Build and boot every node, then continue with `--ca drop`"
        }
        Phase::Drop => {
            "no longer has a predecessor. Build and boot every node, so that no node trusts the old one"
        }
    };
    messages.note(&format!("{} {done}", taken.join(", ")));
    Ok(())
}

fn import(
    of: &KeysOf,
    from: &Path,
    session: &Session<'_>,
    messages: Messages,
) -> Result<(), Failure> {
    let imported = keys::import(&file(of), from, session)?;
    for file in imported.files {
        messages.note(&format!("imported {}", file.display()));
    }
    for authority in imported.missing {
        messages.note(&format!(
            "{} has no {authority}: the next build creates one",
            from.display()
        ));
    }
    Ok(())
}

fn describe(text: &mut String, certificate: &Listed) {
    let key = match certificate.matches_key {
        Some(true) => "present",
        Some(false) => "present, but does NOT match the certificate",
        None => "absent",
    };
    let usages: Vec<_> = certificate.usages.iter().map(ToString::to_string).collect();
    let _ = writeln!(text, "{}", certificate.path.display());
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<9}{value}");
    };
    line("subject", &certificate.subject);
    line("issuer", &certificate.issuer);
    line("usages", &usages.join(", "));
    line("kind", &certificate.key_kind);
    if !certificate.names.is_empty() {
        line("names", &certificate.names.join(", "));
    }
    let (from, to) = (date(certificate.not_before), date(certificate.not_after));
    let left = days(certificate.days_left);
    line("valid", &format!("{from} to {to} ({left})"));
    line("key", key);
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
