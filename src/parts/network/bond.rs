//! Settings of bonds: names as the kernel has them (`Documentation/networking/bonding.rst`) and as networkd has them
//! (`systemd.netdev(5)`, section `[Bond]`).

/// The unit that a kernel option counts in, which networkd wants written.
#[derive(Debug, Clone, Copy)]
enum Unit {
    None,
    Milliseconds,
    Seconds,
    /// A list with commas, which networkd separates by spaces.
    List,
}

/// Kernel option, networkd key, unit.
const OPTIONS: &[(&str, &str, Unit)] = &[
    ("active_slave", "ActiveSlave", Unit::None),
    ("ad_actor_sys_prio", "AdActorSystemPriority", Unit::None),
    ("ad_actor_system", "AdActorSystem", Unit::None),
    ("ad_select", "AdSelect", Unit::None),
    ("ad_user_port_key", "AdUserPortKey", Unit::None),
    ("all_slaves_active", "AllSlavesActive", Unit::None),
    ("arp_all_targets", "ARPAllTargets", Unit::None),
    ("arp_interval", "ARPIntervalSec", Unit::Milliseconds),
    ("arp_ip_target", "ARPIPTargets", Unit::List),
    ("arp_missed_max", "ARPMissedMax", Unit::None),
    ("arp_validate", "ARPValidate", Unit::None),
    ("downdelay", "DownDelaySec", Unit::Milliseconds),
    ("fail_over_mac", "FailOverMACPolicy", Unit::None),
    ("lacp_rate", "LACPTransmitRate", Unit::None),
    ("lp_interval", "LearnPacketIntervalSec", Unit::Seconds),
    ("miimon", "MIIMonitorSec", Unit::Milliseconds),
    ("min_links", "MinLinks", Unit::None),
    ("num_grat_arp", "GratuitousARP", Unit::None),
    ("packets_per_slave", "PacketsPerSlave", Unit::None),
    ("peer_notif_delay", "PeerNotifyDelaySec", Unit::Milliseconds),
    ("primary_reselect", "PrimaryReselectPolicy", Unit::None),
    ("resend_igmp", "ResendIGMP", Unit::None),
    ("tlb_dynamic_lb", "DynamicTransmitLoadBalancing", Unit::None),
    ("updelay", "UpDelaySec", Unit::Milliseconds),
    ("xmit_hash_policy", "TransmitHashPolicy", Unit::None),
];

/// Whether `option` is one that a bond of a spec may have: the kernel's name, networkd's key, or `primary`, which is a setting
/// of the member.
pub fn is_bond_option(option: &str) -> bool {
    option == "primary"
        || OPTIONS
            .iter()
            .any(|(kernel, key, _)| *kernel == option || *key == option)
}

/// The key and value of `[Bond]` for `option`; `None` for what is not set there.
pub(super) fn setting(option: &str, value: &str) -> Option<(&'static str, String)> {
    let (_, key, unit) = OPTIONS
        .iter()
        .find(|(kernel, key, _)| *kernel == option || *key == option)?;
    let is_number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    // networkd's own keys count bare numbers in seconds; only the kernel's names count otherwise.
    let value = match unit {
        Unit::Milliseconds if is_number && option != *key => format!("{value}ms"),
        Unit::Seconds if is_number => format!("{value}s"),
        Unit::List => value.replace(',', " "),
        _ => value.to_owned(),
    };
    Some((key, value))
}
