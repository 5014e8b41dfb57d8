//! Container networks.

/// The CNI plugins that pods need on any network: the loopback device, and those for bridges and
/// the networks built on them.
pub const CNI_PLUGINS: [&str; 4] = ["bridge", "host-local", "loopback", "portmap"];
