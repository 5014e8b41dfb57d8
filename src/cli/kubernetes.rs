//! `imgbuild kubernetes`

use crate::ops::{self, LearnOptions, Session};

use super::args::{KubernetesCommand, Learn};
use super::outcome::Failure;

/// Runs `imgbuild kubernetes …`.
pub fn run(command: &KubernetesCommand, session: &mut Session<'_>) -> Result<(), Failure> {
    let KubernetesCommand::Learn(Learn {
        programs,
        output,
        etcd,
    }) = command;
    let options = LearnOptions {
        programs: programs.clone(),
        output: output.clone(),
        etcd: etcd.clone(),
    };
    ops::learn(&options, session)?;
    Ok(())
}
