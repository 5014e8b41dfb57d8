//! Contents as `data:` URLs (RFC 2397), in the smallest of three forms.

use std::io::{self, Read};

use base64ct::{Base64, Encoding};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use ignition_config::v3_4::Resource;

/// The cost of `"compression":"gzip",` in the config in addition to the URL.
const GZIP_KEY_COST: usize = 22;

/// The minimum size of gzip output: a 10-byte header, an empty block of 2 bytes and an 8-byte
/// trailer, in base64.
const SMALLEST_GZIP: usize = "data:;base64,".len() + 28 + GZIP_KEY_COST;

/// zlib's level. Its maximum makes a node's small files no smaller and the routes to the pods of
/// 1,000 nodes 4 % smaller, in more than three times the time.
const LEVEL: u32 = 5;

/// `data` as a resource, as `Encoder::resource` gives it.
pub fn resource(data: &[u8]) -> Resource {
    Encoder::default().resource(data)
}

/// Writes contents as resources. It keeps the compressor between them, because its tables take
/// longer to set up than compressing most of a node's files.
#[derive(Debug, Default)]
pub(super) struct Encoder {
    deflate: Option<Compress>,
}

impl Encoder {
    /// Returns `data` as a resource: percent-encoded, base64 or gzip and base64, whichever makes
    /// the config smallest. The first of equals is chosen, because it is the more readable. The
    /// same data always gives the same bytes.
    pub(super) fn resource(&mut self, data: &[u8]) -> Resource {
        let percent = percent_length(data);
        let base64 = "data:;base64,".len() + base64_length(data.len());
        let plain = percent.min(base64);
        if plain > SMALLEST_GZIP {
            let packed = self.gzip(data);
            if "data:;base64,".len() + base64_length(packed.len()) + GZIP_KEY_COST < plain {
                return Resource {
                    compression: Some("gzip".to_owned()),
                    source: Some(base64_url(&packed)),
                    ..Resource::default()
                };
            }
        }
        Resource {
            source: Some(if percent <= base64 {
                percent_url(data, percent)
            } else {
                base64_url(data)
            }),
            ..Resource::default()
        }
    }

    /// Returns `data` in one gzip member without name or time (RFC 1952 §2.3).
    fn gzip(&mut self, data: &[u8]) -> Vec<u8> {
        // Magic, deflate, no flags, no time, an algorithm between the slowest and the fastest,
        // unknown system.
        let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
        let deflate = self
            .deflate
            .get_or_insert_with(|| Compress::new(Compression::new(LEVEL), false));
        deflate.reset();
        let mut rest = data;
        loop {
            // Enough for incompressible data, and the trailer.
            packed.reserve(rest.len() + rest.len() / 1000 + 64);
            let before = deflate.total_in();
            let status = deflate
                .compress_vec(rest, &mut packed, FlushCompress::Finish)
                .expect("compressing from memory into memory does not fail");
            let taken =
                usize::try_from(deflate.total_in() - before).expect("at most what was given");
            rest = &rest[taken..];
            if status == Status::StreamEnd {
                break;
            }
        }
        let mut crc = Crc::new();
        crc.update(data);
        packed.extend(crc.sum().to_le_bytes());
        // The length modulo 2^32, which is what the crate counts.
        packed.extend(crc.amount().to_le_bytes());
        packed
    }
}

/// Returns whether a byte can be used as is in a `data:` URL: RFC 2397's urlchar is RFC 2396's
/// reserved, unreserved and escaped. `&` and `+` are legal but left out: JSON writers escape the
/// former (`\u0026`), and lax decoders read the latter as a space.
static PLAIN: [bool; 256] = plain();

const fn plain() -> [bool; 256] {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        plain[byte as usize] = matches!(byte,
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')'
            | b';' | b'/' | b'?' | b':' | b'@' | b'=' | b'$' | b',');
        byte += 1;
    }
    plain
}

fn percent_length(data: &[u8]) -> usize {
    let plain = (data.iter()).filter(|&&byte| PLAIN[usize::from(byte)]);
    "data:,".len() + 3 * data.len() - 2 * plain.count()
}

fn percent_url(data: &[u8], length: usize) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut url = String::with_capacity(length);
    url.push_str("data:,");
    for &byte in data {
        if PLAIN[usize::from(byte)] {
            url.push(char::from(byte));
        } else {
            url.push('%');
            url.push(char::from(HEX[usize::from(byte >> 4)]));
            url.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    url
}

fn base64_length(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Returns `data` in base64 with padding (RFC 4648 §4), as a URL.
fn base64_url(data: &[u8]) -> String {
    format!("data:;base64,{}", Base64::encode_string(data))
}

/// Returns the bytes of a `data:` URL (RFC 2397).
pub(crate) fn decode(url: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    (open(url)?.read_to_end(&mut bytes)).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// Returns the bytes of a `data:` URL piece by piece, so that they need not be in memory at once.
pub(crate) fn open(url: &str) -> Result<Box<dyn Read + '_>, String> {
    let rest = url.get("data:".len()..).unwrap_or_default();
    let (kind, data) = rest.split_once(',').ok_or("no comma before the data")?;
    let bytes = PercentDecoder(data.as_bytes());
    let is_base64 = |word| "base64".eq_ignore_ascii_case(word);
    Ok(if kind.split(';').any(is_base64) {
        Box::new(Base64Decoder::new(bytes))
    } else {
        Box::new(bytes)
    })
}

fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

/// The characters of a URL, without its escapes.
struct PercentDecoder<'a>(&'a [u8]);

impl Read for PercentDecoder<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        while let (Some((&byte, after)), Some(place)) =
            (self.0.split_first(), buffer.get_mut(count))
        {
            (*place, self.0) = match byte {
                b'%' => (escaped(after)?, &after[2..]),
                byte if byte.is_ascii_graphic() => (byte, after),
                _ => {
                    return Err(invalid(
                        "it contains a character that must be escaped with `%`",
                    ));
                }
            };
            count += 1;
        }
        Ok(count)
    }
}

/// The byte that two hexadecimal digits at the start of `digits` stand for.
fn escaped(digits: &[u8]) -> io::Result<u8> {
    let pair = digits
        .get(..2)
        .filter(|pair| pair.iter().all(u8::is_ascii_hexdigit));
    pair.and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .ok_or_else(|| invalid("`%` must be followed by two hexadecimal digits"))
}

/// How much base64 is decoded at once, in bytes: a multiple of four.
const BASE64_STEP: usize = 48 << 10;

/// RFC 4648 §4, with padding. The crate says only that a text is wrong; the checks before it say
/// why.
struct Base64Decoder<R> {
    text: R,
    /// Decoded and not yet read.
    bytes: Vec<u8>,
    read: usize,
    /// Nothing may follow padding.
    is_padded: bool,
}

impl<R: Read> Base64Decoder<R> {
    fn new(text: R) -> Self {
        Self {
            text,
            bytes: Vec::new(),
            read: 0,
            is_padded: false,
        }
    }

    /// Decodes the next piece; nothing at the end.
    fn fill(&mut self) -> io::Result<()> {
        let mut piece = Vec::new();
        let step = BASE64_STEP as u64;
        (&mut self.text).take(step).read_to_end(&mut piece)?;
        let stray = |byte: &&u8| !byte.is_ascii_alphanumeric() && !b"+/=".contains(byte);
        if let Some(byte) = piece.iter().find(stray) {
            return Err(invalid(format!(
                "the base64 contains `{}`",
                char::from(*byte)
            )));
        }
        if !piece.len().is_multiple_of(4) {
            return Err(invalid("the base64 is truncated"));
        }
        let text = std::str::from_utf8(&piece).map_err(io::Error::other)?;
        if self.is_padded && !text.is_empty() {
            return Err(invalid("the base64 is invalid"));
        }
        self.is_padded = text.ends_with('=');
        self.bytes = Base64::decode_vec(text).map_err(|_| invalid("the base64 is invalid"))?;
        self.read = 0;
        Ok(())
    }
}

impl<R: Read> Read for Base64Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.bytes.len() {
            self.fill()?;
        }
        let left = &self.bytes[self.read..];
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.read += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(data: &[u8]) -> (Option<String>, String) {
        let resource = resource(data);
        (
            resource.compression,
            resource.source.expect("always has a source"),
        )
    }

    #[test]
    fn the_smallest_form_is_taken() {
        for (name, data, want) in [
            ("empty", &b""[..], "data:,"),
            ("text", b"kube1\n", "data:,kube1%0A"),
            ("ampersand", b"a&b+c", "data:,a%26b%2Bc"),
            ("binary", &[0xff; 9], "data:;base64,////////////"),
            (
                "binary, one over",
                &[0xff; 10],
                "data:;base64,/////////////w==",
            ),
            (
                "binary, two over",
                &[0xff; 11],
                "data:;base64,//////////////8=",
            ),
        ] {
            assert_eq!(url(data), (None, want.to_owned()), "{name}");
        }
    }

    #[test]
    fn long_text_is_compressed_the_same_way_each_time() {
        let text = "ExecStart=/usr/bin/etcd --name kube1\n".repeat(40);
        let (compression, first) = url(text.as_bytes());
        assert_eq!(compression.as_deref(), Some("gzip"));
        // RFC 1952: magic, deflate, no flags, no time, no word on the algorithm, unknown system.
        assert!(first.starts_with("data:;base64,H4sIAAAAAAAA/"), "{first}");
        assert_eq!(url(text.as_bytes()).1, first);
    }

    #[test]
    fn an_encoder_gives_the_same_however_often_it_is_used() {
        // Text that compresses a little, longer than the compressor's window of 32 KiB.
        let mut seed = 1u32;
        let long: Vec<u8> = std::iter::repeat_with(|| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'a' + u8::try_from((seed >> 24) % 26).expect("a letter")
        })
        .take(200_000)
        .collect();
        let mut encoder = Encoder::default();
        let first = encoder.resource(&long);
        encoder.resource(b"something else in between, long enough to be tried, tried, tried, tried, tried, tried");
        assert_eq!(encoder.resource(&long), first);
        assert_eq!(resource(&long), first);

        let packed = decode(first.source.as_deref().expect("a URL")).expect("decodes");
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(packed.as_slice())
            .read_to_end(&mut unpacked)
            .expect("is gzip");
        assert_eq!(unpacked, long);
    }

    #[test]
    fn data_urls() {
        for (name, url, want) in [
            ("empty", "data:,", Ok(&b""[..])),
            ("percent", "data:,a%0Ab", Ok(b"a\nb")),
            ("type", "data:text/plain;charset=utf-8,a", Ok(b"a")),
            ("base64", "data:;base64,YQ==", Ok(b"a")),
            ("base64 of two", "data:;base64,YWI=", Ok(b"ab")),
            ("base64 of three", "data:;base64,YWJj", Ok(b"abc")),
            ("escaped padding", "data:;base64,YQ%3D%3D", Ok(b"a")),
            ("no comma", "data:abc", Err("no comma before the data")),
            (
                "bad escape",
                "data:,%zz",
                Err("`%` must be followed by two hexadecimal digits"),
            ),
            (
                "escape cut short",
                "data:,%a",
                Err("`%` must be followed by two hexadecimal digits"),
            ),
            (
                "space",
                "data:,a b",
                Err("it contains a character that must be escaped with `%`"),
            ),
            (
                "base64 cut short",
                "data:;base64,YQ",
                Err("the base64 is truncated"),
            ),
            (
                "not base64",
                "data:;base64,Y!==",
                Err("the base64 contains `!`"),
            ),
            (
                "padding inside",
                "data:;base64,Y=Q=",
                Err("the base64 is invalid"),
            ),
            (
                "bits left over",
                "data:;base64,YR==",
                Err("the base64 is invalid"),
            ),
        ] {
            let want: Result<&[u8], &str> = want;
            assert_eq!(
                decode(url),
                want.map(<[u8]>::to_vec).map_err(str::to_owned),
                "{name}"
            );
        }
    }

    #[test]
    fn long_base64_is_decoded_in_pieces() {
        let long = vec![0x5a; 3 * BASE64_STEP + 1];
        let url = base64_url(&long);
        assert_eq!(decode(&url), Ok(long));
        // Padding at the end of a piece, and more after it.
        let inside = format!(
            "data:;base64,{}YQ==YWJj",
            "YWJj".repeat(BASE64_STEP / 4 - 1)
        );
        assert_eq!(decode(&inside), Err("the base64 is invalid".to_owned()));
    }
}
