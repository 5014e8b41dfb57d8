//! Container images and registries of a node, decided.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::diagnostic::{Located, Span};
use crate::facts::systems::ContainerdConfig;
use crate::names::AbsolutePath;
use crate::oci::ImageName;

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
