//! `imgbuild verify`

use std::fmt::Write as _;

use crate::ops::{self, Session, SpecFile, VerifyOptions};
use crate::verify::Verdict;

use super::args::{self, Verify};
use super::outcome::Failure;
use super::stdout::print;

/// Builds the spec again, compares and prints the verdict; a difference is a failure.
pub fn run(wanted: &Verify, session: &mut Session<'_>) -> Result<(), Failure> {
    let options = VerifyOptions {
        artifact: wanted.artifact.clone(),
        spec: SpecFile::new(&wanted.spec).with_keys(wanted.source.keys.clone()),
        format: args::format(wanted.format.as_deref())?,
        live_iso: wanted.base.clone(),
        node: wanted.node.clone(),
        fetch: wanted.source.base.options()?,
    };
    tell(wanted, &ops::verify(&options, session)?)
}

fn tell(wanted: &Verify, verdict: &Verdict) -> Result<(), Failure> {
    let artifact = wanted.artifact.display();
    let spec = wanted.spec.display();
    let mut text = String::new();
    let lines = match verdict {
        Verdict::Same => {
            // Writing to a String does not fail, here and below.
            let _ = writeln!(text, "{artifact}: identical to what {spec} builds");
            &[][..]
        }
        Verdict::Equal(how) => {
            let _ = writeln!(
                text,
                "{artifact}: equivalent to what {spec} builds, in different bytes"
            );
            how
        }
        Verdict::Differs(lines) => {
            let _ = writeln!(
                text,
                "{artifact}: from what {spec} builds to what it contains"
            );
            lines
        }
    };
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
    print(text)?;
    match verdict {
        Verdict::Same => Ok(()),
        Verdict::Equal(_) if !wanted.exact => Ok(()),
        _ => Err(Failure::Differs(format!(
            "{artifact} differs from what {spec} builds"
        ))),
    }
}
