//! `imgbuild import`

use crate::ops::{self, Destination, ImportOptions, Notice, Protected, Session};

use super::args::Import;
use super::messages::Messages;
use super::outcome::Failure;
use super::stdout::print_bytes;

/// Writes the spec, and reports what is not in it.
pub fn run(wanted: &Import, session: &mut Session<'_>, messages: Messages) -> Result<(), Failure> {
    let options = ImportOptions {
        config: wanted.config.clone(),
        hostname: wanted.hostname.clone(),
        target: wanted.target.clone(),
    };
    let imported = ops::import(&options, session)?;
    messages.diagnostics(&session.sources, &imported.left_out);
    if let Some(name) = &imported.made_up_name {
        messages.warn(&format!(
            "the config does not name the node: it is called `{name}`; choose another name with --hostname"
        ));
    }
    match &wanted.output {
        Some(path) if path.as_os_str() != "-" => {
            // Configs contain secrets, and so do specs.
            let config = Protected::file(&wanted.config, "the config");
            Destination::from(path).write(imported.text.as_bytes(), &config)?;
            session.reporter.notice(&Notice::Wrote(path.clone()));
        }
        _ => print_bytes(imported.text.as_bytes())?,
    }
    Ok(())
}
