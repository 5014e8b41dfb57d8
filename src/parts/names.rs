//! Names in the parts, converted to the newtypes in a
//! [`Fragment`](crate::node::fragment::Fragment).

use crate::names::{AbsolutePath, UnitName, UserName};

/// A path that is absolute and normalized by construction.
pub(super) fn path(text: &str) -> AbsolutePath {
    text.parse()
        .expect("a part builds its paths from constants and checked names")
}

/// A unit name that is valid by construction.
pub(super) fn unit(text: &str) -> UnitName {
    text.parse()
        .expect("a part builds its unit names from constants and escaped paths")
}

/// A user or group of the base.
pub(super) fn user(text: &str) -> UserName {
    text.parse()
        .expect("a part names users of the base by constants")
}
