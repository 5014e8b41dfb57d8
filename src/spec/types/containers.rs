//! `containerd:` and `kubernetes.artifacts:`, where images and programs come from.

use serde_json::{Value as Json, json};

use crate::diagnostic::{Located, codes};
use crate::facts::runtimes::Runtime;
use crate::facts::systems::ContainerdConfig;
use crate::names::AbsolutePath;
use crate::spec::decode::{
    Decode, Decoder, Leaf, LeafError, Schemas, Table, record, unknown_word, words,
};
use crate::spec::values::{
    ImageEntry, LocalText, ProgramsFolder, RegistryHost, RegistryUrl, RuntimeName, RuntimeShim,
};
use crate::spec::yaml::{Node, Scalar, Value};

/// The words for what runs containers.
const RUNTIMES: [&str; 2] = ["containerd", "cri-o"];

record! {
    /// The container runtime, containerd or CRI-O: images that the node has with it, and where it
    /// finds registries.
    pub struct Containerd {
        /// Images to embed, which the node then has without any network: paths (they start with
        /// `./`, `../` or `/`, or end in `.tar`) of OCI archives, OCI layouts, archives of `docker
        /// save` or folders of these; or names, which are fetched from their registries when the
        /// image is built, and pinned in imgbuild.lock.
        pub images: Vec<Located<ImageEntry>>,
        /// Registries by host name, as in `docker.io`: mirrors, certificates and who the node is to
        /// them.
        pub registries: Table<RegistryHost, Registry>,
        /// Runtimes beside `runc`, by the names that pods ask for them by (`runtimeClassName`).
        pub runtimes: Table<RuntimeName, ContainerRuntime>,
        /// The runtime of pods that ask for none; `runc` where nothing is said.
        pub default_runtime: Option<Located<RuntimeName>>,
        /// The version of containerd's settings: 2 for containerd 1.x, 3 for 2.x; what the target's
        /// containerd reads where nothing is said.
        pub config_version: Option<Located<ContainerdConfig>>,
    }
    "a container runtime"
}

record! {
    /// How the node reaches a registry.
    pub struct Registry {
        /// Where to look first, in this order: URLs such as `https://mirror.example:5000`, with the
        /// path of a prefix or without.
        pub mirrors: Vec<Located<RegistryUrl>>,
        /// A file beside the spec with the certificate authority, in PEM, of the mirrors, or of the
        /// registry where there are none.
        pub ca: Option<Located<LocalText>>,
        /// Whether certificates are not checked at all.
        pub insecure: Option<Located<bool>>,
        /// Who the node is to this registry.
        pub username: Option<Located<String>>,
        /// A file beside the spec whose first line is the password, or the token.
        pub password_file: Option<Located<LocalText>>,
    }
    "a registry"
}

record! {
    /// What runs containers in its own way: a program as runc is one, or a shim.
    pub struct ContainerRuntime {
        /// A program on the node that takes runc's arguments, such as crun or
        /// nvidia-container-runtime.
        pub binary: Option<Located<AbsolutePath>>,
        /// `gvisor`, `kata`, or the name of another shim of containerd's, such as
        /// `io.containerd.wasmtime.v1`.
        pub shim: Option<Located<RuntimeShim>>,
        /// The shim's program, where it is not in a folder of the system's programs.
        pub shim_path: Option<Located<AbsolutePath>>,
        /// The shim's own settings, a file on the node.
        pub config: Option<Located<AbsolutePath>>,
    }
    "a container runtime", exactly_one(binary, shim)
}

impl Leaf for ContainerdConfig {
    const WHAT: &'static str = "a containerd configuration version";

    fn schema() -> Json {
        json!({ "enum": Self::ALL.map(|version| version.as_str().parse::<u8>().ok()) })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let known = Self::ALL
            .iter()
            .find(|version| version.as_str() == &*scalar.text);
        known.copied().ok_or_else(|| {
            let words = Self::ALL.map(Self::as_str);
            unknown_word(&scalar.text, <Self as Leaf>::WHAT, &words)
        })
    }
}

/// Where programs and images of Kubernetes come from.
#[derive(Debug, Clone, PartialEq)]
pub enum KubernetesArtifacts {
    /// With all defaults.
    Mode(Located<KubernetesArtifactsMode>),
    /// With settings.
    Settings(KubernetesArtifactsSettings),
}

impl Decode for KubernetesArtifacts {
    fn schema(schemas: &mut Schemas) -> Json {
        json!({ "anyOf": [KubernetesArtifactsMode::schema(), KubernetesArtifactsSettings::schema(schemas)] })
    }

    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if matches!(node.value, Value::Map(_)) {
            KubernetesArtifactsSettings::decode(node, decoder).map(Self::Settings)
        } else {
            Located::decode(node, decoder).map(Self::Mode)
        }
    }
}

words! {
    /// Who brings programs and images to the node.
    pub enum KubernetesArtifactsMode {
        /// The image holds them.
        Embed = "embed",
        /// The node fetches them at its first boot.
        Pull = "pull",
    }
    "an artifact source"
}

record! {
    /// Where programs and images come from.
    pub struct KubernetesArtifactsSettings {
        /// `embed` where nothing is said.
        pub mode: Option<Located<KubernetesArtifactsMode>>,
        /// A folder of the programs (with `embed`), or the URL of a site that has them as
        /// `https://dl.k8s.io` does: in `/v1.36.2/bin/linux/amd64/`.
        pub programs: Option<Located<ProgramsFolder>>,
        /// With `embed`: images as in `containerd.images`. What the node needs (CoreDNS, flannel)
        /// and none of these is gets fetched from its registry when the image is built; `[]`
        /// fetches all. Without `images`, programs alone are embedded.
        pub images: Option<Vec<Located<ImageEntry>>>,
        /// With `embed`, for a system that has no CNI plugins: the folder of bridge, host-local,
        /// loopback and portmap; where nothing is said, that of the programs.
        pub cni_plugins: Option<Located<ProgramsFolder>>,
    }
    "an artifact source"
}

/// The decided type itself: there is nothing to decide about it.
impl Leaf for Runtime {
    const WHAT: &'static str = "a container runtime";

    fn schema() -> Json {
        json!({ "enum": RUNTIMES })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        match &*scalar.text {
            "containerd" => Ok(Self::Containerd),
            "cri-o" | "crio" => Ok(Self::CriO),
            "docker" | "dockershim" => Err(LeafError {
                label: Some("Kubernetes dropped Docker in 1.24".to_owned()),
                ..LeafError::new(codes::NO_SUCH_RUNTIME, "the kubelet cannot use Docker")
            }
            .help("use `containerd` or `cri-o`, which run the same images")),
            other => Err(unknown_word(other, Self::WHAT, &RUNTIMES)),
        }
    }
}
