//! The local files that a spec refers to: contents, trees, public keys.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use x509_cert::Certificate;

use super::folder::{LOCAL_BYTES_MAX, Project, read_bounded, reason, unreadable};
use super::{ChartFiles, ManifestFile};
use crate::diagnostic::{Diagnostic, Located, SourceId, Sources, Span, codes};
use crate::spec::decode::{LocalKind, LocalRequest};
use crate::spec::types::{CaCertificate, Cluster};
use crate::spec::values::{
    LocalChart, LocalFile, LocalFolder, LocalManifests, LocalText, SshKeyFiles, SshPublicKey,
};

/// Maximum number of entries in one tree.
const TREE_ENTRIES_MAX: usize = 10_000;

/// The contents of a spec's local paths. A path is identified by the file that contains it, whose
/// folder it is relative to. Paths that could not be read were reported and are not included.
#[derive(Debug, Default)]
pub struct LocalFiles {
    files: HashMap<(SourceId, String), Vec<u8>>,
    texts: HashMap<(SourceId, String), String>,
    trees: HashMap<(SourceId, String), Vec<TreeEntry>>,
    keys: HashMap<(SourceId, String), Vec<SshPublicKey>>,
    manifests: HashMap<(SourceId, String), Vec<ManifestFile>>,
    charts: HashMap<(SourceId, String), ChartFiles>,
}

/// A file or link of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Relative to the tree's folder, joined with `/`.
    pub path: String,
    pub kind: TreeEntryKind,
}

/// The kind of a [`TreeEntry`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeEntryKind {
    File { contents: Vec<u8>, executable: bool },
    Link { target: String },
}

impl LocalFiles {
    /// Returns the bytes of a file; `None` if reading failed and was reported.
    pub fn file(&self, path: &Located<LocalFile>) -> Option<&[u8]> {
        let key = (path.span.source, path.value.as_str().to_owned());
        self.files.get(&key).map(Vec::as_slice)
    }

    /// Returns the text of a file; `None` if reading failed and was reported.
    pub fn text(&self, path: &Located<LocalText>) -> Option<&str> {
        let key = (path.span.source, path.value.as_str().to_owned());
        self.texts.get(&key).map(String::as_str)
    }

    /// Returns the files and links below a folder, in the order of their paths; `None` if reading
    /// failed and was reported.
    pub fn tree(&self, path: &Located<LocalFolder>) -> Option<&[TreeEntry]> {
        let key = (path.span.source, path.value.as_str().to_owned());
        self.trees.get(&key).map(Vec::as_slice)
    }

    /// Returns the public keys of the files that match a path or pattern; empty if reading failed
    /// and was reported.
    pub fn ssh_keys(&self, path: &Located<SshKeyFiles>) -> &[SshPublicKey] {
        let key = (path.span.source, path.value.as_str().to_owned());
        self.keys.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Returns the manifest files at a path; `None` if reading failed and was reported.
    pub fn manifests(&self, path: &Located<LocalManifests>) -> Option<&[ManifestFile]> {
        let key = (path.span.source, path.value.as_str().to_owned());
        self.manifests.get(&key).map(Vec::as_slice)
    }

    /// Returns the files of a chart; `None` if reading failed and was reported.
    pub fn chart(&self, path: &Located<LocalChart>) -> Option<&ChartFiles> {
        let key = (path.span.source, path.value.as_str().to_owned());
        self.charts.get(&key)
    }

    /// Reads everything that is requested.
    pub(super) fn read(
        requests: &[LocalRequest],
        project: &Project,
        sources: &mut Sources,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut all = Self::default();
        for request in requests {
            let key = (request.span.source, request.path.clone());
            let folder = sources.path(request.span.source).parent();
            let folder = folder.unwrap_or(Path::new("")).to_owned();
            let reader = Reader {
                project,
                folder: &folder,
                span: request.span,
            };
            let read = match request.kind {
                LocalKind::File => reader.file(&request.path).map(|bytes| {
                    all.files.insert(key, bytes);
                }),
                LocalKind::Text => reader.text(&request.path).map(|text| {
                    all.texts.insert(key, text);
                }),
                LocalKind::Tree => reader.tree(&request.path).map(|entries| {
                    all.trees.insert(key, entries);
                }),
                LocalKind::Manifests => super::manifests::read(
                    &folder.join(&request.path),
                    project,
                    request.span,
                    sources,
                    diagnostics,
                )
                .map(|files| {
                    all.manifests.insert(key, files);
                }),
                LocalKind::Chart => {
                    super::charts::read(&folder.join(&request.path), project, request.span).map(
                        |files| {
                            all.charts.insert(key, files);
                        },
                    )
                }
                LocalKind::SshKeys => reader.ssh_keys(&request.path, diagnostics).map(|keys| {
                    all.keys.insert(key, keys);
                }),
            };
            if let Err(diagnostic) = read {
                diagnostics.push(*diagnostic);
            }
        }
        all
    }
}

type Failed = Box<Diagnostic>;

/// Reads what one value refers to.
struct Reader<'a> {
    project: &'a Project,
    /// The folder of the file that contains the value.
    folder: &'a Path,
    span: Span,
}

impl Reader<'_> {
    fn file(&self, path: &str) -> Result<Vec<u8>, Failed> {
        let path = self.folder.join(path);
        self.project.resolve(&path, self.span)?;
        read_bounded(&path, LOCAL_BYTES_MAX, Some(self.span))
    }

    fn text(&self, path: &str) -> Result<String, Failed> {
        String::from_utf8(self.file(path)?).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            Box::new(Diagnostic::error(
                codes::NOT_UTF8,
                self.span,
                format!(
                    "`{path}` is not UTF-8: byte 0x{:02x} at offset {at}",
                    error.as_bytes()[at]
                ),
            ))
        })
    }

    fn tree(&self, path: &str) -> Result<Vec<TreeEntry>, Failed> {
        let top = self.folder.join(path);
        self.project.resolve(&top, self.span)?;
        if !top.is_dir() {
            return Err(Box::new(unreadable(
                Some(self.span),
                &top,
                "it is not a folder",
            )));
        }
        let mut entries = Vec::new();
        let mut bytes_left = LOCAL_BYTES_MAX;
        let mut folders = vec![(top, String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            for name in self.names(&folder)? {
                let path = folder.join(&name);
                let failed = |error: std::io::Error| {
                    Box::new(unreadable(Some(self.span), &path, &reason(&error)))
                };
                let kind = fs::symlink_metadata(&path).map_err(failed)?.file_type();
                let inner = format!("{prefix}{name}");
                if kind.is_dir() {
                    folders.push((path, format!("{inner}/")));
                    continue;
                }
                let kind = if kind.is_symlink() {
                    let target = fs::read_link(&path).map_err(failed)?;
                    let Ok(target) = target.into_os_string().into_string() else {
                        return Err(Box::new(unreadable(
                            Some(self.span),
                            &path,
                            "its target is not UTF-8",
                        )));
                    };
                    TreeEntryKind::Link { target }
                } else {
                    let contents = read_bounded(&path, bytes_left, Some(self.span))?;
                    bytes_left -= contents.len() as u64;
                    TreeEntryKind::File {
                        contents,
                        executable: is_executable(&path).map_err(failed)?,
                    }
                };
                entries.push(TreeEntry { path: inner, kind });
                if entries.len() > TREE_ENTRIES_MAX {
                    return Err(Box::new(Diagnostic::error(
                        codes::TOO_MANY_VALUES,
                        self.span,
                        format!("the tree has more than {TREE_ENTRIES_MAX} files"),
                    )));
                }
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    /// Returns the names in a folder, sorted.
    fn names(&self, folder: &Path) -> Result<Vec<String>, Failed> {
        let failed =
            |error: std::io::Error| Box::new(unreadable(Some(self.span), folder, &reason(&error)));
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            match name.into_string() {
                Ok(name) => names.push(name),
                Err(_) => {
                    return Err(Box::new(unreadable(
                        Some(self.span),
                        folder,
                        "a name in it is not UTF-8",
                    )));
                }
            }
        }
        names.sort();
        Ok(names)
    }

    fn ssh_keys(
        &self,
        pattern: &str,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Result<Vec<SshPublicKey>, Failed> {
        let files = self.matching(pattern)?;
        if files.is_empty() {
            diagnostics.push(
                Diagnostic::warning(
                    codes::NO_SSH_KEY_FOUND,
                    self.span,
                    format!("no file matches `{pattern}`"),
                )
                .help("create a key with `ssh-keygen`; without one, no one can log in over SSH"),
            );
        }
        let mut keys = Vec::new();
        for path in files {
            let bytes = read_bounded(&path, 1 << 20, Some(self.span))?;
            let text = String::from_utf8_lossy(&bytes);
            let lines = text.lines().map(str::trim);
            for (number, line) in lines.enumerate() {
                if line.is_empty() || line.starts_with('#') {
                    continue;
                }
                match SshPublicKey::parse(line) {
                    Ok(key) => {
                        if !keys.contains(&key) {
                            keys.push(key);
                        }
                    }
                    Err(why) => {
                        let mut diagnostic = Diagnostic::error(
                            codes::BAD_SSH_KEY,
                            self.span,
                            format!(
                                "line {} of `{}` is not an SSH public key",
                                number + 1,
                                path.display()
                            ),
                        );
                        diagnostic.label = Some(why.to_owned());
                        return Err(Box::new(diagnostic));
                    }
                }
            }
        }
        Ok(keys)
    }

    /// Returns the files that match a path or pattern of public keys, sorted.
    fn matching(&self, pattern: &str) -> Result<Vec<PathBuf>, Failed> {
        let path = match (pattern.strip_prefix("~/"), &self.project.home) {
            (Some(below), Some(home)) => home.join(below),
            (Some(_), None) => {
                let why = "there is no home folder (HOME is not set)";
                return Err(Box::new(unreadable(
                    Some(self.span),
                    Path::new(pattern),
                    why,
                )));
            }
            (None, _) => self.folder.join(pattern),
        };
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let in_home = pattern.starts_with("~/");
        let Some((before, after)) = name.split_once('*') else {
            if !in_home {
                self.project.resolve(&path, self.span)?;
            }
            return Ok(vec![path]);
        };
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Ok(Vec::new());
        }
        if !in_home {
            self.project.resolve(folder, self.span)?;
        }
        let mut files = Vec::new();
        for name in self.names(folder)? {
            if name.len() >= before.len() + after.len()
                && name.starts_with(before)
                && name.ends_with(after)
            {
                let path = folder.join(name);
                if !in_home {
                    self.project.resolve(&path, self.span)?;
                }
                files.push(path);
            }
        }
        Ok(files)
    }
}

/// Returns whether the owner may execute the file.
fn is_executable(path: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(path)?.permissions().mode() & 0o100 != 0)
}

/// Reports certificate authorities that are not certificates.
pub(super) fn check_certificates(
    cluster: &Cluster,
    files: &LocalFiles,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut seen = Vec::new();
    for certificate in cluster.nodes.iter().flat_map(|node| &node.ca_certificates) {
        if seen.contains(&certificate.span) {
            continue;
        }
        seen.push(certificate.span);
        let Some((pem, span)) = pem_of(certificate, files) else {
            continue;
        };
        let why = match Certificate::load_pem_chain(pem.as_bytes()) {
            Ok(chain) if !chain.is_empty() => continue,
            Ok(_) => "it contains no certificate".to_owned(),
            Err(_) if pem.contains("PRIVATE KEY") => "it contains a private key".to_owned(),
            Err(_) if !pem.contains("-----BEGIN CERTIFICATE-----") => {
                "it has no line `-----BEGIN CERTIFICATE-----`".to_owned()
            }
            Err(error) => error.to_string(),
        };
        diagnostics.push(
            Diagnostic::error(
                codes::BAD_CERTIFICATE,
                span,
                format!("`{}` is not a PEM certificate", certificate.name.value),
            )
            .label(why),
        );
    }
}

/// Returns the text of a certificate authority and its location.
fn pem_of<'a>(certificate: &'a CaCertificate, files: &'a LocalFiles) -> Option<(&'a str, Span)> {
    match (&certificate.inline, &certificate.local) {
        (Some(inline), _) => Some((&inline.value, inline.span)),
        (None, Some(local)) => Some((files.text(local)?, local.span)),
        (None, None) => None,
    }
}
