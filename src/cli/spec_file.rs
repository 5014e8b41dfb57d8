//! From the path of a spec to decided nodes: what every command that takes a spec begins with.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::diagnostic::{Diagnostic, Sources};
use crate::node::{Cluster, Node};
use crate::pki::{
    Access, CryptoRng, KeyAlgorithm, KeyFolder, Keys, Notice, PendingKeys, system_random,
};
use crate::plan;
use crate::spec::{self, Loaded};

use super::findings;
use super::messages::Messages;
use super::outcome::Failure;

/// The path of a spec and of the files beside it.
#[derive(Debug, Clone)]
pub struct SpecFile {
    pub path: PathBuf,
    pub keys: PathBuf,
    pub lock: PathBuf,
}

impl SpecFile {
    /// The spec at `path`, its keys in `keys` or beside it.
    pub fn new(path: &Path, keys: Option<&Path>) -> Self {
        let folder = path.parent().unwrap_or(Path::new(""));
        Self {
            path: path.to_owned(),
            keys: keys.map_or_else(|| folder.join("keys"), Path::to_owned),
            lock: folder.join("imgbuild.lock"),
        }
    }

    /// Reads the spec and all that it names.
    pub fn load(&self, sources: &mut Sources) -> Result<Loaded, Failure> {
        let home = std::env::home_dir();
        Ok(spec::load(&self.path, home.as_deref(), sources)?)
    }

    /// The algorithm of new keys for the spec's cluster. Reports what is wrong with the spec, if
    /// anything.
    pub fn key_algorithm(&self, sources: &mut Sources) -> Result<KeyAlgorithm, Failure> {
        let loaded = self.load(sources)?;
        let Ok(decided) = plan::decide(&loaded, sources) else {
            return Err(Failure::Input(self.findings(&loaded, sources)?.0));
        };
        Ok(decided.key_algorithm())
    }

    /// Reads and decides. With [`Access::Look`] the key folder is left unchanged. Warnings are
    /// printed at once; on an error nothing is made.
    pub fn decide(
        &self,
        access: Access,
        sources: &mut Sources,
        messages: Messages,
    ) -> Result<Cluster, Failure> {
        let (cluster, mut keeping) = self.decide_ahead(access, sources, messages)?;
        keeping.finish()?;
        Ok(cluster)
    }

    /// The same; keys that were made for it may not have reached the disk yet.
    pub fn decide_ahead(
        &self,
        access: Access,
        sources: &mut Sources,
        messages: Messages,
    ) -> Result<(Cluster, PendingKeys), Failure> {
        let loaded = self.load(sources)?;
        let decided = self.decided(&loaded, sources, messages)?;
        // A folder that nothing is needed from is not created.
        let may_write = access == Access::Write && decided.needs_keys();
        let mut rng = system_random();
        let mut keys = self.keys(Access::Look, &mut rng)?;
        let cluster = decided.with_keys(&mut keys)?;
        if !(may_write && keys.are_incomplete()) {
            tell(&keys.notices(), messages);
            return Ok((self.with_pins(cluster)?, PendingKeys::default()));
        }
        // Keys are about to be kept, but not for a spec that `ignition` refuses.
        let mut found = findings::of_ignition(&cluster.nodes);
        if findings::has_errors(&found) {
            findings::sort_by_place(&mut found);
            return Err(Failure::Input(found));
        }
        if let Some(keeping) = keys.keep_all()? {
            tell(&keys.notices(), messages);
            return Ok((self.with_pins(cluster)?, keeping));
        }
        // Another build was faster: use its keys.
        drop(keys);
        let decided = plan::decide(&loaded, sources)?;
        let mut keys = self.keys(Access::Write, &mut rng)?;
        let cluster = decided.with_keys(&mut keys)?;
        tell(&keys.notices(), messages);
        Ok((self.with_pins(cluster)?, PendingKeys::default()))
    }

    /// Reads and decides with the keys that exist: the key folder is left unchanged. Also returns
    /// whether it lacked keys, which then were made for this cluster only.
    pub fn decide_as_is(
        &self,
        sources: &mut Sources,
        messages: Messages,
    ) -> Result<(Cluster, bool), Failure> {
        let loaded = self.load(sources)?;
        let decided = self.decided(&loaded, sources, messages)?;
        let needs_keys = decided.needs_keys();
        let mut rng = system_random();
        let mut keys = self.keys(Access::Look, &mut rng)?;
        let cluster = decided.with_keys(&mut keys)?;
        let lacks_keys = needs_keys && keys.are_incomplete();
        Ok((self.with_pins(cluster)?, lacks_keys))
    }

    /// Decides. Warnings are printed at once; the errors are everything that is wrong.
    fn decided(
        &self,
        loaded: &Loaded,
        sources: &Sources,
        messages: Messages,
    ) -> Result<plan::Decided, Failure> {
        let Ok(decided) = plan::decide(loaded, sources) else {
            return Err(Failure::Input(self.findings(loaded, sources)?.0));
        };
        messages.diagnostics(sources, &decided.warnings);
        Ok(decided)
    }

    fn with_pins(&self, mut cluster: Cluster) -> Result<Cluster, Failure> {
        super::artifacts::tell(&mut cluster, &self.lock)?;
        Ok(cluster)
    }

    /// Reports everything that is wrong or doubtful in the spec; nothing on disk changes.
    pub fn check(&self, sources: &mut Sources, messages: Messages) -> Result<(), Failure> {
        let loaded = self.load(sources)?;
        let (found, notices) = self.findings(&loaded, sources)?;
        tell(&notices, messages);
        if findings::has_errors(&found) {
            return Err(Failure::Input(found));
        }
        messages.diagnostics(sources, &found);
        Ok(())
    }

    fn findings(
        &self,
        loaded: &Loaded,
        sources: &Sources,
    ) -> anyhow::Result<(Vec<Diagnostic>, Vec<Notice>)> {
        let mut rng = system_random();
        let mut keys = self.keys(Access::Look, &mut rng)?;
        let found = findings::all(loaded, sources, &mut keys)?;
        Ok((found, keys.notices()))
    }

    /// The key folder, open.
    fn keys<'a>(&self, access: Access, rng: &'a mut impl CryptoRng) -> anyhow::Result<Keys<'a>> {
        let folder = KeyFolder::open(&self.keys, access)?;
        Ok(Keys::new(folder, SystemTime::now(), rng))
    }
}

fn tell(notices: &[Notice], messages: Messages) {
    for notice in notices {
        if notice.is_warning() {
            messages.warn(&notice.to_string());
        } else {
            messages.note(&notice.to_string());
        }
    }
}

/// The selected nodes: all, or the one named `hostname`.
pub fn chosen<'a>(cluster: &'a Cluster, hostname: Option<&str>) -> Result<Vec<&'a Node>, Failure> {
    let Some(hostname) = hostname else {
        return Ok(cluster.nodes.iter().collect());
    };
    match cluster
        .nodes
        .iter()
        .find(|node| node.hostname.as_str() == hostname)
    {
        Some(node) => Ok(vec![node]),
        None => Err(Failure::Usage(format!(
            "no node is named `{hostname}`; the nodes are {}",
            names(cluster)
        ))),
    }
}

/// The host names of `cluster`, for a message.
pub fn names(cluster: &Cluster) -> String {
    let names: Vec<_> = cluster
        .nodes
        .iter()
        .map(|node| node.hostname.as_str())
        .collect();
    few(&names)
}

/// The first of `names`, and how many more there are: a cluster may have a thousand.
pub fn few(names: &[impl AsRef<str>]) -> String {
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
