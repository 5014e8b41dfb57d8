//! What links and packet filters choose from.

use crate::words::words;

words! {
    /// A transport protocol.
    pub enum Protocol {
        /// TCP
        Tcp = "tcp",
        /// UDP
        Udp = "udp",
    }
}

/// Which DHCP clients run on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dhcp {
    #[default]
    No,
    V4,
    V6,
    Both,
}
