//! Events of a machine, as reported by its console and its emulator.

/// Something happened to a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// [`super::Machine::name`]
    pub machine: String,
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// The node reports that it is up: `imgbuild: <hostname>: ready`.
    Ready { hostname: String },
    /// The node reports failed units: `imgbuild: <hostname>: failed: <units>`.
    Failed { hostname: String, units: String },
    /// `imgbuild: ignition failed: <reason>`.
    IgnitionFailed { reason: String },
    /// The kernel gave up: the text after `Kernel panic - not syncing: `.
    Panic { reason: String },
    /// The guest powered the machine off, or the firmware did because it found nothing to boot.
    PoweredOff,
    /// The guest or its firmware reset the machine.
    Reset,
    /// The emulator exited.
    Exited,
}
