//! Contents that Ignition fetches, and `data:` URLs that the spec contains: whether Ignition
//! accepts them.
//!
//! `ignition-validate` checks none of this; the node would fail at boot.

use std::collections::BTreeSet;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use ignition_config::v3_4::Resource;
use sha2::{Digest, Sha256, Sha512};

use super::report::{error, warning};
use crate::data_url::decode;
use crate::diagnostic::{Diagnostic, codes};
use crate::facts::systems::IgnitionVersion;
use crate::node::fragment::{Contents, Fragment, Origin};
use crate::text::hex;

/// Schemes that Ignition fetches from since 3.4.0 (its specification, `source`).
const SCHEMES: &[&str] = &["data", "http", "https", "tftp", "s3", "arn", "gs"];

/// The schemes of 3.3.0.
const SCHEMES_V3_3: &[&str] = &["data", "http", "https", "tftp", "s3", "gs"];

/// The schemes of Ignition 2.x; `oem` is the partition of that name.
const SCHEMES_V2: &[&str] = &["data", "http", "https", "tftp", "s3", "oem"];

/// Maximum size of decompressed contents: more would not fit into the node's memory, and suggests a
/// decompression bomb.
const LARGEST: u64 = 1 << 30;

/// Checks all contents of `fragment` that the spec sets as a source.
pub(super) fn check(fragment: &Fragment, version: IgnitionVersion, found: &mut Vec<Diagnostic>) {
    let schemes = schemes(version);
    for file in &fragment.files {
        for contents in file.contents.iter().chain(&file.append) {
            if let Contents::Remote(contents) = contents {
                resource(contents, schemes, file.path.as_str(), &file.origin, found);
            }
        }
        if file.overwrite && file.contents.is_none() {
            found.push(
                error(
                    codes::OVERWRITE_WITHOUT_CONTENTS,
                    &file.origin,
                    format!("`{}` has `overwrite: true` but no contents", file.path),
                )
                .help("add `contents:`, for an empty file `contents: {inline: ''}`"),
            );
        }
    }
    for (luks, origin) in &fragment.luks {
        if let Some(key) = &luks.key_file {
            resource(key, schemes, &luks.name, origin, found);
        }
    }
    for (config, origin) in fragment.head.merged.iter().chain(&fragment.head.replacing) {
        resource(config, schemes, "config", origin, found);
    }
    for (authority, origin) in &fragment.ignition_cas {
        resource(authority, schemes, "certificate authority", origin, found);
    }
}

fn schemes(version: IgnitionVersion) -> &'static [&'static str] {
    match version {
        IgnitionVersion::V2_2 | IgnitionVersion::V2_3 => SCHEMES_V2,
        IgnitionVersion::V3_3 => SCHEMES_V3_3,
        IgnitionVersion::V3_4 | IgnitionVersion::V3_5 | IgnitionVersion::V3_6 => SCHEMES,
    }
}

fn resource(
    resource: &Resource,
    schemes: &[&str],
    what: &str,
    origin: &Origin,
    found: &mut Vec<Diagnostic>,
) {
    let Some(source) = resource
        .source
        .as_deref()
        .filter(|source| !source.is_empty())
    else {
        return;
    };
    headers(resource, what, origin, found);
    let hash = resource
        .verification
        .as_ref()
        .and_then(|verification| verification.hash.as_deref());
    let scheme = source.split_once(':').map_or("", |(scheme, _)| scheme);
    if !schemes.contains(&scheme.to_ascii_lowercase().as_str()) {
        found.push(
            error(
                codes::BAD_SOURCE,
                origin,
                format!(
                    "Ignition cannot fetch `{what}` from `{}`",
                    shortened(source)
                ),
            )
            .help(format!(
                "a source must start with one of {}",
                schemes.join(", ")
            )),
        );
        return;
    }
    if scheme.eq_ignore_ascii_case("data") {
        data(
            source,
            resource.compression.as_deref(),
            hash,
            what,
            origin,
            found,
        );
    } else if matches!(scheme, "http" | "tftp") && hash.is_none() {
        found.push(
            warning(
                codes::UNVERIFIED_FETCH,
                origin,
                format!("`{what}` is fetched over {scheme} without verification"),
            )
            .help("use https, or add a hash: `verification: {hash: sha256-…}`"),
        );
    }
}

/// Ignition accepts each header once, and compares their names without regard to case.
fn headers(resource: &Resource, what: &str, origin: &Origin, found: &mut Vec<Diagnostic>) {
    let mut seen = BTreeSet::new();
    for header in resource.http_headers.iter().flatten() {
        if !seen.insert(header.name.to_ascii_lowercase()) {
            found.push(
                error(
                    codes::DUPLICATE_HEADER,
                    origin,
                    format!("`{what}` is fetched with header `{}` twice", header.name),
                )
                .help("keep one; values of one header can be separated by commas"),
            );
        }
    }
}

fn data(
    source: &str,
    compression: Option<&str>,
    hash: Option<&str>,
    what: &str,
    origin: &Origin,
    found: &mut Vec<Diagnostic>,
) {
    let bytes = match decode(source) {
        Ok(bytes) => bytes,
        Err(why) => {
            found.push(
                error(
                    codes::BAD_SOURCE,
                    origin,
                    format!("invalid `data:` URL of `{what}`: {why}"),
                )
                .help("use `inline:` for the text itself; imgbuild encodes it"),
            );
            return;
        }
    };
    let bytes = if compression == Some("gzip") {
        let mut unpacked = Vec::new();
        let outcome = MultiGzDecoder::new(bytes.as_slice())
            .take(LARGEST + 1)
            .read_to_end(&mut unpacked);
        let why = match outcome {
            Err(why) => why.to_string(),
            Ok(_) if unpacked.len() as u64 > LARGEST => {
                "it decompresses to more than 1 GiB".to_owned()
            }
            Ok(_) => String::new(),
        };
        if !why.is_empty() {
            found.push(
                error(
                    codes::NOT_GZIP,
                    origin,
                    format!("the contents of `{what}` do not match `compression: gzip`"),
                )
                .label(why)
                .help("remove `compression`; with `inline:`, imgbuild compresses the contents"),
            );
            return;
        }
        unpacked
    } else {
        bytes
    };
    // The hash is that of the decompressed contents (Ignition's specification, `verification`).
    let Some(hash) = hash else { return };
    let real = match hash.split_once('-').map(|(name, _)| name) {
        Some("sha256") => format!("sha256-{}", hex(&Sha256::digest(&bytes))),
        Some("sha512") => format!("sha512-{}", hex(&Sha512::digest(&bytes))),
        _ => return,
    };
    if !hash.eq_ignore_ascii_case(&real) {
        found.push(
            error(
                codes::WRONG_HASH,
                origin,
                format!("hash mismatch in the contents of `{what}`"),
            )
            .help(format!("the contents have {real}")),
        );
    }
}

fn shortened(source: &str) -> String {
    let mut short: String = source.chars().take(60).collect();
    if short.len() < source.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for data in [&b""[..], b"a b%c&d+\n", &[0, 255, 128], &[b'x'; 1000]] {
            let resource = crate::data_url::resource(data);
            let mut found = Vec::new();
            let hash = format!("sha256-{}", hex(&Sha256::digest(data)));
            let origin = Origin::always("test");
            super::data(
                resource.source.as_deref().expect("has one"),
                resource.compression.as_deref(),
                Some(&hash),
                "x",
                &origin,
                &mut found,
            );
            assert_eq!(found, []);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_data_comes_back(data in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600)) {
            let resource = crate::data_url::resource(&data);
            let packed = decode(resource.source.as_deref().expect("has one")).expect("decodes");
            let mut unpacked = Vec::new();
            if resource.compression.is_some() {
                MultiGzDecoder::new(packed.as_slice()).read_to_end(&mut unpacked).expect("is gzip");
            } else {
                unpacked = packed;
            }
            proptest::prop_assert_eq!(unpacked, data);
        }

        #[test]
        fn any_url_is_decoded_or_refused(url in "data:.{0,40}") {
            let _ = decode(&url);
        }
    }
}
