//! The main job: from a spec to artifacts.

mod bases;
mod format;
mod making;
mod ready;

use std::rc::Rc;

use anyhow::Context;

use crate::diagnostic::Sources;
use crate::facts::systems::Target;
use crate::node::Node;
use crate::pack::output::Output;
use crate::pack::{self, Format};
use crate::pki;
use crate::progress::Progress;

pub use bases::Bases;
pub use format::{brings_live_iso, for_target};
pub use making::{Ground, Making};
pub use ready::Ready;

use super::args;
use super::artifacts;
use super::embed::Image;
use super::messages::Messages;
use super::outcome::Failure;
use super::spec_file::{SpecFile, chosen, names};
use bases::pristine;
use format::{Targets, format, targets};

/// How many outputs are finished together: a process may have 1,024 files open.
const AT_ONCE: usize = 256;

/// Runs `imgbuild SPEC -o OUTPUT`.
pub fn run(
    build: &args::Build,
    sources: &mut Sources,
    messages: Messages,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let (Some(spec), Some(output)) = (&build.spec, &build.output) else {
        return Err(Failure::Usage(
            "a spec and `--output` are required; see `imgbuild --help`".to_owned(),
        ));
    };
    let named = format(build.format.as_deref(), output)?;
    let given = given_live_iso(build, named)?;
    let file = SpecFile::new(spec, build.source.keys.as_deref());
    let (mut cluster, mut keeping) = file.decide_ahead(pki::Access::Write, sources, messages)?;
    artifacts::pin(&mut cluster, &build.source.base, &file.lock, messages)?;
    let nodes = chosen(&cluster, build.node.as_deref())?;
    let format = for_target(named, build.format.is_some(), &nodes)?;
    let targets = targets(output, format, &nodes, &names(&cluster))?;
    if format == Format::Embed {
        warn_of_others(&nodes, messages);
    }
    let ready = Ready::compile(&nodes, sources, messages)?;

    let mut bases = Bases::new(&build.source.base, &file.lock, progress);
    bases.given = given;
    match targets {
        Targets::Folder(path) => {
            let base = bases.one_of(&ready)?;
            let machines: Vec<_> = ready.iter().map(Ready::machine).collect();
            keeping.finish()?;
            pack::pxe(&path, &base, &machines, progress)?;
            messages.note(&format!("wrote {}", path.display()));
        }
        Targets::Stream => {
            let ground = bases.of(ready[0].node, format)?;
            let making = Making::new(format, ground, &ready[0])?;
            let mut out = Output::stdout()?;
            keeping.finish()?;
            making.write(out.file(), progress)?;
            out.commit()?;
        }
        Targets::Files(paths) => {
            for (ready, paths) in ready.chunks(AT_ONCE).zip(paths.chunks(AT_ONCE)) {
                let mut outputs = Output::create_all(paths, true)?;
                if outputs.iter().any(Output::is_seen_at_once) {
                    keeping.finish()?;
                }
                for ((ready, path), out) in ready.iter().zip(paths).zip(&mut outputs) {
                    let ground = bases.of(ready.node, format)?;
                    Making::new(format, ground, ready)?
                        .write(out.file(), progress)
                        .with_context(|| format!("writing {}", path.display()))?;
                }
                keeping.finish()?;
                Output::commit_all(outputs)?;
                for path in paths {
                    messages.note(&format!("wrote {}", path.display()));
                }
            }
        }
    }
    Ok(())
}

/// The live ISO that the command line names for the format `embed`.
fn given_live_iso(build: &args::Build, format: Format) -> Result<Option<Rc<Image>>, Failure> {
    match &build.base {
        Some(path) if format == Format::Embed => pristine(path).map(Some),
        Some(_) => Err(Failure::Usage(
            "--base is valid only with --format embed".to_owned(),
        )),
        None => Ok(None),
    }
}

/// Warns that nodes of other targets are put into a live system of Fedora CoreOS.
pub fn warn_of_others(nodes: &[&Node], messages: Messages) {
    for node in nodes {
        if node.target != Target::FedoraCoreos {
            messages.warn(&format!(
                "the target of {} is {}: Fedora CoreOS has different programs, paths and network settings",
                node.hostname.value,
                node.target.facts().title
            ));
        }
    }
}
