//! Values of a spec that are written as one scalar and have rules.

mod boot_files;
mod calendar;
mod container_runtimes;
mod containers;
mod kubernetes;
mod kubernetes_addons;
mod kubernetes_charts;
mod kubernetes_keys;
mod kubernetes_settings;
mod links;
mod local;
mod named;
mod network;
mod number;
mod packages;
mod secret;

pub use boot_files::BootLocation;
pub use calendar::{CalendarEvent, NAMED_EVENTS, SnapshotCount};
pub use container_runtimes::{RuntimeName, RuntimeShim};
pub use containers::{ImageEntry, RegistryHost, RegistryUrl};
pub use kubernetes::{Endpoint, ProgramsFolder};
pub use kubernetes_addons::{PortNumber, Vni};
pub use kubernetes_charts::{LocalChart, NamespaceName, ReleaseName};
pub use kubernetes_keys::{Lifetime, TokenSetting};
pub use kubernetes_settings::{
    AlternativeName, LabelKey, LabelValue, Quantity, TaintText, Threshold,
};
pub use links::{AddressRange, HostAndPort, RoutingTable, WireGuardKey};
pub use local::{LocalFile, LocalFolder, LocalManifests, LocalText, SshKeyFiles};
pub use named::{
    ClusterName, Digest, Fstab, KernelArgument, Line, MemberName, ModuleName, PartitionLabel,
    PlainName, Setting, SettingName, SysctlKey, Uuid,
};
pub use network::{EtcdUrl, HostOrAddress, PortRange, ProxyException, ProxyUrl, SourceUrl};
pub use number::{ByteSize, Mode, SpecVersion, VirtualRouterId, VlanId};
pub use packages::{FirmwareWord, PackageName};
pub use secret::{PasswordHash, SshPublicKey};

#[cfg(test)]
mod tests;
