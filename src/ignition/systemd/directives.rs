//! The sections and settings that systemd 257, Debian 13's, knows in unit files: what `systemd
//! --dump-configuration-items` lists. Each list is in ASCII order.

/// `systemd.unit(5)`
#[rustfmt::skip]
const UNIT: &[&str] = &[
    "After", "AllowIsolate", "AssertACPower", "AssertArchitecture", "AssertCPUFeature", "AssertCPUPressure",
    "AssertCPUs", "AssertCapability", "AssertControlGroupController", "AssertCredential", "AssertDirectoryNotEmpty",
    "AssertEnvironment", "AssertFileIsExecutable", "AssertFileNotEmpty", "AssertFirstBoot", "AssertGroup",
    "AssertHost", "AssertIOPressure", "AssertKernelCommandLine", "AssertKernelVersion", "AssertMemory",
    "AssertMemoryPressure", "AssertNeedsUpdate", "AssertOSRelease", "AssertPathExists", "AssertPathExistsGlob",
    "AssertPathIsDirectory", "AssertPathIsEncrypted", "AssertPathIsMountPoint", "AssertPathIsReadWrite",
    "AssertPathIsSymbolicLink", "AssertSecurity", "AssertUser", "AssertVirtualization", "Before", "BindTo",
    "BindsTo", "CollectMode", "ConditionACPower", "ConditionArchitecture", "ConditionCPUFeature",
    "ConditionCPUPressure", "ConditionCPUs", "ConditionCapability", "ConditionControlGroupController",
    "ConditionCredential", "ConditionDirectoryNotEmpty", "ConditionEnvironment", "ConditionFileIsExecutable",
    "ConditionFileNotEmpty", "ConditionFirmware", "ConditionFirstBoot", "ConditionGroup", "ConditionHost",
    "ConditionIOPressure", "ConditionKernelCommandLine", "ConditionKernelVersion", "ConditionMemory",
    "ConditionMemoryPressure", "ConditionNeedsUpdate", "ConditionOSRelease", "ConditionPathExists",
    "ConditionPathExistsGlob", "ConditionPathIsDirectory", "ConditionPathIsEncrypted", "ConditionPathIsMountPoint",
    "ConditionPathIsReadWrite", "ConditionPathIsSymbolicLink", "ConditionSecurity", "ConditionUser",
    "ConditionVirtualization", "Conflicts", "DefaultDependencies", "Description", "Documentation", "FailureAction",
    "FailureActionExitStatus", "IgnoreOnIsolate", "JobRunningTimeoutSec", "JobTimeoutAction",
    "JobTimeoutRebootArgument", "JobTimeoutSec", "JoinsNamespaceOf", "OnFailure", "OnFailureIsolate",
    "OnFailureJobMode", "OnSuccess", "OnSuccessJobMode", "PartOf", "PropagateReloadFrom", "PropagateReloadTo",
    "PropagatesReloadTo", "PropagatesStopTo", "RebootArgument", "RefuseManualStart", "RefuseManualStop",
    "ReloadPropagatedFrom", "Requires", "RequiresMountsFor", "RequiresOverridable", "Requisite",
    "RequisiteOverridable", "SourcePath", "StartLimitAction", "StartLimitBurst", "StartLimitInterval",
    "StartLimitIntervalSec", "StopPropagatedFrom", "StopWhenUnneeded", "SuccessAction", "SuccessActionExitStatus",
    "SurviveFinalKillSignal", "Upholds", "Wants", "WantsMountsFor",
];

/// `systemd.unit(5)`, section `[Install]`
#[rustfmt::skip]
const INSTALL: &[&str] = &[
    "Alias", "Also", "DefaultInstance", "RequiredBy", "UpheldBy", "WantedBy",
];

/// `systemd.exec(5)`: for everything that runs programs
#[rustfmt::skip]
const EXEC: &[&str] = &[
    "AmbientCapabilities", "AppArmorProfile", "BindLogSockets", "BindPaths", "BindReadOnlyPaths", "CPUAffinity",
    "CPUSchedulingPolicy", "CPUSchedulingPriority", "CPUSchedulingResetOnFork", "CacheDirectory",
    "CacheDirectoryMode", "CapabilityBoundingSet", "ConfigurationDirectory", "ConfigurationDirectoryMode",
    "CoredumpFilter", "DynamicUser", "Environment", "EnvironmentFile", "ExecPaths", "ExecSearchPath",
    "ExtensionDirectories", "ExtensionImagePolicy", "ExtensionImages", "Group", "IOSchedulingClass",
    "IOSchedulingPriority", "IPCNamespacePath", "IgnoreSIGPIPE", "ImportCredential", "InaccessibleDirectories",
    "InaccessiblePaths", "KeyringMode", "LimitAS", "LimitCORE", "LimitCPU", "LimitDATA", "LimitFSIZE", "LimitLOCKS",
    "LimitMEMLOCK", "LimitMSGQUEUE", "LimitNICE", "LimitNOFILE", "LimitNPROC", "LimitRSS", "LimitRTPRIO",
    "LimitRTTIME", "LimitSIGPENDING", "LimitSTACK", "LoadCredential", "LoadCredentialEncrypted", "LockPersonality",
    "LogExtraFields", "LogFilterPatterns", "LogLevelMax", "LogNamespace", "LogRateLimitBurst",
    "LogRateLimitIntervalSec", "LogsDirectory", "LogsDirectoryMode", "MemoryDenyWriteExecute", "MemoryKSM",
    "MountAPIVFS", "MountFlags", "MountImagePolicy", "MountImages", "NUMAMask", "NUMAPolicy",
    "NetworkNamespacePath", "Nice", "NoExecPaths", "NoNewPrivileges", "OOMScoreAdjust", "PAMName",
    "PassEnvironment", "Personality", "PrivateDevices", "PrivateIPC", "PrivateMounts", "PrivateNetwork",
    "PrivatePIDs", "PrivateTmp", "PrivateUsers", "ProcSubset", "ProtectClock", "ProtectControlGroups",
    "ProtectHome", "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables",
    "ProtectProc", "ProtectSystem", "ReadOnlyDirectories", "ReadOnlyPaths", "ReadWriteDirectories",
    "ReadWritePaths", "RemoveIPC", "RestrictAddressFamilies", "RestrictFileSystems", "RestrictNamespaces",
    "RestrictRealtime", "RestrictSUIDSGID", "RootDirectory", "RootEphemeral", "RootHash", "RootHashSignature",
    "RootImage", "RootImageOptions", "RootImagePolicy", "RootVerity", "RuntimeDirectory", "RuntimeDirectoryMode",
    "RuntimeDirectoryPreserve", "SELinuxContext", "SecureBits", "SetCredential", "SetCredentialEncrypted",
    "SetLoginEnvironment", "SmackProcessLabel", "StandardError", "StandardInput", "StandardInputData",
    "StandardInputText", "StandardOutput", "StateDirectory", "StateDirectoryMode", "SupplementaryGroups",
    "SyslogFacility", "SyslogIdentifier", "SyslogLevel", "SyslogLevelPrefix", "SystemCallArchitectures",
    "SystemCallErrorNumber", "SystemCallFilter", "SystemCallLog", "TTYColumns", "TTYPath", "TTYReset", "TTYRows",
    "TTYVHangup", "TTYVTDisallocate", "TemporaryFileSystem", "TimeoutCleanSec", "TimeoutSec", "TimerSlackNSec",
    "UMask", "UnsetEnvironment", "User", "UtmpIdentifier", "UtmpMode", "WorkingDirectory",
];

/// `systemd.kill(5)`
#[rustfmt::skip]
const KILL: &[&str] = &[
    "FinalKillSignal", "KillMode", "KillSignal", "RestartKillSignal", "SendSIGHUP", "SendSIGKILL", "WatchdogSignal",
];

/// `systemd.resource-control(5)`
#[rustfmt::skip]
const RESOURCES: &[&str] = &[
    "AllowedCPUs", "AllowedMemoryNodes", "BPFProgram", "BlockIOAccounting", "BlockIODeviceWeight",
    "BlockIOReadBandwidth", "BlockIOWeight", "BlockIOWriteBandwidth", "CPUAccounting", "CPUQuota",
    "CPUQuotaPeriodSec", "CPUShares", "CPUWeight", "CoredumpReceive", "DefaultMemoryLow", "DefaultMemoryMin",
    "DefaultStartupMemoryLow", "Delegate", "DelegateSubgroup", "DeviceAllow", "DevicePolicy", "DisableControllers",
    "IOAccounting", "IODeviceLatencyTargetSec", "IODeviceWeight", "IOReadBandwidthMax", "IOReadIOPSMax", "IOWeight",
    "IOWriteBandwidthMax", "IOWriteIOPSMax", "IPAccounting", "IPAddressAllow", "IPAddressDeny",
    "IPEgressFilterPath", "IPIngressFilterPath", "ManagedOOMMemoryPressure", "ManagedOOMMemoryPressureDurationSec",
    "ManagedOOMMemoryPressureLimit", "ManagedOOMPreference", "ManagedOOMSwap", "MemoryAccounting", "MemoryHigh",
    "MemoryLimit", "MemoryLow", "MemoryMax", "MemoryMin", "MemoryPressureThresholdSec", "MemoryPressureWatch",
    "MemorySwapMax", "MemoryZSwapMax", "MemoryZSwapWriteback", "NFTSet", "RestrictNetworkInterfaces", "Slice",
    "SocketBindAllow", "SocketBindDeny", "StartupAllowedCPUs", "StartupAllowedMemoryNodes", "StartupBlockIOWeight",
    "StartupCPUShares", "StartupCPUWeight", "StartupIOWeight", "StartupMemoryHigh", "StartupMemoryLow",
    "StartupMemoryMax", "StartupMemorySwapMax", "StartupMemoryZSwapMax", "TasksAccounting", "TasksMax",
];

/// `systemd.service(5)`
#[rustfmt::skip]
const SERVICE: &[&str] = &[
    "BusName", "ExecCondition", "ExecReload", "ExecStart", "ExecStartPost", "ExecStartPre", "ExecStop",
    "ExecStopPost", "ExitType", "FailureAction", "FileDescriptorStoreMax", "FileDescriptorStorePreserve",
    "GuessMainPID", "NonBlocking", "NotifyAccess", "OOMPolicy", "OpenFile", "PIDFile", "PermissionsStartOnly",
    "RebootArgument", "ReloadSignal", "RemainAfterExit", "Restart", "RestartForceExitStatus", "RestartMaxDelaySec",
    "RestartMode", "RestartPreventExitStatus", "RestartSec", "RestartSteps", "RootDirectoryStartOnly",
    "RuntimeMaxSec", "RuntimeRandomizedExtraSec", "Sockets", "StartLimitAction", "StartLimitBurst",
    "StartLimitInterval", "SuccessExitStatus", "TimeoutAbortSec", "TimeoutStartFailureMode", "TimeoutStartSec",
    "TimeoutStopFailureMode", "TimeoutStopSec", "Type", "USBFunctionDescriptors", "USBFunctionStrings",
    "WatchdogSec",
];

/// `systemd.socket(5)`
#[rustfmt::skip]
const SOCKET: &[&str] = &[
    "Accept", "Backlog", "BindIPv6Only", "BindToDevice", "Broadcast", "DeferAcceptSec", "DirectoryMode",
    "ExecStartPost", "ExecStartPre", "ExecStopPost", "ExecStopPre", "FileDescriptorName", "FlushPending",
    "FreeBind", "IPTOS", "IPTTL", "KeepAlive", "KeepAliveIntervalSec", "KeepAliveProbes", "KeepAliveTimeSec",
    "ListenDatagram", "ListenFIFO", "ListenMessageQueue", "ListenNetlink", "ListenSequentialPacket",
    "ListenSpecial", "ListenStream", "ListenUSBFunction", "Mark", "MaxConnections", "MaxConnectionsPerSource",
    "MessageQueueMaxMessages", "MessageQueueMessageSize", "NoDelay", "PassCredentials", "PassFileDescriptorsToExec",
    "PassPacketInfo", "PassSecurity", "PipeSize", "PollLimitBurst", "PollLimitIntervalSec", "Priority",
    "ReceiveBuffer", "RemoveOnStop", "ReusePort", "SELinuxContextFromNet", "SendBuffer", "Service", "SmackLabel",
    "SmackLabelIPIn", "SmackLabelIPOut", "SocketGroup", "SocketMode", "SocketProtocol", "SocketUser", "Symlinks",
    "TCPCongestion", "Timestamping", "Transparent", "TriggerLimitBurst", "TriggerLimitIntervalSec", "Writable",
];

/// `systemd.mount(5)`
#[rustfmt::skip]
const MOUNT: &[&str] = &[
    "DirectoryMode", "ForceUnmount", "LazyUnmount", "Options", "ReadWriteOnly", "SloppyOptions", "Type", "What",
    "Where",
];

/// `systemd.swap(5)`
#[rustfmt::skip]
const SWAP: &[&str] = &[
    "Options", "Priority", "What",
];

/// `systemd.scope(5)`
#[rustfmt::skip]
const SCOPE: &[&str] = &[
    "OOMPolicy", "RuntimeMaxSec", "RuntimeRandomizedExtraSec", "TimeoutStopSec",
];

/// `systemd.automount(5)`
#[rustfmt::skip]
const AUTOMOUNT: &[&str] = &[
    "DirectoryMode", "ExtraOptions", "TimeoutIdleSec", "Where",
];

/// `systemd.timer(5)`
#[rustfmt::skip]
const TIMER: &[&str] = &[
    "AccuracySec", "DeferReactivation", "FixedRandomDelay", "OnActiveSec", "OnBootSec", "OnCalendar",
    "OnClockChange", "OnStartupSec", "OnTimezoneChange", "OnUnitActiveSec", "OnUnitInactiveSec", "Persistent",
    "RandomizedDelaySec", "RemainAfterElapse", "Unit", "WakeSystem",
];

/// `systemd.path(5)`
#[rustfmt::skip]
const PATH: &[&str] = &[
    "DirectoryMode", "DirectoryNotEmpty", "MakeDirectory", "PathChanged", "PathExists", "PathExistsGlob",
    "PathModified", "TriggerLimitBurst", "TriggerLimitIntervalSec", "Unit",
];

/// A section of unit files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: &'static str,
    /// The only unit type, by its suffix, that has it; `None`: all do.
    pub(super) of: Option<&'static str>,
    settings: &'static [&'static [&'static str]],
}

/// All sections.
pub(super) const SECTIONS: &[Section] = &[
    Section {
        name: "Unit",
        of: None,
        settings: &[UNIT],
    },
    Section {
        name: "Install",
        of: None,
        settings: &[INSTALL],
    },
    Section {
        name: "Service",
        of: Some("service"),
        settings: &[SERVICE, EXEC, KILL, RESOURCES],
    },
    Section {
        name: "Socket",
        of: Some("socket"),
        settings: &[SOCKET, EXEC, KILL, RESOURCES],
    },
    Section {
        name: "Mount",
        of: Some("mount"),
        settings: &[MOUNT, EXEC, KILL, RESOURCES],
    },
    Section {
        name: "Swap",
        of: Some("swap"),
        settings: &[SWAP, EXEC, KILL, RESOURCES],
    },
    Section {
        name: "Scope",
        of: Some("scope"),
        settings: &[SCOPE, KILL, RESOURCES],
    },
    Section {
        name: "Slice",
        of: Some("slice"),
        settings: &[RESOURCES],
    },
    Section {
        name: "Automount",
        of: Some("automount"),
        settings: &[AUTOMOUNT],
    },
    Section {
        name: "Timer",
        of: Some("timer"),
        settings: &[TIMER],
    },
    Section {
        name: "Path",
        of: Some("path"),
        settings: &[PATH],
    },
];

impl Section {
    /// Returns whether the section has the setting `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.settings
            .iter()
            .any(|list| list.binary_search(&key).is_ok())
    }

    /// Returns all its settings.
    pub(super) fn settings(&self) -> impl Iterator<Item = &'static str> {
        self.settings.iter().flat_map(|list| list.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_in_order() {
        for section in SECTIONS {
            for list in section.settings {
                assert!(list.is_sorted(), "{}", section.name);
            }
        }
    }
}
