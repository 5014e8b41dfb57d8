//! Images and registries.

use std::path::{Path, PathBuf};

use super::Decider;
use crate::diagnostic::{Diagnostic, Located, Sources, Span, codes};
use crate::facts::systems::Target;
use crate::node::containers::{
    Containerd, Fetched, ImageSource, Programs, Registry, RegistryCredentials, RegistryMirror,
};
use crate::node::kubernetes::Images;
use crate::registry::DEFAULT_SITE;
use crate::spec::{self, ImageEntry};

/// A path in the spec, relative to the folder of the file that contains it.
pub(super) fn local(path: &str, span: Span, sources: &Sources) -> PathBuf {
    let here = sources.path(span.source).parent();
    here.unwrap_or(Path::new("")).join(path)
}

fn images(entries: &[Located<ImageEntry>], sources: &Sources) -> Vec<Located<ImageSource>> {
    entries
        .iter()
        .map(|entry| {
            let source = match &entry.value {
                ImageEntry::Path(path) => ImageSource::Path(local(path, entry.span, sources)),
                ImageEntry::Name(name) => ImageSource::Name(name.clone()),
            };
            Located::new(source, entry.span)
        })
        .collect()
}

/// `pull`, if the spec sets it.
pub(super) fn pull(written: &spec::Kubernetes) -> Option<Located<spec::KubernetesArtifactsMode>> {
    use spec::{KubernetesArtifacts, KubernetesArtifactsMode as Mode};
    let mode = match written.artifacts() {
        KubernetesArtifacts::Mode(mode) => mode,
        KubernetesArtifacts::Settings(settings) => settings.mode(),
    };
    (mode.value == Mode::Pull).then_some(mode)
}

impl Decider<'_> {
    /// Returns containerd's images and registries.
    pub(super) fn containerd(
        &mut self,
        written: &spec::Containerd,
        sources: &Sources,
        target: Target,
    ) -> Containerd {
        Containerd {
            images: images(&written.images, sources),
            registries: (written.registries.iter())
                .map(|(host, registry)| self.registry(host.as_str(), registry))
                .collect(),
            runtimes: self.runtimes(written),
            default_runtime: self.default_runtime(written),
            config: self.containerd_config(written, target),
            span: written.span,
        }
    }

    fn registry(&mut self, host: &str, written: &spec::Registry) -> Registry {
        let credentials = match (&written.username, &written.password_file) {
            (Some(username), Some(file)) => {
                let text = self.files.text(file); // a failure was reported by the loader
                let password = text.and_then(|text| text.lines().next());
                if text.is_some() && password.is_none_or(str::is_empty) {
                    self.found.push(
                        Diagnostic::error(
                            codes::BAD_REGISTRY_CREDENTIALS,
                            file.span,
                            format!("`{}` is not a password file", file.as_str()),
                        )
                        .label("its first line is empty")
                        .help("the file must contain the password and nothing else"),
                    );
                }
                Some(RegistryCredentials {
                    username: username.value.clone(),
                    password: password.unwrap_or_default().to_owned(),
                })
            }
            (None, None) => None,
            (Some(one), None) => {
                self.half(one.span, "username", "password_file");
                None
            }
            (None, Some(one)) => {
                self.half(one.span, "password_file", "username");
                None
            }
        };
        let ca = written.ca.as_ref().and_then(|file| {
            let text = self.files.text(file)?;
            if !text.contains("-----BEGIN CERTIFICATE-----") {
                self.found.push(
                    Diagnostic::error(
                        codes::BAD_REGISTRY_CA,
                        file.span,
                        format!("`{}` contains no certificate", file.as_str()),
                    )
                    .help("use a file with one or more PEM certificates"),
                );
            }
            Some(text.to_owned())
        });
        Registry {
            host: host.to_owned(),
            mirrors: (written.mirrors.iter())
                .map(|mirror| RegistryMirror {
                    server: mirror.server.clone(),
                    prefix: mirror.prefix.clone(),
                })
                .collect(),
            ca,
            insecure: written.insecure().value,
            credentials,
            span: written.span,
        }
    }

    fn half(&mut self, at: Span, key: &str, other: &str) {
        self.found.push(
            Diagnostic::error(
                codes::BAD_REGISTRY_CREDENTIALS,
                at,
                format!("`{key}` requires `{other}`"),
            )
            .help(format!("add `{other}:`")),
        );
    }

    /// Returns the source of the Kubernetes programs and images.
    pub(super) fn artifacts(
        &mut self,
        written: &spec::Kubernetes,
        target: Target,
        sources: &Sources,
    ) -> Images {
        use spec::KubernetesArtifacts;
        let settings = match &written.artifacts {
            Some(KubernetesArtifacts::Settings(settings)) => Some(settings),
            _ => None,
        };
        let inner = settings.and_then(|settings| settings.programs.as_ref());
        if let (Some(outer), Some(inner)) = (&written.programs, inner) {
            self.found.push(
                Diagnostic::error(
                    codes::PROGRAMS_TWICE,
                    outer.span,
                    "the Kubernetes programs are specified twice",
                )
                .related(inner.span, "also specified here")
                .help("keep `artifacts.programs`"),
            );
        }
        let named = inner.or(written.programs.as_ref());
        let programs = named.map(|named| match named.site() {
            Some(site) => Programs::Site(site.to_owned()),
            None => Programs::Folder(local(named.as_str(), named.span, sources)),
        });
        let Some(pull) = pull(written) else {
            return Images::Embedded {
                programs,
                images: (settings.and_then(|settings| settings.images.as_ref()))
                    .map(|entries| images(entries, sources)),
                cni_plugins: self.cni_plugins(settings, sources),
            };
        };
        if let Some(why) = target.facts().no_pull {
            self.found.push(
                Diagnostic::error(
                    codes::NOT_FOR_TARGET,
                    pull.span,
                    format!("`pull` is not supported on target `{target}`"),
                )
                .label(why)
                .help("use `embed` or remove it: the programs are then part of the image"),
            );
        }
        if let Some(first) = settings
            .and_then(|settings| settings.images.as_ref())
            .and_then(|images| images.first())
        {
            self.not_of_pull(first.span, "images are not embedded");
        }
        let site = match (programs, named) {
            (Some(Programs::Site(site)), _) => site,
            (Some(Programs::Folder(_)), Some(named)) => {
                self.not_of_pull(named.span, "the node downloads its programs from a site");
                DEFAULT_SITE.to_owned()
            }
            _ => DEFAULT_SITE.to_owned(),
        };
        Images::Pulled {
            site,
            known: Fetched::default(),
        }
    }

    /// Returns the folder of the CNI plugins that the spec sets.
    fn cni_plugins(
        &mut self,
        settings: Option<&spec::KubernetesArtifactsSettings>,
        sources: &Sources,
    ) -> Option<PathBuf> {
        let named = settings?.cni_plugins.as_ref()?;
        if named.site().is_some() {
            self.found.push(
                Diagnostic::error(
                    codes::BAD_LOCAL_PATH,
                    named.span,
                    "CNI plugins must come from a local folder",
                )
                .label("this is a site's URL")
                .help(
                    "unpack a release of the plugins (`cni-plugins-linux-….tgz`) next to the \
                       spec, and specify that folder",
                ),
            );
            return None;
        }
        Some(local(named.value.as_str(), named.span, sources))
    }

    fn not_of_pull(&mut self, at: Span, why: &str) {
        self.found.push(
            Diagnostic::error(
                codes::NOT_OF_PULL,
                at,
                "not supported with `pull`".to_owned(),
            )
            .label(why)
            .help("use `mode: embed` or remove it; `containerd.images` embeds images in any node"),
        );
    }
}
