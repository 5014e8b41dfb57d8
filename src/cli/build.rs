//! `imgbuild SPEC -o OUTPUT`

use crate::ops::{self, BuildOptions, Session, SpecFile};

use super::args;
use super::outcome::Failure;
use super::stdout::destination;

/// Builds a spec.
pub fn run(build: &args::Build, session: &mut Session<'_>) -> Result<(), Failure> {
    let (Some(spec), Some(output)) = (&build.spec, &build.output) else {
        return Err(Failure::Usage(
            "a spec and `--output` are required; see `imgbuild --help`".to_owned(),
        ));
    };
    let options = BuildOptions {
        spec: SpecFile::new(spec).with_keys(build.source.keys.clone()),
        output: destination(output)?,
        format: args::format(build.format.as_deref())?,
        live_iso: build.base.clone(),
        node: build.node.clone(),
        fetch: build.source.base.options()?,
    };
    ops::build(&options, session)?;
    Ok(())
}
