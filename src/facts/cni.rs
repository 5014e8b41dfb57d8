//! Container networks.

/// CNI's plugins that pods need on any network: the loopback device, and what bridges and the
/// networks that build on it use.
pub const CNI_PLUGINS: [&str; 4] = ["bridge", "host-local", "loopback", "portmap"];
