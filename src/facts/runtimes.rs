//! The container runtimes of a node: one row of facts each, so that no part needs to know which one
//! it works with.

use super::state;

/// The runtime of the kubelet's pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Runtime {
    /// The system's own.
    #[default]
    Containerd,
    /// From the folder of its programs.
    CriO,
}

/// The facts about one runtime.
#[derive(Debug, PartialEq, Eq)]
pub struct RuntimeFacts {
    /// The display name.
    pub title: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// The socket that the kubelet connects to.
    pub endpoint: &'static str,
    /// The folder of its images and containers.
    pub folder: &'static str,
    /// The name of that folder on a storage device.
    pub kept_as: &'static str,
    /// The mode that the runtime itself gives that folder.
    pub folder_mode: u32,
    /// The unit that imports the images that come with the node once it runs; `None`: it finds them
    /// itself.
    pub images_unit: Option<&'static str>,
}

const CONTAINERD: RuntimeFacts = RuntimeFacts {
    title: "containerd",
    unit: "containerd.service",
    endpoint: "unix:///run/containerd/containerd.sock",
    folder: state::CONTAINERD,
    kept_as: "containerd",
    folder_mode: 0o711,
    images_unit: Some("imgbuild-images.service"),
};

const CRI_O: RuntimeFacts = RuntimeFacts {
    title: "CRI-O",
    unit: "crio.service",
    endpoint: "unix:///run/crio/crio.sock",
    folder: state::CONTAINERS,
    kept_as: "containers",
    folder_mode: 0o711,
    images_unit: None,
};

impl Runtime {
    /// Returns the facts about it.
    pub fn facts(self) -> &'static RuntimeFacts {
        match self {
            Self::Containerd => &CONTAINERD,
            Self::CriO => &CRI_O,
        }
    }
}

/// The folder for CRI-O inside that of the node's images
/// ([`crate::facts::systems::Paths::images`]): configuration and an image store for each extension.
const CRI_O_FOLDER: &str = "crio";

/// Returns the image store (containers-storage.conf(5), `additionalimagestores`) of the extension
/// of that name.
pub fn image_store(images: &str, extension: &str) -> String {
    format!("{images}/{CRI_O_FOLDER}/{extension}")
}

/// Returns CRI-O's configuration for that extension (crio.conf.d(5)).
pub fn extension_settings(images: &str, extension: &str) -> String {
    format!("{}.conf", image_store(images, extension))
}

/// The facts about a shim.
#[derive(Debug)]
pub struct Shim {
    /// Its name in a spec.
    pub word: &'static str,
    /// containerd's `runtime_type`.
    pub name: &'static str,
    /// How its settings file is passed; `None`: not at all.
    pub settings_type: Option<&'static str>,
    /// Whether a privileged container gets the machine's devices. A virtual machine cannot take
    /// them.
    pub takes_devices: bool,
}

/// Shims with a name of their own in a spec (gvisor.dev, "Containerd Advanced Configuration"; Kata
/// Containers, docs/how-to/containerd-kata.md and docs/how-to/privileged.md).
pub const SHIMS: [Shim; 2] = [
    Shim {
        word: "gvisor",
        name: "io.containerd.runsc.v1",
        settings_type: Some("io.containerd.runsc.v1.options"),
        takes_devices: true,
    },
    Shim {
        word: "kata",
        name: "io.containerd.kata.v2",
        settings_type: None,
        takes_devices: false,
    },
];
