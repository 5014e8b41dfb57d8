//! One private key, to and from PEM (RFC 7468): ECDSA over P-256, or RSA.

use std::fmt;

use p256::ecdsa::{SigningKey, VerifyingKey};
use p256::elliptic_curve::Generate;
use p256::elliptic_curve::zeroize::Zeroizing;
use p256::pkcs8::{AssociatedOid, DecodePrivateKey, EncodePublicKey};
use p256::{NistP256, SecretKey};
use rsa::RsaPrivateKey;
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey};
use rsa::traits::PublicKeyParts;
use sec1::{EcParameters, EcPrivateKey};
use x509_cert::der::pem::{LineEnding, PemLabel};
use x509_cert::der::{Decode, EncodePem, SecretDocument};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::CryptoRng;
use crate::words::words;

words! {
    /// The algorithm of a new private key.
    pub enum KeyAlgorithm {
        /// On the curve P-256.
        EcdsaP256 = "ecdsa-p256",
        /// RSA with 2048 bits.
        Rsa2048 = "rsa-2048",
    }
    default EcdsaP256
}

/// Bits of an RSA key: fewer are insecure, more are unusual and take seconds to sign with.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A private key.
pub struct PrivateKey {
    secret: Secret,
    /// `SubjectPublicKeyInfo` in DER, computed once.
    public: Vec<u8>,
}

/// The key itself.
pub(super) enum Secret {
    /// With its public key, which takes longer to compute than anything else that is done with a
    /// key except signing.
    P256(SigningKey),
    Rsa(Box<RsaPrivateKey>),
}

/// Shows no secret.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

impl PrivateKey {
    /// Generates a new key.
    pub fn generate(
        algorithm: KeyAlgorithm,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, CertificateError> {
        match algorithm {
            KeyAlgorithm::EcdsaP256 => Self::from_secret(p256(SecretKey::generate_from_rng(rng))),
            KeyAlgorithm::Rsa2048 => RsaPrivateKey::new(rng, 2048)
                .map_err(|e| CertificateError(format!("cannot be generated: {e}")))
                .and_then(|key| Self::from_secret(Secret::Rsa(Box::new(key)))),
        }
    }

    /// Reads `EC PRIVATE KEY` (SEC 1, RFC 5915), `RSA PRIVATE KEY` (PKCS #1, RFC 8017) or `PRIVATE
    /// KEY` (PKCS #8, RFC 5958) in PEM. The parameters that `openssl ecparam -genkey` writes before
    /// the key are ignored.
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        const BEGIN: &str = "-----BEGIN ";
        let pem = match pem.find("-----BEGIN EC PRIVATE KEY-----") {
            Some(at) => &pem[at..],
            None => pem,
        };
        let begin = pem.lines().find_map(|line| line.strip_prefix(BEGIN));
        let secret = match begin.and_then(|line| line.strip_suffix("-----")) {
            Some("EC PRIVATE KEY") => from_sec1(pem).map(Secret::P256),
            Some("RSA PRIVATE KEY") => RsaPrivateKey::from_pkcs1_pem(pem).ok().map(rsa),
            Some("PRIVATE KEY") => SecretKey::from_pkcs8_pem(pem)
                .ok()
                .map(p256)
                .or_else(|| RsaPrivateKey::from_pkcs8_pem(pem).ok().map(rsa)),
            Some("ENCRYPTED PRIVATE KEY") => {
                return Err(CertificateError(
                    "is encrypted: imgbuild requires a key without a passphrase".to_owned(),
                ));
            }
            Some(other) => {
                return Err(CertificateError(format!(
                    "contains a {other} instead of a private key"
                )));
            }
            None => return Err(CertificateError("is not a private key in PEM".to_owned())),
        };
        let secret = secret.ok_or_else(|| {
            CertificateError(
                "is damaged, or is neither an EC private key on the curve P-256 (prime256v1) nor an RSA one"
                    .to_owned(),
            )
        })?;
        if let Secret::Rsa(key) = &secret {
            let bits = key.size() * 8;
            if !RSA_BITS.contains(&bits) {
                return Err(CertificateError(format!(
                    "is an RSA key of {bits} bits: supported are {} to {}",
                    RSA_BITS.start(),
                    RSA_BITS.end()
                )));
            }
        }
        Self::from_secret(secret)
    }

    fn from_secret(secret: Secret) -> Result<Self, CertificateError> {
        let der = match &secret {
            Secret::P256(key) => key.verifying_key().to_public_key_der(),
            Secret::Rsa(key) => key.to_public_key().to_public_key_der(),
        };
        let der = der.map_err(|e| CertificateError(format!("cannot be encoded: {e}")))?;
        Ok(Self {
            secret,
            public: der.as_bytes().to_vec(),
        })
    }

    /// The key as kubeadm writes it: SEC 1 or PKCS #1, in PEM.
    pub fn to_pem(&self) -> Result<String, CertificateError> {
        let pem = match &self.secret {
            Secret::P256(key) => to_sec1(key).map_err(|e| e.to_string()),
            Secret::Rsa(key) => (key.to_pkcs1_pem(LineEnding::LF))
                .map(|pem| pem.as_str().to_owned())
                .map_err(|e| e.to_string()),
        };
        pem.map_err(|e| CertificateError(format!("cannot be encoded: {e}")))
    }

    /// The public key as `openssl pkey -pubout` writes it: SPKI, in PEM.
    pub fn public_pem(&self) -> Result<String, CertificateError> {
        let pem = match &self.secret {
            Secret::P256(key) => key.verifying_key().to_public_key_pem(LineEnding::LF),
            Secret::Rsa(key) => key.to_public_key().to_public_key_pem(LineEnding::LF),
        };
        pem.map_err(|e| CertificateError(format!("cannot be encoded: {e}")))
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// `SubjectPublicKeyInfo`, in DER.
    pub(super) fn public_der(&self) -> &[u8] {
        &self.public
    }

    pub(super) fn public_info(&self) -> x509_cert::der::Result<SubjectPublicKeyInfoOwned> {
        SubjectPublicKeyInfoOwned::from_der(&self.public)
    }

    /// Whether it is an RSA key; those also have the usage `keyEncipherment`.
    pub(super) fn is_rsa(&self) -> bool {
        matches!(self.secret, Secret::Rsa(_))
    }
}

fn p256(key: SecretKey) -> Secret {
    Secret::P256(key.into())
}

/// Reads `EC PRIVATE KEY`. If it contains the public key, that is compared with the one of the
/// private key, which is computed once for both uses.
fn from_sec1(pem: &str) -> Option<SigningKey> {
    let (label, der) = SecretDocument::from_pem(pem).ok()?;
    EcPrivateKey::validate_pem_label(label).ok()?;
    let mut written: EcPrivateKey = der.decode_msg().ok()?;
    let public = written.public_key.take();
    let key = SigningKey::from(SecretKey::try_from(written).ok()?);
    let agrees =
        |point| VerifyingKey::from_sec1_bytes(point).is_ok_and(|it| it == *key.verifying_key());
    public.is_none_or(agrees).then_some(key)
}

/// `key` as `EC PRIVATE KEY`, with its public key, which the crate's own function would compute
/// again.
fn to_sec1(key: &SigningKey) -> x509_cert::der::Result<String> {
    let private = Zeroizing::new(key.to_bytes());
    let public = key.verifying_key().to_sec1_point(false);
    let written = EcPrivateKey {
        private_key: &private,
        parameters: Some(EcParameters::NamedCurve(NistP256::OID)),
        public_key: Some(public.as_bytes()),
    };
    written.to_pem(LineEnding::LF)
}

fn rsa(key: RsaPrivateKey) -> Secret {
    Secret::Rsa(Box::new(key))
}

/// Why a text is not a valid certificate or key, worded to follow the name of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateError(pub String);

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CertificateError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_no_key() {
        for (text, want) in [
            ("", "is not a private key in PEM"),
            (
                "-----BEGIN PUBLIC KEY-----\n",
                "contains a PUBLIC KEY instead of a private key",
            ),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
                "is encrypted: imgbuild requires a key without a passphrase",
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
                "is damaged, or is neither an EC private key on the curve P-256 (prime256v1) nor an RSA one",
            ),
        ] {
            assert_eq!(
                PrivateKey::from_pem(text).expect_err("no key").to_string(),
                want
            );
        }
    }

    #[test]
    fn elliptic_keys_are_written_as_their_crate_writes_them() {
        let secret = SecretKey::from_slice(&[7; 32]).expect("a scalar");
        let pem = secret.to_sec1_pem(LineEnding::LF).expect("encodes");
        let key = PrivateKey::from_pem(&pem).expect("a key");
        assert_eq!(key.to_pem().expect("encodes"), *pem);
        let public = secret.public_key().to_public_key_pem(LineEnding::LF);
        assert_eq!(key.public_pem().expect("encodes"), public.expect("encodes"));
    }

    #[test]
    fn public_halves_are_held_against_the_private_ones() {
        let secret = SecretKey::from_slice(&[7; 32]).expect("a scalar");
        let other = SecretKey::from_slice(&[8; 32]).expect("a scalar");
        let point = |key: &SecretKey, compressed| {
            let key = SigningKey::from(key);
            key.verifying_key()
                .to_sec1_point(compressed)
                .as_bytes()
                .to_vec()
        };
        for (name, public, is_right) in [
            ("its own", Some(point(&secret, false)), true),
            ("its own, compressed", Some(point(&secret, true)), true),
            ("none", None, true),
            ("another's", Some(point(&other, false)), false),
            ("no point", Some(vec![4; 65]), false),
            (
                "cut short",
                Some(point(&secret, false)[..64].to_vec()),
                false,
            ),
            ("empty", Some(Vec::new()), false),
        ] {
            let written = EcPrivateKey {
                private_key: &secret.to_bytes(),
                parameters: None,
                public_key: public.as_deref(),
            };
            let pem = written.to_pem(LineEnding::LF).expect("encodes");
            assert_eq!(PrivateKey::from_pem(&pem).is_ok(), is_right, "{name}");
        }
    }
}
