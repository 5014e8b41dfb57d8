//! `imgbuild keys`

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::diagnostic::Sources;
use crate::pki::{self, Access, KeyFolder};

use super::args::{Keys, KeysOf};
use super::messages::Messages;
use super::outcome::Failure;
use super::spec_file::SpecFile;

/// Runs `imgbuild keys …`.
pub fn run(command: &Keys, sources: &mut Sources, messages: Messages) -> Result<(), Failure> {
    match command {
        Keys::Init(of) => init(of, sources, messages),
        Keys::List(of) => list(of),
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

fn list(of: &KeysOf) -> Result<(), Failure> {
    let file = SpecFile::new(&of.spec, of.keys.as_deref());
    let folder = KeyFolder::open(&file.keys, Access::Look)?;
    for listed in pki::list(&folder, SystemTime::now())? {
        match listed {
            Ok(certificate) => {
                let key = match certificate.matches_key {
                    Some(true) => "its key is beside it",
                    Some(false) => "the key beside it is NOT its own",
                    None => "no key beside it",
                };
                let usages: Vec<_> = certificate.usages.iter().map(ToString::to_string).collect();
                println!("{}", certificate.path.display());
                println!("  subject  {}", certificate.subject);
                println!("  issuer   {}", certificate.issuer);
                println!("  usages   {}", usages.join(", "));
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

/// How long a certificate lasts, in words.
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
