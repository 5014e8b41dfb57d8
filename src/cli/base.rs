//! `imgbuild base`, `imgbuild update`, and the base that other commands need.

use crate::facts::kernel;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::base;
use crate::base::{Base, BaseRequest, Mirror};
use crate::cache::Cache;
use crate::facts::kernel::KernelFlavor;
use crate::lock::Lock;
use crate::names::Arch;
use crate::progress::Progress;
use crate::registry;

use super::args::{BaseCommand, BaseSource, CacheDir, Kernel};
use super::messages::Messages;
use super::outcome::Failure;

/// What `source` asks for.
pub fn request(
    source: &BaseSource,
    arch: Arch,
    kernel: KernelFlavor,
) -> Result<BaseRequest, Failure> {
    let mirror = match &source.mirror {
        Some(main) => Some(
            Mirror::new(main, source.security_mirror.as_deref())
                .map_err(|error| Failure::Usage(format!("--mirror: {error:#}")))?,
        ),
        None if source.security_mirror.is_some() => {
            return Err(Failure::Usage(
                "--security-mirror requires --mirror".to_owned(),
            ));
        }
        None => None,
    };
    Ok(BaseRequest {
        arch,
        kernel: source.kernel.map_or(kernel, flavor),
        mirror,
        offline: source.offline,
        locked: source.locked,
        cache: cache(source.cache.as_deref())?,
    })
}

fn flavor(kernel: Kernel) -> KernelFlavor {
    match kernel {
        Kernel::Generic => KernelFlavor::Generic,
        Kernel::Cloud => KernelFlavor::Cloud,
    }
}

/// The cache named on the command line, or that of the environment.
pub fn cache(named: Option<&Path>) -> Result<Cache, Failure> {
    Ok(match named {
        Some(path) => Cache::new(path),
        None => Cache::locate(|variable| std::env::var_os(variable))?,
    })
}

/// The base that `request` describes, its packages as `lock_file` pins them; those not pinned yet
/// are added to the lock.
pub fn locked(
    request: &BaseRequest,
    lock_file: &Path,
    progress: &dyn Progress,
) -> Result<Base, Failure> {
    let mut lock = Lock::load(lock_file)?;
    let before = lock.to_text();
    let base = base::ensure(request, &mut lock, progress)?;
    if lock.to_text() != before {
        lock.save(lock_file)?;
    }
    Ok(base)
}

/// Runs `imgbuild base …`.
pub fn run(
    command: &BaseCommand,
    messages: Messages,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    match command {
        BaseCommand::Build { arch, lock, source } => {
            let request = request(source, *arch, KernelFlavor::default())?;
            let base = match lock {
                Some(file) => locked(&request, file, progress)?,
                None => base::ensure(&request, &mut Lock::default(), progress)?,
            };
            println!("{}", base.id);
            Ok(())
        }
        BaseCommand::List {
            cache: CacheDir { cache: named },
        } => list(&cache(named.as_deref())?),
        BaseCommand::Gc {
            keep_days,
            lock,
            cache: CacheDir { cache: named },
        } => {
            let unused_for = Duration::from_secs(keep_days.saturating_mul(24 * 60 * 60));
            let keep = lock
                .iter()
                .map(|file| Lock::load(file))
                .collect::<Result<Vec<_>, _>>()?;
            let cache = cache(named.as_deref())?;
            let kept = base::Kept::new(&keep, registry::reachable(&cache, &keep)?);
            let freed = base::collect(&cache, &kept, unused_for, SystemTime::now())?;
            messages.note(&format!(
                "removed {} bases, {} packages and {} other files and images: {}",
                freed.bases.len(),
                freed.packages,
                freed.others,
                indicatif::HumanBytes(freed.bytes)
            ));
            Ok(())
        }
    }
}

fn list(cache: &Cache) -> Result<(), Failure> {
    println!(
        "{:<16}  {:<6}  {:<8}  {:>11}  LAST USED",
        "ID", "ARCH", "KERNEL", "SIZE"
    );
    for base in base::list(cache)? {
        let age = base.last_used.elapsed().unwrap_or_default();
        println!(
            "{:<16.16}  {:<6}  {:<8}  {:>11}  {} ago",
            base.id,
            base.arch.as_str(),
            kernel::flavor_name(base.kernel),
            indicatif::HumanBytes(base.size).to_string(),
            indicatif::HumanDuration(age),
        );
    }
    Ok(())
}
