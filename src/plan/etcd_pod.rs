//! What etcd runs from: the system's own, an image, and whether its unit or the kubelet runs it.

use super::Decider;
use super::containers::pull;
use super::kubernetes_addons::role_of;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::etcd::EtcdRelease;
use crate::facts::systems::Target;
use crate::node::etcd::EtcdPod;
use crate::node::images::{ImageRef, ImageUse};
use crate::oci::ImageName;
use crate::spec;

impl Decider<'_> {
    /// The image of etcd's unit, on a target that has no etcd.
    pub(super) fn etcd_image(&mut self, node: &spec::Spec, etcd: &spec::Etcd) -> Option<String> {
        let target = node.target.map_or(Target::default(), |target| target.value);
        let own = target.facts().etcd_image;
        let written = etcd.image.as_ref();
        if let (None, Some(image)) = (own, written) {
            self.found.push(
                Diagnostic::error(
                    codes::NOT_FOR_TARGET,
                    image.span,
                    format!("`etcd.image` is not for the target `{target}`"),
                )
                .label("etcd is a package of the base")
                .help("leave it out, or have the kubelet run it: `static_pod: true`"),
            );
            return None;
        }
        written
            .map(|image| image.value.to_string())
            .or_else(|| own.map(str::to_owned))
    }

    /// The static pod that the member is; `None`: a unit.
    pub(super) fn etcd_pod(&mut self, node: &spec::Spec, etcd: &spec::Etcd) -> Option<EtcdPod> {
        let wanted = etcd.static_pod.filter(|wanted| wanted.value)?;
        let kubernetes =
            (node.kubernetes.as_ref()).filter(|kubernetes| role_of(kubernetes).has_control_plane());
        let Some(kubernetes) = kubernetes else {
            self.found.push(
                Diagnostic::error(
                    codes::ETCD_POD_WITHOUT_CONTROL_PLANE,
                    wanted.span,
                    format!("`{}` has no control plane, whose kubelet would run etcd", node.hostname.value),
                )
                .help("leave `static_pod` out: the system runs etcd then; or give the node the role `control-plane` or `single`"),
            );
            return None;
        };
        if let Some(image) = &etcd.image {
            return Some(self.named(image));
        }
        let image = (pull(kubernetes).is_some())
            .then(|| ImageRef::etcd(kubernetes.version.value.known_release()));
        let release = (image.as_ref()).map_or(Some(EtcdRelease::SYSTEM), |image| {
            EtcdRelease::of_tag(&image.tag)
        });
        Some(EtcdPod {
            image,
            release: release.expect("a test holds the tags of the table against the releases"),
        })
    }

    /// The pod of an image that the spec names. What flags it takes its tag tells.
    fn named(&mut self, image: &Located<ImageName>) -> EtcdPod {
        let name = &image.value;
        let release = name.tag().and_then(EtcdRelease::of_tag);
        let wrong = match (release, name.digest()) {
            (Some(_), None) => None,
            (Some(_), Some(_)) => {
                Some("its digest is left out: imgbuild.lock pins what comes from a registry")
            }
            (None, _) => {
                Some("etcd 3.5 and 3.6 take different flags, and the tag tells which it is")
            }
        };
        if let Some(why) = wrong {
            self.found.push(
                Diagnostic::error(
                    codes::ETCD_IMAGE_UNTOLD,
                    image.span,
                    format!("`{name}` is no image of etcd 3.5 or 3.6 by its tag"),
                )
                .label(why)
                .help("write it as in registry.k8s.io/etcd:3.6.8-0"),
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
