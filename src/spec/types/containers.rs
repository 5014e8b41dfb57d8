//! `containerd:` and `kubernetes.artifacts:`, where images and programs come from.

use serde_json::{Value as Json, json};

use crate::diagnostic::{Located, codes};
use crate::facts::runtimes::Runtime;
use crate::facts::systems::ContainerdConfig;
use crate::names::AbsolutePath;
use crate::spec::decode::{
    Decode, Decoder, Leaf, LeafError, Schemas, Table, record, unknown_word, word_leaf,
};
use crate::spec::values::{
    ImageEntry, LocalText, ProgramsFolder, RegistryHost, RegistryUrl, RuntimeName, RuntimeShim,
};
use crate::spec::yaml::{Node, Scalar, Value};
use crate::words::words;

/// The words for what runs containers.
const RUNTIMES: [&str; 2] = ["containerd", "cri-o"];

record! {
    /// The container runtime, containerd or CRI-O: images that the node has from the start, and how
    /// it reaches registries.
    pub struct Containerd {
        /// Images to embed, which the node then has without any network. Either paths of OCI
        /// archives, OCI layouts, archives of `docker save`, or folders of these; a path starts
        /// with `./`, `../` or `/`, or ends in `.tar`. Or names, which are fetched from their
        /// registries when the image is built, and pinned in imgbuild.lock.
        #[example = "[./pause.tar, docker.io/library/busybox:1.37]"]
        pub images: Vec<Located<ImageEntry>>,
        /// Registries by host name: mirrors, certificates, and the credentials of the node.
        #[example = "{docker.io: {mirrors: ['https://mirror.example:5000']}}"]
        pub registries: Table<RegistryHost, Registry>,
        /// Runtimes besides `runc`, by the names that pods ask for (`runtimeClassName`).
        #[example = "{gvisor: {shim: gvisor}}"]
        pub runtimes: Table<RuntimeName, ContainerRuntime>,
        /// The runtime of pods that do not ask for one.
        #[otherwise = "`runc`, or with CRI-O the one that its programs come with"]
        #[example = "gvisor"]
        pub default_runtime: Option<Located<RuntimeName>>,
        /// The version of containerd's configuration: 2 for containerd 1.x, 3 for 2.x.
        #[otherwise = "the version for the containerd of the target"]
        pub config_version: Option<Located<ContainerdConfig>>,
    }
    "a container runtime"
}

record! {
    /// How the node reaches a registry.
    pub struct Registry {
        /// URLs to try first, in this order, with the path of a prefix or without.
        #[example = "['https://mirror.example:5000']"]
        pub mirrors: Vec<Located<RegistryUrl>>,
        /// A file beside the spec with the certificate authority, in PEM, of the mirrors, or of the
        /// registry itself where there are no mirrors.
        #[example = "registry-ca.pem"]
        pub ca: Option<Located<LocalText>>,
        /// Whether to skip the check of certificates, and to try plain HTTP where the registry
        /// itself has no TLS.
        #[default = "false"]
        pub insecure: Option<Located<bool>>,
        /// The name to log in to this registry with.
        #[example = "node"]
        pub username: Option<Located<String>>,
        /// A file beside the spec whose first line is the password or the token.
        #[example = "registry-password"]
        pub password_file: Option<Located<LocalText>>,
    }
    "a registry"
}

record! {
    /// Another way to run containers: a program like runc, or a shim.
    pub struct ContainerRuntime {
        /// A program on the node that takes the same arguments as runc, such as crun or
        /// nvidia-container-runtime.
        #[example = "/usr/bin/crun"]
        pub binary: Option<Located<AbsolutePath>>,
        /// `gvisor`, `kata`, or the name of another containerd shim.
        #[example = "io.containerd.wasmtime.v1"]
        pub shim: Option<Located<RuntimeShim>>,
        /// The program of the shim, if it is not in a folder on the system's path.
        #[example = "/opt/bin/containerd-shim-wasmtime-v1"]
        pub shim_path: Option<Located<AbsolutePath>>,
        /// The configuration of the shim, a file on the node.
        #[example = "/etc/kata-containers/configuration.toml"]
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
        let mode = Located::<KubernetesArtifactsMode>::schema(schemas);
        json!({ "anyOf": [mode, KubernetesArtifactsSettings::schema(schemas)] })
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
    /// Where a node gets programs and images from.
    pub enum KubernetesArtifactsMode {
        /// The image holds them.
        Embed = "embed",
        /// The node fetches them on its first boot.
        Pull = "pull",
    }
}

word_leaf!(KubernetesArtifactsMode, "an artifact source");

record! {
    /// Where programs and images come from.
    pub struct KubernetesArtifactsSettings {
        /// Whether the image holds them, or the node fetches them.
        #[default = "embed"]
        pub mode: Option<Located<KubernetesArtifactsMode>>,
        /// With `embed`, a folder of the programs. Or the URL of a site that has them where
        /// `https://dl.k8s.io` does: under `/v1.36.2/bin/linux/amd64/`.
        #[otherwise = "what `--programs` names with `embed`, else the site `https://dl.k8s.io`"]
        #[example = "./kubernetes"]
        pub programs: Option<Located<ProgramsFolder>>,
        /// With `embed`, images as in `containerd.images`. What the node needs (CoreDNS, flannel)
        /// and the list lacks is fetched from its registry when the image is built; `[]` insists on
        /// all of it.
        #[otherwise = "what the node needs, if it can be had"]
        #[example = "[./coredns.tar]"]
        pub images: Option<Vec<Located<ImageEntry>>>,
        /// With `embed`, for a system without CNI plugins: the folder of bridge, host-local,
        /// loopback and portmap.
        #[otherwise = "the folder of the programs"]
        #[example = "./cni-plugins"]
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
