//! A cluster's keys and certificates.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{Error, Result, Session, SpecFile};
use crate::node::Cluster;
use crate::node::kubernetes::{ControlPlane, Kubernetes};
use crate::pki::{self, Access, BootstrapToken, Certificate, CertificateError, KeyFolder, Listed};

/// Makes the keys and certificates that the cluster of `spec` lacks.
pub fn init(spec: &SpecFile, session: &mut Session<'_>) -> Result<()> {
    spec.decide(Access::Write, session)?;
    Ok(())
}

/// The certificates in the key folder of `spec`, by path, but for those that were replaced. For one
/// that cannot be read, its path and the reason. The spec is not read.
pub fn list(
    spec: &SpecFile,
    session: &Session<'_>,
) -> Result<Vec<Result<Listed, (PathBuf, CertificateError)>>> {
    let folder = KeyFolder::open(&spec.keys, Access::Look)?;
    Ok(pki::list(&folder, session.now())?)
}

/// Makes the private keys and certificates of nodes and clients anew: those that `names` mean, or
/// all. A name is a node, a certificate (`apiserver`) or a path (`clients/kubernetes/admin`). The
/// old ones are kept in `old/` in the key folder.
pub fn renew(spec: &SpecFile, names: &[String], session: &mut Session<'_>) -> Result<()> {
    // An invalid spec is reported before anything is moved.
    spec.decide(Access::Look, session)?;
    let mut folder = KeyFolder::open(&spec.keys, Access::Write)?;
    pki::archive_leaves(&mut folder, names, session.now())?;
    drop(folder);
    spec.decide(Access::Write, session)?;
    Ok(())
}

/// Takes authorities one step further towards their successors: those that `names` mean, or all
/// that can take it. Returns their names.
///
/// After each step every node is to be built and booted before the next.
pub fn rotate(
    spec: &SpecFile,
    names: &[String],
    phase: pki::Phase,
    session: &mut Session<'_>,
) -> Result<Vec<String>> {
    let algorithm = spec.key_algorithm(session)?;
    let mut folder = KeyFolder::open(&spec.keys, Access::Write)?;
    let mut rng = (session.environment.random)();
    let now = session.now();
    let taken = pki::rotate_authorities(&mut folder, names, phase, algorithm, now, &mut *rng)?;
    drop(folder);
    spec.decide(Access::Write, session)?;
    Ok(taken)
}

/// What was taken over from kubeadm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedKeys {
    /// The files that are new, with the key folder.
    pub files: Vec<PathBuf>,
    /// The authorities that the other folder does not have, which builds make.
    pub missing: Vec<&'static str>,
}

/// Takes a cluster's authorities from `from`, a copy of kubeadm's `/etc/kubernetes/pki`, into the
/// key folder of `spec`: all of them or none. The spec is not read.
pub fn import(spec: &SpecFile, from: &Path, session: &Session<'_>) -> Result<ImportedKeys> {
    let mut folder = KeyFolder::open(&spec.keys, Access::Write)?;
    let (new, missing) = pki::import(from, &mut folder, session.now())
        .with_context(|| format!("importing {}", from.display()))?;
    Ok(ImportedKeys {
        files: new.iter().map(|file| folder.path(file)).collect(),
        missing,
    })
}

/// How other machines join a cluster. Shown, it is the `kubeadm join` command, which holds the
/// bootstrap token.
#[derive(Clone)]
pub struct JoinCommand {
    /// Host and port of the API.
    pub server: String,
    pub token: BootstrapToken,
    /// Hashes of the public keys of the authorities that are trusted, `sha256:…`.
    pub authorities: Vec<String>,
}

/// Shows no secret.
impl fmt::Debug for JoinCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinCommand")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for JoinCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (server, token) = (&self.server, self.token.as_str());
        write!(f, "kubeadm join {server} --token {token}")?;
        for hash in &self.authorities {
            write!(f, " --discovery-token-ca-cert-hash {hash}")?;
        }
        Ok(())
    }
}

/// How other machines join the cluster of `spec`, whose keys are made where they are missing.
pub fn token(spec: &SpecFile, session: &mut Session<'_>) -> Result<JoinCommand> {
    let cluster = spec.decide(Access::Write, session)?;
    let (kubernetes, plane) = control_plane(&cluster, &spec.path)?;
    let Some(token) = &plane.keys.bootstrap_token else {
        return Err(Error::Request(format!(
            "{} has no bootstrap token for nodes to join with; add `bootstrap_token: generate` to its `kubernetes:`",
            spec.path.display()
        )));
    };
    let authorities = Certificate::all_from_pem(&plane.keys.pki.trusted_authorities)
        .map_err(anyhow::Error::from)?;
    Ok(JoinCommand {
        server: (kubernetes.endpoint.outside())
            .trim_start_matches("https://")
            .to_owned(),
        token: token.token.clone(),
        authorities: authorities
            .iter()
            .map(Certificate::public_key_hash)
            .collect(),
    })
}

/// The first control plane of the spec at `path`.
pub(super) fn control_plane<'a>(
    cluster: &'a Cluster,
    path: &Path,
) -> Result<(&'a Kubernetes, &'a ControlPlane)> {
    let mut planes = cluster.nodes.iter().filter_map(|node| {
        let kubernetes = node.kubernetes.as_ref()?;
        Some((kubernetes, kubernetes.control_plane()?))
    });
    planes.next().ok_or_else(|| no_control_plane(path))
}

/// The error for a spec at `path` without one.
pub(super) fn no_control_plane(path: &Path) -> Error {
    Error::Request(format!("{} has no control plane node", path.display()))
}
