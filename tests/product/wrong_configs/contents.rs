//! Contents of files, fetched or written down.

use ignition_config::v3_4;
use imgbuild::node::fragment::{Contents, File};

use crate::fragments::{compile, file, files};
use crate::nodes;

fn fetched(path: &str, resource: v3_4::Resource) -> File {
    File {
        contents: Some(Contents::Remote(resource)),
        ..file(path, "")
    }
}

fn source(url: &str) -> v3_4::Resource {
    v3_4::Resource {
        source: Some(url.to_owned()),
        ..v3_4::Resource::default()
    }
}

#[test]
fn contents_that_ignition_would_trip_over() {
    let hashed = |url: &str, hash: &str| v3_4::Resource {
        verification: Some(v3_4::Verification {
            hash: Some(hash.to_owned()),
        }),
        ..source(url)
    };
    let gzip = |url: &str| v3_4::Resource {
        compression: Some("gzip".to_owned()),
        ..source(url)
    };
    // The SHA-256 and SHA-512 of `a`.
    let right = "sha256-ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    let long = "sha512-1f40fc92da241694750979ee6cf582f2d5d7d28e18335de05abc54d0560e0f5302860c652bf08d560252aa5e74210546f369fbbbce8c12cfc7957b2652fe9a75";
    let wrong = format!("sha256-{}", "0".repeat(64));
    // `a`, compressed by gzip.
    let packed = "data:;base64,H4sIAAAAAAACA0sEAEO+t+gBAAAA";
    for (name, resource, want) in [
        ("a data URL", source("data:,a"), None),
        ("right hash", hashed("data:,a", right), None),
        ("right long hash", hashed("data:;base64,YQ==", long), None),
        ("wrong hash", hashed("data:,a", &wrong), Some("E0306")),
        ("gzip", gzip(packed), None),
        (
            "gzip with the hash of what it holds",
            v3_4::Resource {
                compression: Some("gzip".to_owned()),
                ..hashed(packed, right)
            },
            None,
        ),
        ("not gzip", gzip("data:,a"), Some("E0307")),
        (
            "cut gzip",
            gzip("data:;base64,H4sIAAAAAAACA0sEAA=="),
            Some("E0307"),
        ),
        ("not base64", source("data:;base64,!"), Some("E0305")),
        ("no comma", source("data:a"), Some("E0305")),
        (
            "a scheme of nobody's",
            source("ftp://example.com/a"),
            Some("E0305"),
        ),
        ("https", source("https://example.com/a"), None),
        ("http", source("http://example.com/a"), Some("W0303")),
        (
            "http with a hash",
            hashed("http://example.com/a", right),
            None,
        ),
    ] {
        let (found, _) = compile(&nodes::bare(), files(vec![fetched("/opt/a", resource)]));
        let codes: Vec<_> = found.iter().map(|diagnostic| diagnostic.code.0).collect();
        assert_eq!(codes, Vec::from_iter(want), "{name}: {found:?}");
    }
    let nothing = File {
        contents: None,
        overwrite: true,
        ..file("/opt/a", "")
    };
    let (found, _) = compile(&nodes::bare(), files(vec![nothing]));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].code.0, "E0308");
}
