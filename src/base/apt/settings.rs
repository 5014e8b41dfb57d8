//! apt's configuration: its own folders, the archive's suites, and signed packages only.

use std::fmt::Write as _;

use crate::base::mirror::Mirror;
use crate::facts::debian::BaseKind;
use crate::names::Arch;

/// The archive's keys, as the package `debian-archive-keyring` installs them.
pub const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The suites that packages are taken from, each with its archive's base URI.
pub fn suites<'a>(kind: &BaseKind, mirror: &'a Mirror) -> [(&'a String, String); 3] {
    let release = kind.release.facts().suite;
    [
        (&mirror.main, release.to_owned()),
        (&mirror.main, format!("{release}-updates")),
        (&mirror.security, format!("{release}-security")),
    ]
}

/// The component of the archive that firmware and microcode are in.
pub const FIRMWARE_COMPONENT: &str = "non-free-firmware";

/// sources.list(5).
pub fn sources(kind: &BaseKind, mirror: &Mirror) -> String {
    let arch = kind.arch;
    let more = if kind.firmware().is_empty() && !kind.has_microcode() {
        String::new()
    } else {
        format!(" {FIRMWARE_COMPONENT}")
    };
    let mut text = String::new();
    for (uri, suite) in suites(kind, mirror) {
        let _ = writeln!(
            text,
            "deb [arch={arch} target=Packages signed-by={KEYRING}] {uri} {suite} main{more}"
        );
    }
    text
}

/// apt.conf(5). Read after the host's own configuration, which proxies and the like are taken from.
pub fn configuration(root: &str, arch: Arch) -> String {
    let mut text = String::new();
    for list in [
        "APT::Architectures",
        "Acquire::Max-ValidTime",
        "Acquire::Min-ValidTime",
        "APT::Update::Pre-Invoke",
        "APT::Update::Post-Invoke",
        "APT::Update::Post-Invoke-Success",
        "APT::Install::Pre-Invoke",
        "APT::Install::Post-Invoke-Success",
        "DPkg::Pre-Install-Pkgs",
        "DPkg::Pre-Invoke",
        "DPkg::Post-Invoke",
    ] {
        let _ = writeln!(text, "#clear {list};");
    }
    let arch = arch.as_str();
    let under = |name: &str| format!("{root}/{name}");
    let settings: &[(&str, &str)] = &[
        ("Dir::State", &under("state/")),
        ("Dir::State::lists", "lists/"),
        (
            "Dir::State::extended_states",
            &under("state/extended_states"),
        ),
        ("Dir::State::status", &under("status")),
        ("Dir::Cache", &under("cache/")),
        ("Dir::Cache::archives", "archives/"),
        ("Dir::Etc::SourceList", &under("sources.list")),
        ("Dir::Etc::SourceParts", "/dev/null"),
        ("Dir::Etc::Preferences", "/dev/null"),
        ("Dir::Etc::PreferencesParts", "/dev/null"),
        ("Dir::Log", &under("log/")),
        ("APT::Architecture", arch),
        ("APT::Architectures::", arch),
        ("APT::Default-Release", ""),
        ("APT::Install-Recommends", "false"),
        ("APT::Install-Suggests", "false"),
        ("APT::Get::AllowUnauthenticated", "false"),
        // The cache is the user's own folder, where apt's own user cannot go when root builds.
        ("APT::Sandbox::User", "root"),
        // An index that cannot be fetched is an error; otherwise an old state would pass for the
        // current one.
        ("APT::Update::Error-Mode", "any"),
        // Whatever the host says of its own mirrors. How old an index may be is decided here, with
        // a message that says what to do (`release.rs`).
        ("Acquire::Check-Date", "true"),
        ("Acquire::Check-Valid-Until", "false"),
        ("Acquire::AllowInsecureRepositories", "false"),
        ("Acquire::AllowWeakRepositories", "false"),
        ("Acquire::AllowDowngradeToInsecureRepositories", "false"),
        ("Acquire::AllowReleaseInfoChange", "false"),
        ("Acquire::ForceHash", "SHA256"),
        ("Acquire::Languages", "none"),
    ];
    for (key, value) in settings {
        let _ = writeln!(text, "{key} \"{value}\";");
    }
    text
}
