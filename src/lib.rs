//! imgbuild: one readable YAML file in, one bootable, immutable Kubernetes node out.
//!
//! # From a spec to a node
//!
//! [`ops`] has every use case as a function. The main one builds what the command line builds with
//! `imgbuild node.yaml -o node.ign`; a config alone needs no base, and no network:
//!
//! ```
//! use imgbuild::ops::{self, BuildOptions, Session};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let (spec, output) = (folder.path().join("node.yaml"), folder.path().join("node.ign"));
//! std::fs::write(&spec, "version: 1\nhostname: node1\nswap: {zram: {size: 1GiB}}\n")?;
//!
//! let mut session = Session::from_environment();
//! let built = ops::build(&BuildOptions::new(&spec, &output), &mut session)?;
//!
//! assert_eq!(built[0].nodes[0].as_str(), "node1");
//! assert_eq!(built[0].path.as_deref(), Some(output.as_path()));
//! assert!(std::fs::read_to_string(&output)?.contains("/etc/hostname"));
//! # Ok(())
//! # }
//! ```
//!
//! The ending of the output's name chooses the format. An ISO's base OS is built from Debian
//! packages, which are fetched once and pinned in `imgbuild.lock` beside the spec:
//!
//! ```no_run
//! # use imgbuild::ops::{self, BuildOptions, Session};
//! let mut session = Session::from_environment();
//! let built = ops::build(&BuildOptions::new("node.yaml", "node.iso"), &mut session)?;
//! println!("{} bytes, SHA-256 {}", built[0].bytes()?, built[0].sha256()?);
//! # Ok::<(), ops::Error>(())
//! ```
//!
//! A mistake in a spec is a value with a code, a place and a hint at what would be right:
//!
//! ```
//! use imgbuild::diagnostic::{Rendering, render_all};
//! use imgbuild::ops::{self, Session, SpecFile};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let spec = folder.path().join("node.yaml");
//! std::fs::write(&spec, "version: 1\nhostname: node1\nhostnam: node2\n")?;
//! let mut session = Session::from_environment();
//! let report = ops::check(&SpecFile::new(&spec), &mut session)?;
//! assert!(report.has_errors());
//! eprint!("{}", render_all(&report.findings, &session.sources, Rendering::default()));
//! # Ok(())
//! # }
//! ```
//!
//! # The rooms
//!
//! Data flows one way through them, each a module:
//!
//! ```text
//! text ─spec▶ Spec ─plan▶ Node ─parts▶ Fragment ─ignition▶ bytes ─pack▶ artifact
//!                         ▲  ▲                               ▲
//!                       pki  lock                           base
//! ```
//!
//! A room imports only rooms on lower floors; the tests in `tests/layout` fail on any other import.
//!
//! | floor | rooms |
//! |---|---|
//! | 10 | [`cli`]: arguments and words; the only room that prints |
//! | 9 | [`ops`]: the use cases, the library's face; [`pages`]: the manual |
//! | 8, 7 | [`verify`]; [`diff`], [`embed`]: compare, fill live ISOs; [`trial`] tries machines out, [`learn`] asks Kubernetes' programs |
//! | 6 | [`plan`] decides nodes; [`read`] reads artifacts back; [`qemu`] runs machines |
//! | 5 | [`check`], [`parts`], [`ignition`], [`pack`], [`registry`], [`charts`]: check, write, pack, download, render |
//! | 4 | [`node`]: the decided model; [`base`]: Debian's base; [`manifests`], [`import`] |
//! | 3 | [`spec`]: what users write; [`lock`]; [`extensions`]: images laid over a base |
//! | 2 | [`cache`]; [`facts`]: tables of systems and releases; [`oci`]; [`pki`]; [`subprocess`] |
//! | 1 | [`names`], [`diagnostic`], [`formats`] and others that know nothing of nodes |
//!
//! # Files that the program keeps
//!
//! | where | what |
//! |---|---|
//! | `imgbuild.lock` next to the spec | versions and hashes of packages, programs and images: [`lock::Lock`]. Commit it |
//! | `keys/` next to the spec | the cluster's keys and certificates: [`pki`]. Keep it, and keep it secret |
//! | `$IMGBUILD_CACHE`, `$XDG_CACHE_HOME/imgbuild` or `~/.cache/imgbuild` | packages, finished bases, images: [`cache::Cache`]. Can be removed at any time |
//! | `.NAME.imgbuild-…` next to an output | an output that is being written: [`pack::output`]. The next run removes leftovers |

pub mod base;
pub mod cache;
pub mod charts;
pub mod check;
pub mod cli;
pub mod data_url;
pub mod diagnostic;
pub mod diff;
pub mod embed;
pub mod extensions;
pub mod facts;
pub mod formats;
pub mod ignition;
pub mod import;
pub mod learn;
pub mod lock;
pub mod manifests;
pub mod names;
pub mod node;
pub mod oci;
pub mod ops;
pub mod pack;
pub mod pages;
pub mod parts;
pub mod pki;
pub mod plan;
pub mod processors;
pub mod progress;
pub mod qemu;
pub mod read;
pub mod registry;
pub mod secrets;
pub mod spec;
pub mod subprocess;
pub mod text;
pub mod trial;
pub mod verify;
pub mod words;
