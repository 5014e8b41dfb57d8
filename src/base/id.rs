//! What a base is known by in the cache.

use sha2::{Digest as _, Sha256};

use super::declared;
use crate::facts::debian::BaseKind;
use crate::lock::LockedBase;
use crate::text::hex;

/// Incremented whenever the same packages and declared files produce different bytes.
const BUILDER_VERSION: u32 = 7;

/// The id of a base: what it is made of, hashed.
pub fn id(kind: &BaseKind, base: &LockedBase) -> String {
    let mut hash = Sha256::new();
    hash.update(format!(
        "imgbuild base {BUILDER_VERSION} {} {} {}\n",
        kind.arch,
        kind.kernel.as_str(),
        kind.firmware(),
    ));
    for package in base.all_packages() {
        hash.update(format!("{} {}\n", package.name, package.sha256));
    }
    for file in declared::files() {
        let contents = hex(&Sha256::digest(file.bytes));
        hash.update(format!("{} {} {contents}\n", file.path, file.executable));
    }
    hex(&hash.finalize())
}
