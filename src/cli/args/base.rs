//! The arguments of `imgbuild base`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::BaseSource;
use crate::facts::debian::BaseKind;
use crate::facts::firmware::Firmware;
use crate::names::Arch;

#[derive(Debug, Subcommand)]
pub enum BaseCommand {
    /// Build a base and keep it in the cache
    Build {
        #[command(flatten)]
        wanted: WantedBase,
        /// The lock file that pins the packages; it is updated [default: none, the newest packages]
        #[arg(long, value_name = "FILE")]
        lock: Option<PathBuf>,
        #[command(flatten)]
        source: BaseSource,
    },
    /// List the bases in the cache
    List {
        #[command(flatten)]
        cache: CacheDir,
    },
    /// Remove bases, packages, programs and container images that have not been used recently
    Gc {
        /// Keep everything used within this many days
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        keep_days: u64,
        /// Keep everything that this lock file names, regardless of age; may be repeated
        #[arg(long, value_name = "FILE")]
        lock: Vec<PathBuf>,
        #[command(flatten)]
        cache: CacheDir,
    },
}

/// Which base is built.
#[derive(Debug, Clone, Args)]
pub struct WantedBase {
    /// The CPU architecture that it is for
    #[arg(long, value_name = "ARCH", default_value = "amd64")]
    arch: Arch,
    /// Its firmware, as `firmware:` in a spec: words or packages, with commas in between
    #[arg(long, value_name = "WORDS", default_value = "wired", value_parser = firmware)]
    firmware: Firmware,
}

/// Reads what `--firmware` is given.
fn firmware(text: &str) -> Result<Firmware, String> {
    let text = text
        .split(',')
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(", ");
    Firmware::from_text(&text).ok_or_else(|| "expected words such as `wired, wifi`".to_owned())
}

impl WantedBase {
    /// Its kind, with the kernel that nothing else asks for.
    pub fn kind(&self) -> BaseKind {
        BaseKind {
            arch: self.arch,
            asked_firmware: self.firmware.clone(),
            ..BaseKind::default()
        }
    }
}

/// Where the cache is.
#[derive(Debug, Clone, Args)]
pub struct CacheDir {
    /// The cache of downloads and finished bases [default: `imgbuild` in the user's cache folder]
    #[arg(long, value_name = "DIR", env = "IMGBUILD_CACHE")]
    pub cache: Option<PathBuf>,
}
