//! Settings of bonds: their names in the kernel (`Documentation/networking/bonding.rst`) and in
//! networkd (`systemd.netdev(5)`, section `[Bond]`).

/// The unit of a kernel option's value, which networkd requires to be written out.
#[derive(Debug, Clone, Copy)]
enum Unit {
    None,
    /// One of these words.
    Word(&'static [&'static str]),
    Milliseconds,
    Seconds,
    /// A list separated by commas, in networkd by spaces.
    List,
    /// 1 or 0, which networkd accepts too.
    Switch,
}

/// What decides the link of a packet.
const HASH_POLICIES: &[&str] = &[
    "layer2",
    "layer2+3",
    "layer3+4",
    "encap2+3",
    "encap3+4",
    "vlan+srcmac",
];

/// Kernel option, networkd key, unit.
const OPTIONS: &[(&str, &str, Unit)] = &[
    ("active_slave", "ActiveSlave", Unit::None),
    ("ad_actor_sys_prio", "AdActorSystemPriority", Unit::None),
    ("ad_actor_system", "AdActorSystem", Unit::None),
    (
        "ad_select",
        "AdSelect",
        Unit::Word(&["stable", "bandwidth", "count"]),
    ),
    ("ad_user_port_key", "AdUserPortKey", Unit::None),
    ("all_slaves_active", "AllSlavesActive", Unit::Switch),
    (
        "arp_all_targets",
        "ARPAllTargets",
        Unit::Word(&["any", "all"]),
    ),
    ("arp_interval", "ARPIntervalSec", Unit::Milliseconds),
    ("arp_ip_target", "ARPIPTargets", Unit::List),
    ("arp_missed_max", "ARPMissedMax", Unit::None),
    (
        "arp_validate",
        "ARPValidate",
        Unit::Word(&["none", "active", "backup", "all"]),
    ),
    ("downdelay", "DownDelaySec", Unit::Milliseconds),
    (
        "fail_over_mac",
        "FailOverMACPolicy",
        Unit::Word(&["none", "active", "follow"]),
    ),
    (
        "lacp_rate",
        "LACPTransmitRate",
        Unit::Word(&["slow", "fast"]),
    ),
    ("lp_interval", "LearnPacketIntervalSec", Unit::Seconds),
    ("miimon", "MIIMonitorSec", Unit::Milliseconds),
    ("min_links", "MinLinks", Unit::None),
    ("num_grat_arp", "GratuitousARP", Unit::None),
    ("packets_per_slave", "PacketsPerSlave", Unit::None),
    ("peer_notif_delay", "PeerNotifyDelaySec", Unit::Milliseconds),
    (
        "primary_reselect",
        "PrimaryReselectPolicy",
        Unit::Word(&["always", "better", "failure"]),
    ),
    ("resend_igmp", "ResendIGMP", Unit::None),
    (
        "tlb_dynamic_lb",
        "DynamicTransmitLoadBalancing",
        Unit::Switch,
    ),
    ("updelay", "UpDelaySec", Unit::Milliseconds),
    (
        "xmit_hash_policy",
        "TransmitHashPolicy",
        Unit::Word(HASH_POLICIES),
    ),
];

/// Whether `option` is allowed for a bond in a spec: the kernel's name, networkd's key, or
/// `primary`, which is a setting of the member.
pub fn is_bond_option(option: &str) -> bool {
    option == "primary"
        || OPTIONS
            .iter()
            .any(|(kernel, key, _)| *kernel == option || *key == option)
}

/// Returns what is wrong with the value of a known option, and how to write it.
pub fn wrong_bond_value(option: &str, value: &str) -> Option<(String, String)> {
    let (kernel, key, unit) = OPTIONS
        .iter()
        .find(|(kernel, key, _)| *kernel == option || *key == option)?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match unit {
        Unit::None | Unit::List => None,
        Unit::Word(words) if words.contains(&value) => None,
        Unit::Word(words) => Some((
            format!("`{value}` is not a value of `{option}`"),
            format!("use {}", words.join(", ")),
        )),
        Unit::Switch if matches!(value, "0" | "1" | "true" | "false" | "yes" | "no") => None,
        Unit::Switch => Some((
            format!("`{value}` is not a value of `{option}`"),
            "use true or false".to_owned(),
        )),
        // Meant as the kernel counts, nearly always: 100 seconds notice no failure in time.
        Unit::Milliseconds if option == *key && is_number(value) && value != "0" => Some((
            format!("`{option}: {value}` has no unit, and would mean seconds"),
            format!("write `{value}ms` or `{value}s`; the kernel's `{kernel}` counts milliseconds"),
        )),
        Unit::Milliseconds | Unit::Seconds => (!is_number(&time(value, 1, 1))).then(|| {
            (
                format!("`{value}` is not a time"),
                "write it like `100ms` or `1s`".to_owned(),
            )
        }),
    }
}

/// The kernel's name and value for `option`, which `NetworkManager` uses.
pub(super) fn kernel_setting<'a>(option: &'a str, value: &str) -> (&'a str, String) {
    let known = OPTIONS
        .iter()
        .find(|(kernel, key, _)| *kernel == option || *key == option);
    let Some((kernel, key, unit)) = known else {
        // `primary`, which only exists in the kernel.
        return (option, value.to_owned());
    };
    // networkd's own keys take bare numbers as seconds.
    let seconds = option == *key;
    let value = match unit {
        Unit::Milliseconds => time(value, if seconds { 1000 } else { 1 }, 1),
        Unit::Seconds => time(value, 1000, 1000),
        Unit::List => value
            .split([' ', ','])
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(","),
        Unit::Switch => match value {
            "yes" | "true" | "on" | "y" | "t" => "1".to_owned(),
            "no" | "false" | "off" | "n" | "f" => "0".to_owned(),
            other => other.to_owned(),
        },
        Unit::None | Unit::Word(_) => value.to_owned(),
    };
    (kernel, value)
}

/// A time span (`systemd.time(7)`) in units of `unit` milliseconds; a number without a unit stands
/// for `bare` milliseconds. Any other text is unchanged.
fn time(text: &str, bare: u64, unit: u64) -> String {
    let milliseconds = || {
        let mut sum = 0_u64;
        let mut rest = text.trim();
        while !rest.is_empty() {
            let digits = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            let (number, behind) = rest.split_at(digits);
            let behind = behind.trim_start();
            let letters = behind
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(behind.len());
            let (name, behind) = behind.split_at(letters);
            let factor = match name {
                "" => bare,
                "ms" | "msec" => 1,
                "s" | "sec" | "second" | "seconds" => 1000,
                "m" | "min" | "minute" | "minutes" => 60_000,
                _ => return None,
            };
            sum = sum.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
            rest = behind.trim_start();
        }
        Some(sum)
    };
    milliseconds().map_or_else(|| text.to_owned(), |sum| (sum / unit).to_string())
}

/// The key and value in `[Bond]` for `option`; `None` if it is not set there.
pub(super) fn setting(option: &str, value: &str) -> Option<(&'static str, String)> {
    let (_, key, unit) = OPTIONS
        .iter()
        .find(|(kernel, key, _)| *kernel == option || *key == option)?;
    let is_number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    // networkd's own keys take bare numbers as seconds; only the kernel's names count otherwise.
    let value = match unit {
        Unit::Milliseconds if is_number && option != *key => format!("{value}ms"),
        Unit::Seconds if is_number => format!("{value}s"),
        Unit::List => value.replace(',', " "),
        _ => value.to_owned(),
    };
    Some((key, value))
}

#[cfg(test)]
mod tests {
    use super::kernel_setting;

    #[test]
    fn settings_as_the_kernel_counts_them() {
        for (option, value, expected) in [
            ("miimon", "100", ("miimon", "100")),
            ("MIIMonitorSec", "1", ("miimon", "1000")),
            ("MIIMonitorSec", "1s 500ms", ("miimon", "1500")),
            ("UpDelaySec", "2min", ("updelay", "120000")),
            ("lp_interval", "5", ("lp_interval", "5")),
            ("LearnPacketIntervalSec", "2s", ("lp_interval", "2")),
            ("MIIMonitorSec", "soon", ("miimon", "soon")),
            (
                "ARPIPTargets",
                "10.0.0.1 10.0.0.2",
                ("arp_ip_target", "10.0.0.1,10.0.0.2"),
            ),
            ("AllSlavesActive", "yes", ("all_slaves_active", "1")),
            ("tlb_dynamic_lb", "0", ("tlb_dynamic_lb", "0")),
            ("LACPTransmitRate", "fast", ("lacp_rate", "fast")),
            ("primary", "eth0", ("primary", "eth0")),
        ] {
            let (name, set) = kernel_setting(option, value);
            assert_eq!((name, set.as_str()), expected, "{option}={value}");
        }
    }
}
