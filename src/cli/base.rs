//! `imgbuild base`

use std::fmt::Write as _;
use std::time::Duration;

use super::args::BaseCommand;
use super::messages::Messages;
use super::outcome::Failure;
use super::stdout::print;
use crate::base::StoredBase;
use crate::ops::Session;
use crate::ops::base::{self, BuildOptions, CollectOptions};

/// Runs `imgbuild base …`.
pub fn run(
    command: &BaseCommand,
    session: &Session<'_>,
    messages: Messages,
) -> Result<(), Failure> {
    match command {
        BaseCommand::Build {
            wanted,
            lock,
            source,
        } => {
            let options = BuildOptions {
                kind: wanted.kind(),
                lock: lock.clone(),
                fetch: source.options()?,
            };
            let base = base::build(&options, session)?;
            print(format!("{}\n", base.id))?;
        }
        BaseCommand::List { cache } => {
            print(table(&base::list(cache.cache.as_deref(), session)?))?;
        }
        BaseCommand::Gc {
            keep_days,
            lock,
            cache,
        } => {
            let options = CollectOptions {
                unused_for: Duration::from_secs(keep_days.saturating_mul(24 * 60 * 60)),
                locks: lock.clone(),
                cache: cache.cache.clone(),
            };
            let freed = base::collect(&options, session)?;
            messages.note(&format!(
                "removed {} bases, {} packages and {} other files and images: {}",
                freed.bases.len(),
                freed.packages,
                freed.others,
                indicatif::HumanBytes(freed.bytes)
            ));
        }
    }
    Ok(())
}

fn table(bases: &[StoredBase]) -> String {
    let mut text = format!(
        "{:<16}  {:<6}  {:<8}  {:>11}  LAST USED\n",
        "ID", "ARCH", "KERNEL", "SIZE"
    );
    for base in bases {
        let age = base.last_used.elapsed().unwrap_or_default();
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{:<16.16}  {:<6}  {:<8}  {:>11}  {} ago",
            base.id,
            base.arch.as_str(),
            base.kernel.as_str(),
            indicatif::HumanBytes(base.size).to_string(),
            indicatif::HumanDuration(age),
        );
    }
    text
}
