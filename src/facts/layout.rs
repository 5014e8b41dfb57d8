//! Names and places that both who writes an artifact and who reads it rely on.

/// Where stage 0 looks for the root image: below `/` in an initrd, below the volume's root on an
/// ISO.
pub const ROOT_IMAGE_PATH: &str = "imgbuild/root.squashfs";

/// The list of the images, root image and extensions, with what stage 0 checks each of their blocks
/// by: beside the root image.
pub const IMAGES_LIST_PATH: &str = "imgbuild/images";

/// The folder of all of these.
pub const IMAGES_FOLDER: &str = "imgbuild/";

/// Where stage 0 looks for extensions, beside the root image.
pub const EXTENSIONS_PATH: &str = "imgbuild/extensions";

/// The file in a node's config with its version of Kubernetes and its role.
pub const VERSION_FILE: &str = "/etc/kubernetes/imgbuild/version";

/// The folder of a node for images that systemd-sysext overlays, in addition to those that came
/// with its boot.
pub const MORE_EXTENSIONS: &str = "/var/lib/extensions";

/// The name of the image of programs that is overlaid on a node's system.
pub const PROGRAMS_EXTENSION: &str = "kubernetes";

/// The name of the image of container images.
pub const IMAGES_EXTENSION: &str = "images";
