//! Paths to files of the machine that builds. Decoding only notes them; the loader reads them.

use serde_json::{Value as Json, json};

use crate::diagnostic::{Located, codes};
use crate::spec::decode::{Decoder, Leaf, LeafError, LocalKind, LocalRequest, text};
use crate::spec::yaml::Scalar;

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
                let why = if text.is_empty() {
                    "it is empty"
                } else if text.contains('\0') {
                    "it has a NUL"
                } else if text.starts_with('/') {
                    "it is absolute; write it from the folder of this file"
                } else if text.starts_with("~/") && !$home {
                    "`~` is the home folder for SSH keys only; write it from the folder of this file"
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
    /// A file, by its path from the folder of the file that names it.
    LocalFile: "a path of a local file", File, home: false
);

local_leaf!(
    /// A file of UTF-8 text, by its path from the folder of the file that names it.
    LocalText: "a path of a local text file", Text, home: false
);

local_leaf!(
    /// A folder, by its path from the folder of the file that names it.
    LocalFolder: "a path of a local folder", Tree, home: false
);

local_leaf!(
    /// Manifests of Kubernetes: a file of YAML or JSON, or a folder of such files.
    LocalManifests: "a path of manifests", Manifests, home: false
);

local_leaf!(
    /// Files of public keys: a path, which may start with `~/` and have `*` in its last part.
    SshKeyFiles: "a path of public key files", SshKeys, home: true
);
