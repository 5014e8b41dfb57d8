//! OpenSSL's hash of a certificate's subject, by which it finds certificates in a folder
//! (`openssl-rehash(1)`).
//!
//! It is the start of the SHA-1 of the name in a canonical form (`X509_NAME_hash_ex(3)`): the DER
//! of each relative distinguished name, without the sequence around them, in which text is UTF-8 in
//! lower case with single spaces. RFC 5280 §7.1 compares names in the same way.

use sha1::{Digest, Sha1};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::{Encode, Tag, Tagged};
use x509_cert::name::Name;

/// The hash; its eight hexadecimal digits are the name of the certificate's link.
pub(crate) fn hash(name: &Name) -> u32 {
    let mut sha = Sha1::new();
    for relative in name.as_ref().iter() {
        let mut attributes: Vec<Vec<u8>> = relative.as_ref().iter().map(canonical).collect();
        // DER sorts the members of a set (X.690 §11.6).
        attributes.sort();
        sha.update(tagged(0x31, &attributes.concat()));
    }
    let digest = sha.finalize();
    u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// A SEQUENCE of the attribute's type and its value in canonical form.
fn canonical(attribute: &AttributeTypeAndValue) -> Vec<u8> {
    let mut inner = attribute.oid.to_der().unwrap_or_default();
    match text(attribute) {
        Some(text) => inner.extend(tagged(0x0c, folded(&text).as_bytes())),
        None => inner.extend(attribute.value.to_der().unwrap_or_default()),
    }
    tagged(0x30, &inner)
}

/// The value as text, if its type is a string type.
fn text(attribute: &AttributeTypeAndValue) -> Option<String> {
    let bytes = attribute.value.value();
    match attribute.value.tag() {
        Tag::Utf8String => String::from_utf8(bytes.to_vec()).ok(),
        // T.61 is read as Latin-1, as by OpenSSL; the others are ASCII.
        Tag::PrintableString | Tag::Ia5String | Tag::VisibleString | Tag::TeletexString => {
            Some(bytes.iter().copied().map(char::from).collect())
        }
        Tag::BmpString => {
            let units: Vec<u16> = bytes
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                .collect();
            String::from_utf16(&units).ok()
        }
        _ => None,
    }
}

/// Trims white space, reduces it between words to one space, and converts ASCII letters to lower
/// case.
fn folded(text: &str) -> String {
    let words: Vec<_> = text
        .split(|c: char| c.is_ascii_whitespace() || c == '\x0b')
        .filter(|w| !w.is_empty())
        .collect();
    words.join(" ").to_ascii_lowercase()
}

/// `tag`, the length and `content` (X.690 §8.1.3).
fn tagged(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    let length: Vec<u8> = content
        .len()
        .to_be_bytes()
        .into_iter()
        .skip_while(|b| *b == 0)
        .collect();
    match length.as_slice() {
        [] => bytes.push(0),
        [short @ 0..=0x7f] => bytes.push(*short),
        long => {
            bytes.push(0x80 | u8::try_from(long.len()).expect("a length has at most 8 bytes"));
            bytes.extend(long);
        }
    }
    bytes.extend(content);
    bytes
}
