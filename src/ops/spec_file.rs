//! From the path of a spec to decided nodes: what every command that takes a spec begins with.

use std::path::{Path, PathBuf};

use crate::charts::{self, Helm};
use crate::diagnostic::{Diagnostic, in_order};
use crate::node::{Cluster, Node};
use crate::pki::{
    Access, CryptoRng, KeyAlgorithm, KeyFolder, Keys, Notice as KeyNotice, PendingKeys,
};
use crate::plan;
use crate::spec::{self, Loaded};

use super::{Error, Notice, Result, Session, findings, pinning};

/// A spec, and where what belongs to it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecFile {
    /// The spec of a node or a cluster.
    pub path: PathBuf,
    /// The folder of the cluster's keys.
    pub keys: PathBuf,
    /// The lock.
    pub lock: PathBuf,
}

impl SpecFile {
    /// The spec at `path`, with its keys in `keys/` and its lock in `imgbuild.lock` beside it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Self {
            keys: folder.join("keys"),
            lock: folder.join("imgbuild.lock"),
            path,
        }
    }

    /// The same spec with its keys in `folder`; `None`: where they are.
    #[must_use]
    pub fn with_keys(mut self, folder: Option<PathBuf>) -> Self {
        self.keys = folder.unwrap_or(self.keys);
        self
    }

    /// Reads the spec and all that it names.
    pub(super) fn load(&self, session: &mut Session<'_>) -> Result<Loaded> {
        Ok(self.read(session)?)
    }

    /// The same; the error is for a file that is not a spec.
    pub(super) fn read(
        &self,
        session: &mut Session<'_>,
    ) -> std::result::Result<Loaded, Vec<Diagnostic>> {
        let Session {
            environment,
            sources,
            ..
        } = session;
        let mut loaded = spec::load(&self.path, environment.home.as_deref(), sources)?;
        let helm = || Helm::from_host(|name| environment.variable(name));
        charts::render(&mut loaded, &helm, sources);
        Ok(loaded)
    }

    /// What new keys of the spec's cluster are. The error is what is wrong with the spec, where
    /// something is.
    pub(super) fn key_algorithm(&self, session: &mut Session<'_>) -> Result<KeyAlgorithm> {
        let loaded = self.load(session)?;
        let Ok(decided) = plan::decide(&loaded, &session.sources) else {
            return Err(Error::Input(self.findings(&loaded, session)?.0));
        };
        Ok(decided.key_algorithm())
    }

    /// Reads and decides. With [`Access::Look`] the key folder is left unchanged. Warnings are
    /// printed at once; on an error nothing is made.
    pub(super) fn decide(&self, access: Access, session: &mut Session<'_>) -> Result<Cluster> {
        let (cluster, mut keeping) = self.decide_ahead(access, &|_| Ok(()), session)?;
        keeping.finish()?;
        Ok(cluster)
    }

    /// The same; keys that were made for it may not have reached the disk yet. None are made for a
    /// cluster that `check` refuses.
    pub(super) fn decide_ahead(
        &self,
        access: Access,
        check: &dyn Fn(&Cluster) -> Result<()>,
        session: &mut Session<'_>,
    ) -> Result<(Cluster, PendingKeys)> {
        let loaded = self.load(session)?;
        let decided = self.decided(&loaded, session)?;
        // A folder that nothing is needed from is not created.
        let may_write = access == Access::Write && decided.needs_keys();
        let mut rng = (session.environment.random)();
        let mut keys = self.keys(Access::Look, &mut *rng, session)?;
        let cluster = decided.with_keys(&mut keys)?;
        if !(may_write && keys.are_incomplete()) {
            tell(keys.notices(), session);
            return Ok((self.with_pins(cluster)?, PendingKeys::default()));
        }
        // Keys are about to be kept, but not for a spec that `ignition` refuses.
        let found = findings::of_ignition(&cluster.nodes);
        if findings::has_errors(&found) {
            return Err(Error::Input(in_order(found)));
        }
        check(&cluster)?;
        if let Some(keeping) = keys.keep_all()? {
            tell(keys.notices(), session);
            return Ok((self.with_pins(cluster)?, keeping));
        }
        // Another build was faster: use its keys.
        drop(keys);
        let decided = plan::decide(&loaded, &session.sources)?;
        let mut keys = self.keys(Access::Write, &mut *rng, session)?;
        let cluster = decided.with_keys(&mut keys)?;
        tell(keys.notices(), session);
        Ok((self.with_pins(cluster)?, PendingKeys::default()))
    }

    /// Reads and decides by what is there: the key folder stays as it is. Returns whether it lacked
    /// keys, which then were made for this cluster alone.
    pub(super) fn decide_as_is(&self, session: &mut Session<'_>) -> Result<(Cluster, bool)> {
        let loaded = self.load(session)?;
        let decided = self.decided(&loaded, session)?;
        let needs_keys = decided.needs_keys();
        let mut rng = (session.environment.random)();
        let mut keys = self.keys(Access::Look, &mut *rng, session)?;
        let cluster = decided.with_keys(&mut keys)?;
        let lacks_keys = needs_keys && keys.are_incomplete();
        Ok((self.with_pins(cluster)?, lacks_keys))
    }

    /// Decides. Warnings are printed at once; the errors are everything that is wrong.
    fn decided(&self, loaded: &Loaded, session: &Session<'_>) -> Result<plan::Decided> {
        let Ok(decided) = plan::decide(loaded, &session.sources) else {
            return Err(Error::Input(self.findings(loaded, session)?.0));
        };
        session.warnings(&decided.warnings);
        Ok(decided)
    }

    fn with_pins(&self, mut cluster: Cluster) -> Result<Cluster> {
        pinning::tell(&mut cluster, &self.lock)?;
        Ok(cluster)
    }

    /// All that is wrong or doubtful with the spec, and with its keys; nothing on disk changes.
    pub(super) fn findings(
        &self,
        loaded: &Loaded,
        session: &Session<'_>,
    ) -> anyhow::Result<(Vec<Diagnostic>, Vec<KeyNotice>)> {
        let mut rng = (session.environment.random)();
        let mut keys = self.keys(Access::Look, &mut *rng, session)?;
        let found = findings::all(loaded, &session.sources, &mut keys)?;
        Ok((found, keys.notices()))
    }

    /// The key folder, open.
    fn keys<'a>(
        &self,
        access: Access,
        rng: &'a mut dyn CryptoRng,
        session: &Session<'_>,
    ) -> anyhow::Result<Keys<'a>> {
        let folder = KeyFolder::open(&self.keys, access)?;
        Ok(Keys::new(folder, session.now(), rng))
    }
}

fn tell(notices: Vec<KeyNotice>, session: &Session<'_>) {
    for notice in notices {
        session.notice(&Notice::Keys(notice));
    }
}

/// Whether `path` is a spec, by its name.
pub fn is_spec(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ["yaml", "yml"].contains(&ending.to_ascii_lowercase().as_str()))
}

/// The selected nodes: all, or the one named `hostname`.
pub(super) fn chosen<'a>(cluster: &'a Cluster, hostname: Option<&str>) -> Result<Vec<&'a Node>> {
    let Some(hostname) = hostname else {
        return Ok(cluster.nodes.iter().collect());
    };
    match cluster
        .nodes
        .iter()
        .find(|node| node.hostname.as_str() == hostname)
    {
        Some(node) => Ok(vec![node]),
        None => Err(Error::Request(format!(
            "no node is named `{hostname}`; the nodes are {}",
            names(cluster)
        ))),
    }
}

/// The host names of `cluster`, for a message.
pub(super) fn names(cluster: &Cluster) -> String {
    let names: Vec<_> = cluster
        .nodes
        .iter()
        .map(|node| node.hostname.as_str())
        .collect();
    few(&names)
}

/// The first of `names`, and how many more there are: a cluster may have a thousand.
pub(super) fn few(names: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(AsRef::as_ref).collect();
    let shown = shown.join(", ");
    match names.len().checked_sub(SHOWN) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_a_few_names() {
        let names: Vec<String> = (1..=1000).map(|n| format!("node{n}")).collect();
        for (count, shown) in [
            (0, ""),
            (1, "node1"),
            (5, "node1, node2, node3, node4, node5"),
            (6, "node1, node2, node3, node4, node5 and 1 more"),
            (1000, "node1, node2, node3, node4, node5 and 995 more"),
        ] {
            assert_eq!(few(&names[..count]), shown);
        }
    }
}
