//! What the tests of specs share: a folder with a spec, and every check that is made of it.

use std::path::Path;
use std::time::SystemTime;

use imgbuild::diagnostic::{Diagnostic, Severity, Sources};
use imgbuild::ops::findings;
use imgbuild::pki::{Access, KeyFolder, Keys, system_random};
use imgbuild::spec;

/// Everything that is wrong or doubtful in the spec at `path`, by every room that has a say. `home`
/// stands for `~`.
pub fn check(path: &Path, home: &Path, sources: &mut Sources) -> Vec<Diagnostic> {
    let loaded = match spec::load(path, Some(home), sources) {
        Ok(loaded) => loaded,
        Err(diagnostics) => return diagnostics,
    };
    let folder = KeyFolder::open(home.join("keys"), Access::Look).expect("an empty key folder");
    let mut rng = system_random();
    let mut keys = Keys::new(folder, SystemTime::now(), &mut rng);
    findings::all(&loaded, sources, &mut keys).expect("keys of an empty folder")
}

/// Diagnostics as lines: place, code, message, then related places and help. Paths are shown from
/// `folder`.
pub fn lines(diagnostics: &[Diagnostic], sources: &Sources, folder: &Path) -> Vec<String> {
    let here = format!("{}/", folder.display());
    let place = |span| sources.place(span).replace(&here, "");
    let mut lines = Vec::new();
    for diagnostic in diagnostics {
        let shown = diagnostic.span.map_or("-".to_owned(), place);
        let kind = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let code = diagnostic.code.0;
        let message = diagnostic.message.replace(&here, "");
        lines.push(format!("{shown}: {kind}[{code}]: {message}"));
        if let Some(label) = &diagnostic.label {
            lines.push(format!("    ^ {label}"));
        }
        for (span, words) in &diagnostic.related {
            lines.push(format!("    {}: {words}", place(*span)));
        }
        if let Some(help) = &diagnostic.help {
            lines.push(format!("    help: {help}"));
        }
    }
    lines
}

/// Writes `text` as `name` into `folder`, with the folders that it needs.
pub fn write(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("making a folder");
    std::fs::write(path, text).expect("writing a file");
}
