//! Container images and registries of a node, decided.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::diagnostic::{Located, Span};
use crate::facts::systems::ContainerdConfig;
use crate::names::AbsolutePath;
use crate::oci::ImageName;

/// The configuration of containerd on a node.
#[derive(Debug, Clone)]
pub struct Containerd {
    pub images: Vec<Located<ImageSource>>,
    pub registries: Vec<Registry>,
    /// In addition to runc.
    pub runtimes: Vec<ContainerRuntime>,
    /// The runtime of pods that select none: `runc`, or one of `runtimes`; `None`: the node's
    /// default.
    pub default_runtime: Option<String>,
    pub config: ContainerdConfig,
    pub span: Span,
}

/// The runtime that every system with containerd has.
pub const RUNC: &str = "runc";

/// A runtime that runs containers in another way than runc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerRuntime {
    /// The name by which pods select it.
    pub name: String,
    pub kind: RuntimeKind,
}

/// How containerd runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeKind {
    /// By runc's shim, which runs this program instead of runc.
    Program(AbsolutePath),
    /// By its own shim.
    Shim {
        /// `io.containerd.kata.v2`
        name: String,
        /// Its program; `None`: containerd finds it by its name.
        program: Option<AbsolutePath>,
        /// A file on the node.
        settings: Option<AbsolutePath>,
    },
}

/// The label of nodes that have the runtime `name`, by which its pods find them.
pub fn runtime_label(name: &str) -> String {
    format!("runtime.imgbuild.local/{name}")
}

/// The source of an image to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSource {
    /// An archive, an OCI layout, or a folder of these on the build machine.
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
    /// Whether certificates are not verified.
    pub insecure: bool,
    pub credentials: Option<RegistryCredentials>,
    pub span: Span,
}

/// A mirror of a registry.
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

/// Does not show secrets.
impl fmt::Debug for RegistryCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryCredentials")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// The source of the Kubernetes programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Programs {
    /// A folder on the build machine.
    Folder(PathBuf),
    /// The URL of a site laid out like upstream's, without a trailing slash.
    Site(String),
}

/// The hashes of what a node downloads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// SHA-256 in hexadecimal, by program.
    pub programs: BTreeMap<String, String>,
    /// Digests by image, `sha256:…`.
    pub images: BTreeMap<String, String>,
}
