//! The images that a node asks for, by its Kubernetes and by its spec.

use crate::facts::kubernetes::tables::Component;
use crate::lock::pins::Pins;
use crate::names::Arch;
use crate::node::Node;
use crate::node::containers::{Fetched, ImageSource};
use crate::node::images::{ImageRef, ImageUse};
use crate::node::kubernetes::{Images, Kubernetes};

/// Returns every image that the pods of `kubernetes` use, by use. The user's own manifests are not
/// included.
pub fn needed_images(kubernetes: &Kubernetes) -> Vec<ImageRef> {
    let release = &kubernetes.release;
    let own = |used_for, component: Component| {
        let tag = format!("v{}", *kubernetes.version);
        ImageRef::upstream(used_for, component.as_str(), tag)
    };
    let mut images = vec![ImageRef::upstream(
        ImageUse::Pause,
        "pause",
        &*release.pause,
    )];
    if let Some(plane) = kubernetes.control_plane() {
        images.extend([
            own(ImageUse::ApiServer, Component::ApiServer),
            own(ImageUse::ControllerManager, Component::ControllerManager),
            own(ImageUse::Scheduler, Component::Scheduler),
        ]);
        images.extend(plane.etcd_pod.as_ref().and_then(|pod| pod.image.clone()));
    }
    if let Some(member) = &kubernetes.member {
        let image = member.proxy_pod.image();
        images.extend(image.map(|used_for| own(used_for, Component::Proxy)));
    }
    images.extend(kubernetes.core_dns.iter().map(|dns| dns.image.clone()));
    images.extend(kubernetes.cni.images.iter().cloned());
    let add_ons = kubernetes.add_ons.iter();
    images.extend(add_ons.flat_map(|add_on| ImageRef::of_add_on(*add_on)));
    images
}

/// The images that a node has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmbeddedImages {
    /// As the spec lists them.
    pub listed: Vec<ImageSource>,
    /// The images that the node needs itself.
    pub needed: Vec<ImageRef>,
}

/// Returns the images to embed in `node`; `None`: no more than those that come with the programs.
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

/// The programs that a node downloads; pods have the others in their images.
pub const FETCHED_PROGRAMS: [&str; 2] = [Component::Kubelet.as_str(), "kubectl"];

impl Kubernetes {
    /// Returns the images that the node should have besides its programs although the spec does not
    /// ask for them, that of a default DNS among them. Empty where the spec says what is embedded.
    pub(crate) fn wished_images(&self) -> Vec<ImageRef> {
        let Images::Embedded { images: None, .. } = &self.images else {
            return Vec::new();
        };
        let mut wished = needed_images(self);
        wished.retain(|image| !image.used_for.is_in_programs());
        wished.extend(self.default_dns.iter().map(|dns| dns.image.clone()));
        wished
    }

    /// Embeds [`Kubernetes::wished_images`] where `is_had` says that each can be had, and starts a
    /// default DNS with them. Without its image a default DNS is left out; others are left to the
    /// node to pull.
    pub(crate) fn embed_what_is_had(&mut self, is_had: &dyn Fn(&ImageRef) -> bool) {
        let wished = self.wished_images();
        let dns = self.settings.default_dns.as_ref();
        let is_of_dns = |image: &ImageRef| dns.is_some_and(|dns| dns.image == *image);
        let (of_dns, others): (Vec<_>, Vec<_>) = wished.iter().partition(|one| is_of_dns(one));
        let has_dns = of_dns.into_iter().any(is_had);
        if !others.iter().all(|image| is_had(image)) || (others.is_empty() && !has_dns) {
            return;
        }
        if has_dns {
            self.settings.core_dns = self.settings.default_dns.take();
        }
        if let Images::Embedded { images, .. } = &mut self.settings.images {
            *images = Some(Vec::new());
        }
    }

    /// Notes what `pins` know: of what the node fetches, or of what is embedded in it.
    pub(crate) fn pin(&mut self, arch: Arch, pins: &Pins) {
        let Images::Pulled { .. } = &self.images else {
            self.embed_what_is_had(&|image| pins.image(&image.to_string()).is_some());
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
        if let Images::Pulled { known: old, .. } = &mut self.settings.images {
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

    /// Returns whether the node downloads its programs and images.
    pub fn is_pulled(&self) -> bool {
        matches!(self.images, Images::Pulled { .. })
    }
}
