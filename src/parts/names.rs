//! Names that the parts write down, made into the newtypes that
//! [`Fragment`](crate::node::fragment::Fragment) holds.

use crate::names::{AbsolutePath, UnitName, UserName};

/// A path that is absolute and normal by how the part builds it.
pub(super) fn path(text: &str) -> AbsolutePath {
    text.parse()
        .expect("a part builds its paths from constants and checked names")
}

/// A unit name that is valid by how the part builds it.
pub(super) fn unit(text: &str) -> UnitName {
    text.parse()
        .expect("a part builds its unit names from constants and escaped paths")
}

/// A user or group that the base has.
pub(super) fn user(text: &str) -> UserName {
    text.parse()
        .expect("a part names users of the base by constants")
}
