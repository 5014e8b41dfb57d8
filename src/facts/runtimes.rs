//! What runs the containers of a node: one row of facts a runtime, so that no part asks which one
//! it has before it.

/// What the kubelet has its pods run by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Runtime {
    /// The system's own.
    #[default]
    Containerd,
    /// From a folder of its programs.
    CriO,
}

/// What is true of one runtime.
#[derive(Debug, PartialEq, Eq)]
pub struct RuntimeFacts {
    /// For people.
    pub title: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Where it listens, as the kubelet is told.
    pub endpoint: &'static str,
    /// Where it keeps images and containers.
    pub folder: &'static str,
    /// The name of that folder on a storage device.
    pub kept_as: &'static str,
    /// The mode that it gives that folder itself.
    pub folder_mode: u32,
    /// The unit that tells it, once it runs, of the images that came with the node; `None`: it
    /// finds them.
    pub images_unit: Option<&'static str>,
}

const CONTAINERD: RuntimeFacts = RuntimeFacts {
    title: "containerd",
    unit: "containerd.service",
    endpoint: "unix:///run/containerd/containerd.sock",
    folder: "/var/lib/containerd",
    kept_as: "containerd",
    folder_mode: 0o711,
    images_unit: Some("imgbuild-images.service"),
};

const CRI_O: RuntimeFacts = RuntimeFacts {
    title: "CRI-O",
    unit: "crio.service",
    endpoint: "unix:///run/crio/crio.sock",
    // With podman's, buildah's and skopeo's (containers-storage.conf(5), `graphroot`).
    folder: "/var/lib/containers",
    kept_as: "containers",
    folder_mode: 0o711,
    images_unit: None,
};

impl Runtime {
    /// What is true of it.
    pub fn facts(self) -> &'static RuntimeFacts {
        match self {
            Self::Containerd => &CONTAINERD,
            Self::CriO => &CRI_O,
        }
    }
}

/// The folder of what a node has for CRI-O, in that of its images
/// ([`crate::facts::systems::Paths::images`]): settings and a store of images for each extension.
const CRI_O_FOLDER: &str = "crio";

/// The store of images (containers-storage.conf(5), `additionalimagestores`) of the extension by
/// that name.
pub fn image_store(images: &str, extension: &str) -> String {
    format!("{images}/{CRI_O_FOLDER}/{extension}")
}

/// CRI-O's settings that go with that extension (crio.conf.d(5)).
pub fn extension_settings(images: &str, extension: &str) -> String {
    format!("{}.conf", image_store(images, extension))
}

/// What is true of a shim.
#[derive(Debug)]
pub struct Shim {
    /// The word for it in a spec.
    pub word: &'static str,
    /// containerd's `runtime_type`.
    pub name: &'static str,
    /// What its settings are told to be; `None`: nothing.
    pub settings_type: Option<&'static str>,
    /// Whether a privileged container gets the machine's devices. A virtual machine cannot take
    /// them.
    pub takes_devices: bool,
}

/// Shims that a spec has words for (gvisor.dev, "Containerd Advanced Configuration"; Kata
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
