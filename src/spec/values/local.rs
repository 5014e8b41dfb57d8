//! Paths of files on the build machine. Decoding only records them; the loader reads them.

use serde_json::{Value as Json, json};

use crate::diagnostic::{Located, codes};
use crate::spec::decode::{Decoder, Leaf, LeafError, LocalKind, LocalRequest, text};
use crate::spec::yaml::Scalar;

/// Why `text` cannot be the path of a file on any machine.
pub(super) fn no_path(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("must not be empty")
    } else if text.contains('\0') {
        Some("must not contain a NUL")
    } else {
        None
    }
}

macro_rules! local_leaf {
    ($(#[doc = $doc:literal])+ $name:ident: $what:literal, $kind:ident, home: $home:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// As written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Leaf for $name {
            const WHAT: &'static str = $what;

            fn schema() -> Json {
                json!({ "type": "string", "minLength": 1 })
            }

            fn read(scalar: &Scalar) -> Result<Self, LeafError> {
                let text = text(scalar, Self::WHAT)?;
                let why = if let Some(why) = no_path(text) {
                    why
                } else if text.starts_with('/') {
                    "must be relative to this file's folder, not absolute"
                } else if text.starts_with("~/") && !$home {
                    "`~` (home folder) is supported for SSH keys only; use a path relative to \
                     this file's folder"
                } else {
                    return Ok(Self(text.to_owned()));
                };
                Err(LeafError::rule(codes::BAD_LOCAL_PATH, text, Self::WHAT, why))
            }

            fn found(value: &Located<Self>, decoder: &mut Decoder) {
                decoder.local.push(LocalRequest {
                    kind: LocalKind::$kind,
                    path: value.value.0.clone(),
                    span: value.span,
                });
            }
        }
    };
}

local_leaf!(
    /// A file, by its path relative to the folder of the file that contains it.
    LocalFile: "a local file path", File, home: false
);

local_leaf!(
    /// A UTF-8 text file, by its path relative to the folder of the file that contains it.
    LocalText: "a local text file path", Text, home: false
);

local_leaf!(
    /// A folder, by its path relative to the folder of the file that contains it.
    LocalFolder: "a local folder path", Tree, home: false
);

local_leaf!(
    /// Kubernetes manifests: a YAML or JSON file, or a folder of such files.
    LocalManifests: "a path of manifests", Manifests, home: false
);

local_leaf!(
    /// Files of public keys: a path, which may start with `~/` and contain `*` in its last part.
    SshKeyFiles: "a path of public key files", SshKeys, home: true
);
