//! Container images and registries of a node, decided.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::diagnostic::{Located, Span};
use crate::names::{AbsolutePath, Arch};
use crate::oci::ImageName;
use crate::plan::{ImageRef, ImageUse, Images, Kubernetes, Node, needed_images};
use crate::registry::Pins;
use crate::target::ContainerdConfig;

/// What containerd has and knows on a node.
#[derive(Debug, Clone)]
pub struct Containerd {
    pub images: Vec<Located<ImageSource>>,
    pub registries: Vec<Registry>,
    /// Beside runc.
    pub runtimes: Vec<ContainerRuntime>,
    /// Of pods that ask for none: `runc`, or one of `runtimes`; `None`: what the node has.
    pub default_runtime: Option<String>,
    pub config: ContainerdConfig,
    pub span: Span,
}

/// The runtime that a system with containerd has.
pub const RUNC: &str = "runc";

/// What runs containers in another way than runc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerRuntime {
    /// What pods ask for.
    pub name: String,
    pub kind: RuntimeKind,
}

/// How containerd runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeKind {
    /// By runc's shim, which runs this program in runc's place.
    Program(AbsolutePath),
    /// By a shim of its own.
    Shim {
        /// `io.containerd.kata.v2`
        name: String,
        /// Its program; `None`: containerd finds it by its name.
        program: Option<AbsolutePath>,
        /// A file on the node.
        settings: Option<AbsolutePath>,
    },
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

/// The label of nodes that have the runtime `name`, by which its pods find them.
pub fn runtime_label(name: &str) -> String {
    format!("runtime.imgbuild.local/{name}")
}

/// Where an image to embed comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSource {
    /// An archive, a layout, or a folder of these on the machine that builds.
    Path(PathBuf),
    /// A registry.
    Name(ImageName),
}

/// How a node reaches a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// `docker.io`
    pub host: String,
    pub mirrors: Vec<RegistryMirror>,
    /// Certificates in PEM.
    pub ca: Option<String>,
    /// Whether certificates are not checked.
    pub insecure: bool,
    pub credentials: Option<RegistryCredentials>,
    pub span: Span,
}

/// Where to look instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryMirror {
    /// `https://mirror.example:5000`
    pub server: String,
    /// May be empty.
    pub prefix: String,
}

/// User and password.
#[derive(Clone, PartialEq, Eq)]
pub struct RegistryCredentials {
    pub username: String,
    pub password: String,
}

/// Shows no secret.
impl fmt::Debug for RegistryCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryCredentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Where the programs of Kubernetes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Programs {
    /// A folder on the machine that builds.
    Folder(PathBuf),
    /// The URL of a site laid out as upstream's, without a slash at the end.
    Site(String),
}

/// What is known of things that a node fetches: hashes, by which it knows them again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// SHA-256 in hexadecimal, by program.
    pub programs: BTreeMap<String, String>,
    /// Digests by image, `sha256:…`.
    pub images: BTreeMap<String, String>,
}

/// The name of the image of programs that is laid over a node's system.
pub const PROGRAMS_EXTENSION: &str = "kubernetes";

/// The name of that of container images.
pub const IMAGES_EXTENSION: &str = "images";

/// The images that a node has with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmbeddedImages {
    /// As the spec lists them.
    pub listed: Vec<ImageSource>,
    /// What the node asks for by itself.
    pub needed: Vec<ImageRef>,
}

/// The images to embed in `node`; `None`: no more than what goes with the programs.
pub fn embedded_images(node: &Node) -> Option<EmbeddedImages> {
    let mut all = EmbeddedImages::default();
    let own = node
        .containerd
        .iter()
        .flat_map(|containerd| &containerd.images);
    all.listed.extend(own.map(|image| image.value.clone()));
    if let Some(kubernetes) = &node.kubernetes
        && let Images::Embedded {
            images: Some(images),
            ..
        } = &kubernetes.images
    {
        all.listed
            .extend(images.iter().map(|image| image.value.clone()));
        let needed = needed_images(kubernetes).into_iter();
        all.needed
            .extend(needed.filter(|image| !image.used_for.is_in_programs()));
    }
    (!all.listed.is_empty() || !all.needed.is_empty()).then_some(all)
}

/// What a node fetches of the programs; pods have the others in their images.
pub const FETCHED_PROGRAMS: [&str; 2] = ["kubelet", "kubectl"];

impl Kubernetes {
    /// Notes what `pins` know of what the node fetches. Nothing for a node that has everything with
    /// it.
    pub(super) fn pin(&mut self, arch: Arch, pins: &Pins) {
        let Images::Pulled { .. } = &self.images else {
            return;
        };
        let version = self.version.value.to_string();
        let mut known = Fetched::default();
        for name in FETCHED_PROGRAMS {
            if let Some(digest) = pins.program(&version, arch, name) {
                let hex = digest.trim_start_matches("sha256:").to_owned();
                known.programs.insert(name.to_owned(), hex);
            }
        }
        for image in needed_images(self) {
            let name = image.to_string();
            if let Some(digest) = pins.image(&name) {
                known.images.insert(name, digest.to_owned());
            }
        }
        if let Images::Pulled { known: old, .. } = &mut self.images {
            *old = known;
        }
    }

    /// The name by which pods of this node ask for what is `used_for`: with its digest, where the
    /// lock has one.
    pub fn image(&self, used_for: ImageUse) -> String {
        if !self.is_pulled() && used_for.is_in_programs() {
            return crate::oci::NODE_IMAGE.to_owned();
        }
        let all = needed_images(self);
        let image = all.iter().find(|image| image.used_for == used_for);
        let name = image.map(ToString::to_string).unwrap_or_default();
        let digest = match &self.images {
            Images::Pulled { known, .. } => known.images.get(&name),
            Images::Embedded { .. } => None,
        };
        match digest {
            Some(digest) => format!("{name}@{digest}"),
            None => name,
        }
    }

    /// Whether the node fetches its programs and images.
    pub fn is_pulled(&self) -> bool {
        matches!(self.images, Images::Pulled { .. })
    }
}
