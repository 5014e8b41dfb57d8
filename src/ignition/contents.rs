//! Contents that Ignition fetches, and `data:` URLs that the spec contains: whether Ignition
//! accepts them.
//!
//! `ignition-validate` checks none of this; the node would fail at boot.

use std::collections::BTreeSet;
use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use ignition_config::v3_4::Resource;
use sha2::{Digest, Sha256, Sha512};

use super::report::{error, warning};
use crate::data_url::open;
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

/// Maximum size of the decompressed contents of one node: more would not fit into the memory of
/// Ignition's initrd, and suggests a decompression bomb.
const UNPACKED_MAX: u64 = 256 << 20;

/// How much is decompressed at once, in bytes.
const STEP: usize = 64 << 10;

/// Checks all contents of `fragment` that the spec sets as a source.
pub(super) fn check(fragment: &Fragment, version: IgnitionVersion, found: &mut Vec<Diagnostic>) {
    let schemes = schemes(version);
    let mut left = UNPACKED_MAX;
    let mut resource =
        |fetched: &Resource, what: &str, origin: &Origin, found: &mut Vec<Diagnostic>| {
            resource(fetched, schemes, what, origin, &mut left, found);
        };
    for file in &fragment.files {
        for contents in file.contents.iter().chain(&file.append) {
            if let Contents::Remote(contents) = contents {
                resource(contents, file.path.as_str(), &file.origin, found);
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
            resource(key, &luks.name, origin, found);
        }
    }
    for (config, origin) in fragment.head.merged.iter().chain(&fragment.head.replacing) {
        resource(config, "config", origin, found);
    }
    for (authority, origin) in &fragment.ignition_cas {
        resource(authority, "certificate authority", origin, found);
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
    left: &mut u64,
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
        let packed = Packed {
            source,
            compression: resource.compression.as_deref(),
            hash,
        };
        data(&packed, what, origin, left, found);
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

/// Contents in a `data:` URL.
struct Packed<'a> {
    source: &'a str,
    compression: Option<&'a str>,
    /// That of the decompressed contents (Ignition's specification, `verification`).
    hash: Option<&'a str>,
}

/// Checks contents, piece by piece. Their size is subtracted from `left`.
fn data(
    packed: &Packed<'_>,
    what: &str,
    origin: &Origin,
    left: &mut u64,
    found: &mut Vec<Diagnostic>,
) {
    let no_url = |why: String| {
        error(
            codes::BAD_SOURCE,
            origin,
            format!("invalid `data:` URL of `{what}`: {why}"),
        )
        .help("use `inline:` for the text itself; imgbuild encodes it")
    };
    let is_gzip = packed.compression == Some("gzip");
    let mut bytes: Box<dyn Read + '_> = match open(packed.source) {
        Ok(bytes) if is_gzip => {
            // What is wrong with the URL is not wrong with what is packed in it.
            if let Err(why) = open(packed.source)
                .and_then(|mut url| io::copy(&mut url, &mut io::sink()).map_err(|e| e.to_string()))
            {
                found.push(no_url(why));
                return;
            }
            Box::new(MultiGzDecoder::new(bytes))
        }
        Ok(bytes) => bytes,
        Err(why) => {
            found.push(no_url(why));
            return;
        }
    };
    let mut sums = (Sha256::new(), Sha512::new());
    let mut buffer = vec![0; STEP];
    let why = loop {
        let count = match bytes.read(&mut buffer) {
            Ok(0) => break None,
            Ok(count) => count,
            Err(why) => break Some(why.to_string()),
        };
        let Some(rest) = left.checked_sub(count as u64) else {
            let most = UNPACKED_MAX >> 20;
            let message =
                format!("with `{what}`, the node's contents decompress to more than {most} MiB");
            found.push(error(codes::NOT_GZIP, origin, message));
            return;
        };
        *left = rest;
        match packed.hash.and_then(function) {
            Some("sha256") => sums.0.update(&buffer[..count]),
            Some("sha512") => sums.1.update(&buffer[..count]),
            _ => {}
        }
    };
    match (why, is_gzip) {
        (None, _) => {}
        (Some(why), true) => {
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
        (Some(why), false) => {
            found.push(no_url(why));
            return;
        }
    }
    let Some(hash) = packed.hash else { return };
    let real = match function(hash) {
        Some("sha256") => format!("sha256-{}", hex(&sums.0.finalize())),
        Some("sha512") => format!("sha512-{}", hex(&sums.1.finalize())),
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

/// The function of a hash as Ignition writes it: `sha512-…`.
fn function(hash: &str) -> Option<&str> {
    hash.split_once('-').map(|(name, _)| name)
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
            let packed = Packed {
                source: resource.source.as_deref().expect("has one"),
                compression: resource.compression.as_deref(),
                hash: Some(&hash),
            };
            super::data(&packed, "x", &origin, &mut UNPACKED_MAX.clone(), &mut found);
            assert_eq!(found, []);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_data_comes_back(data in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600)) {
            let resource = crate::data_url::resource(&data);
            let packed = crate::data_url::decode(resource.source.as_deref().expect("has one")).expect("decodes");
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
            let _ = crate::data_url::decode(&url);
        }
    }
}
