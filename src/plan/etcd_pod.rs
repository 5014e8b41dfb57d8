//! What etcd runs from: the system's own, or an image; and whether a unit or the kubelet runs it.

use super::Decider;
use super::containers::pull;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::etcd::EtcdRelease;
use crate::names::Hostname;
use crate::node::etcd::EtcdPod;
use crate::node::images::{ImageRef, ImageUse};
use crate::oci::ImageName;
use crate::spec;

impl Decider<'_> {
    /// Returns the image of etcd's unit, on a target without etcd.
    pub(super) fn etcd_image(&mut self, node: &spec::Spec, etcd: &spec::Etcd) -> Option<String> {
        let target = node.target().value;
        let own = target.facts().etcd_image;
        let written = etcd.image.as_ref();
        if let (None, Some(image)) = (own, written) {
            self.found.push(
                Diagnostic::error(
                    codes::NOT_FOR_TARGET,
                    image.span,
                    format!("`etcd.image` is not supported on target `{target}`"),
                )
                .label("etcd is a package of the base")
                .help("remove it, or have the kubelet run etcd: `static_pod: true`"),
            );
            return None;
        }
        written
            .map(|image| image.value.to_string())
            .or_else(|| own.map(str::to_owned))
    }

    /// Returns the member's static pod; `None`: it runs as a unit.
    pub(super) fn etcd_pod(
        &mut self,
        node: &spec::Spec,
        hostname: &Hostname,
        etcd: &spec::Etcd,
    ) -> Option<EtcdPod> {
        let wanted = Some(etcd.static_pod()).filter(|wanted| wanted.value)?;
        let kubernetes = (node.kubernetes.as_ref())
            .filter(|kubernetes| kubernetes.role.value.has_control_plane());
        let Some(kubernetes) = kubernetes else {
            self.found.push(
                Diagnostic::error(
                    codes::ETCD_POD_WITHOUT_CONTROL_PLANE,
                    wanted.span,
                    format!(
                        "`{hostname}` has no control plane and cannot run etcd as a static pod"
                    ),
                )
                .help(
                    "remove `static_pod` to run etcd as a service, or give the node the role \
                       `control-plane` or `single`",
                ),
            );
            return None;
        };
        if let Some(image) = &etcd.image {
            return Some(self.named(image));
        }
        let image = (pull(kubernetes).is_some())
            .then(|| ImageRef::etcd(&self.known.release(kubernetes.version.value)));
        let release = (image.as_ref()).map_or(Some(EtcdRelease::SYSTEM), |image| {
            EtcdRelease::from_tag(&image.tag).or_else(EtcdRelease::newest)
        });
        Some(EtcdPod {
            image,
            release: release.expect("a test holds the tags of the table against the releases"),
        })
    }

    /// Returns the pod for an image that the spec sets. The image's tag decides which flags it
    /// takes.
    fn named(&mut self, image: &Located<ImageName>) -> EtcdPod {
        let name = &image.value;
        let release = name.tag().and_then(EtcdRelease::from_tag);
        let wrong = match (release, name.digest()) {
            (Some(_), None) => None,
            (Some(_), Some(_)) => {
                Some("remove the digest: imgbuild.lock pins what comes from a registry")
            }
            (None, _) => {
                Some("etcd's versions take different flags, and only the tag tells them apart")
            }
        };
        if let Some(why) = wrong {
            self.found.push(
                Diagnostic::error(
                    codes::ETCD_VERSION_UNKNOWN,
                    image.span,
                    format!("the tag of `{name}` is not a version of etcd from 3.5 to 3.7"),
                )
                .label(why)
                .help("write it like registry.k8s.io/etcd:3.6.8-0"),
            );
        }
        EtcdPod {
            image: Some(ImageRef {
                used_for: ImageUse::Etcd,
                repository: format!("{}/{}", name.registry(), name.repository()),
                tag: name.tag().unwrap_or_default().to_owned(),
            }),
            release: release.unwrap_or(EtcdRelease::SYSTEM),
        }
    }
}
