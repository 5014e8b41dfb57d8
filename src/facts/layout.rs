//! Names and places that both who writes an artifact and who reads it rely on.

/// Where stage 0 looks for the root image: below `/` in an initrd, below the volume's root on an
/// ISO.
pub const ROOT_IMAGE_PATH: &str = "imgbuild/root.squashfs";

/// Where stage 0 looks for extensions, beside the root image.
pub const EXTENSIONS_PATH: &str = "imgbuild/extensions";

/// The file in a node's config with its version of Kubernetes and its role.
pub const VERSION_FILE: &str = "/etc/kubernetes/imgbuild/version";

/// The name of the image of programs that is overlaid on a node's system.
pub const PROGRAMS_EXTENSION: &str = "kubernetes";

/// The name of the image of container images.
pub const IMAGES_EXTENSION: &str = "images";
