//! What happens to a machine, as far as its console and its emulator tell.

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
    /// The node says that it is up: `imgbuild: <hostname>: ready`.
    Ready { hostname: String },
    /// The node says that units failed: `imgbuild: <hostname>: failed: <units>`.
    Failed { hostname: String, units: String },
    /// `imgbuild: ignition failed: <reason>`.
    IgnitionFailed { reason: String },
    /// The kernel gave up: the text after `Kernel panic - not syncing: `.
    Panic { reason: String },
    /// The guest switched the machine off, or the firmware found nothing to boot and did.
    PoweredOff,
    /// The guest or its firmware started the machine anew.
    Reset,
    /// The emulator ended.
    Exited,
}
