//! The state that packages' maintainer scripts would make, declared: nothing of a package is run.

use anyhow::Result;

use super::declared;
use super::lock::LockedBase;
use super::tree::{Node, Tree};

/// Adds to the packages' files what makes a system of them, then lays the declared files over it.
pub fn declare(tree: &mut Tree, _base: &LockedBase) -> Result<()> {
    for (path, file) in declared::root_files() {
        let mode = if file.executable { 0o755 } else { 0o644 };
        tree.insert(path, Node::file(mode, file.bytes));
    }
    for (path, target) in declared::links()? {
        tree.insert(path, Node::symlink(target));
    }
    Ok(())
}
