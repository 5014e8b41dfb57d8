//! Networks of a cluster that may exist in both address families.

use std::fmt;

use ipnet::IpNet;

use crate::diagnostic::Located;

/// The network of pods, or of services: one, or one of each address family. The first one decides
/// what has a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Networks {
    pub first: Located<IpNet>,
    pub second: Option<Located<IpNet>>,
}

impl Networks {
    /// Returns them in order.
    pub fn all(&self) -> impl Iterator<Item = Located<IpNet>> + use<> {
        std::iter::once(self.first).chain(self.second)
    }

    /// Returns the one of the address family.
    pub fn of_family(&self, is_v4: bool) -> Option<Located<IpNet>> {
        self.all().find(|net| net.value.addr().is_ipv4() == is_v4)
    }
}

/// Separated by a comma, as the components take them.
impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first.value)?;
        match self.second {
            Some(second) => write!(f, ",{}", second.value),
            None => Ok(()),
        }
    }
}
