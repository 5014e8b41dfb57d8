//! `imgbuild import`: from other tools' configs to a node spec.

use std::fs;
use std::io::Write;

use anyhow::Context;

use crate::diagnostic::Sources;
use crate::import::{self, Options};
use crate::pack::output::Output;

use super::args::Import;
use super::messages::Messages;
use super::outcome::Failure;

/// The largest config that is imported, in bytes.
const CONFIG_MAX: u64 = 8 << 20;

/// Writes the spec, and reports what is not in it.
pub fn run(wanted: &Import, sources: &mut Sources, messages: Messages) -> Result<(), Failure> {
    let path = &wanted.config;
    let describe = || format!("reading {}", path.display());
    let length = fs::metadata(path).with_context(describe)?.len();
    if length > CONFIG_MAX {
        return Err(Failure::Usage(format!(
            "{} has {length} bytes, more than the limit of {CONFIG_MAX}",
            path.display()
        )));
    }
    let bytes = fs::read(path).with_context(describe)?;
    let Ok(text) = String::from_utf8(bytes) else {
        return Err(Failure::Usage(format!("{} is not UTF-8", path.display())));
    };
    let source = sources.add(path.clone(), text.as_str());
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    let options = Options {
        hostname: wanted.hostname.clone(),
        fallback: stem.and_then(|stem| stem.to_ascii_lowercase().parse().ok()),
        target: wanted.target.clone(),
    };
    let imported = import::import(&text, source, &options)?;
    messages.diagnostics(sources, &imported.left_out);
    if let Some(name) = &imported.made_up_name {
        messages.warn(&format!(
            "the config does not name the node: it is called `{name}`; choose another name with --hostname"
        ));
    }
    match &wanted.output {
        Some(output) if output.as_os_str() != "-" => {
            // Configs contain secrets, and so do specs.
            let mut out = Output::create(output, true)?;
            out.file()
                .write_all(imported.text.as_bytes())
                .with_context(|| format!("writing {}", output.display()))?;
            out.commit()?;
            messages.note(&format!("wrote {}", output.display()));
        }
        _ => {
            let mut out = std::io::stdout().lock();
            out.write_all(imported.text.as_bytes())
                .and_then(|()| out.flush())
                .context("writing to standard output")?;
        }
    }
    Ok(())
}
