//! `imgbuild kubeconfig`

use crate::ops::{self, Destination, Protected, ServerUrl, Session};

use super::args::KubeconfigOf;
use super::keys::file;
use super::outcome::Failure;
use super::stdout::print_bytes;

/// Prints the administrator's kubeconfig, or writes it into a file that nobody else can read.
pub fn run(command: &KubeconfigOf, session: &mut Session<'_>) -> Result<(), Failure> {
    let server = command.server.as_deref().map(str::parse::<ServerUrl>);
    let server = server.transpose().map_err(Failure::Usage)?;
    let text = ops::kubeconfig(&file(&command.of), server.as_ref(), session)?;
    match &command.output {
        None => print_bytes(text.as_bytes())?,
        Some(path) => {
            let protected = Protected::spec(&file(&command.of), session);
            Destination::from(path).write(text.as_bytes(), &protected)?;
        }
    }
    Ok(())
}
