//! One private key, to and from PEM (RFC 7468): ECDSA over P-256, or RSA.

use std::fmt;

use p256::SecretKey;
use p256::elliptic_curve::Generate;
use p256::pkcs8::{DecodePrivateKey, EncodePublicKey};
use rsa::RsaPrivateKey;
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey};
use rsa::traits::PublicKeyParts;
use x509_cert::der::Decode;
use x509_cert::der::pem::LineEnding;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::CryptoRng;
use super::certificate::CertificateError;

/// What a new private key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyAlgorithm {
    /// On the curve P-256 (prime256v1): small and fast.
    #[default]
    EcdsaP256,
    /// RSA with 2048 bits, kubeadm's default: for clients that know no elliptic curves.
    Rsa2048,
}

/// Bits of an RSA key: less is broken, more is nobody's and takes seconds to sign with.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A private key.
pub struct PrivateKey {
    secret: Secret,
    /// `SubjectPublicKeyInfo` in DER, worked out once.
    public: Vec<u8>,
}

/// The key itself.
pub(super) enum Secret {
    P256(SecretKey),
    Rsa(Box<RsaPrivateKey>),
}

/// Shows no secret.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

impl PrivateKey {
    /// A new one.
    pub fn generate(
        algorithm: KeyAlgorithm,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, CertificateError> {
        match algorithm {
            KeyAlgorithm::EcdsaP256 => {
                Self::from_secret(Secret::P256(SecretKey::generate_from_rng(rng)))
            }
            KeyAlgorithm::Rsa2048 => RsaPrivateKey::new(rng, 2048)
                .map_err(|e| CertificateError(format!("cannot be made: {e}")))
                .and_then(|key| Self::from_secret(Secret::Rsa(Box::new(key)))),
        }
    }

    /// Reads `EC PRIVATE KEY` (SEC 1, RFC 5915), `RSA PRIVATE KEY` (PKCS #1, RFC 8017) or `PRIVATE KEY` (PKCS #8, RFC 5958) in PEM.
    /// The parameters that `openssl ecparam -genkey` writes before the key are passed over.
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        const BEGIN: &str = "-----BEGIN ";
        let pem = match pem.find("-----BEGIN EC PRIVATE KEY-----") {
            Some(at) => &pem[at..],
            None => pem,
        };
        let begin = pem.lines().find_map(|line| line.strip_prefix(BEGIN));
        let secret = match begin.and_then(|line| line.strip_suffix("-----")) {
            Some("EC PRIVATE KEY") => SecretKey::from_pem(pem).ok().map(Secret::P256),
            Some("RSA PRIVATE KEY") => RsaPrivateKey::from_pkcs1_pem(pem).ok().map(rsa),
            Some("PRIVATE KEY") => SecretKey::from_pkcs8_pem(pem)
                .ok()
                .map(Secret::P256)
                .or_else(|| RsaPrivateKey::from_pkcs8_pem(pem).ok().map(rsa)),
            Some("ENCRYPTED PRIVATE KEY") => {
                return Err(CertificateError(
                    "is encrypted: imgbuild needs it without a passphrase".to_owned(),
                ));
            }
            Some(other) => {
                return Err(CertificateError(format!(
                    "holds a {other} where a private key is needed"
                )));
            }
            None => return Err(CertificateError("is not a private key in PEM".to_owned())),
        };
        let secret = secret.ok_or_else(|| {
            CertificateError(
                "is neither an EC private key on the curve P-256 (prime256v1) nor an RSA one, or damaged"
                    .to_owned(),
            )
        })?;
        if let Secret::Rsa(key) = &secret {
            let bits = key.size() * 8;
            if !RSA_BITS.contains(&bits) {
                return Err(CertificateError(format!(
                    "is an RSA key of {bits} bits: {} to {} are accepted",
                    RSA_BITS.start(),
                    RSA_BITS.end()
                )));
            }
        }
        Self::from_secret(secret)
    }

    fn from_secret(secret: Secret) -> Result<Self, CertificateError> {
        let der = match &secret {
            Secret::P256(key) => key.public_key().to_public_key_der(),
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
        let unencodable =
            |e: &dyn fmt::Display| CertificateError(format!("cannot be encoded: {e}"));
        let pem = match &self.secret {
            Secret::P256(key) => key
                .to_sec1_pem(LineEnding::LF)
                .map_err(|e| unencodable(&e))?,
            Secret::Rsa(key) => key
                .to_pkcs1_pem(LineEnding::LF)
                .map_err(|e| unencodable(&e))?,
        };
        Ok(pem.as_str().to_owned())
    }

    /// The public half as `openssl pkey -pubout` writes it: SPKI, in PEM.
    pub fn public_pem(&self) -> Result<String, CertificateError> {
        let pem = match &self.secret {
            Secret::P256(key) => key.public_key().to_public_key_pem(LineEnding::LF),
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

    /// Whether an RSA key; those have the usage `keyEncipherment` too.
    pub(super) fn is_rsa(&self) -> bool {
        matches!(self.secret, Secret::Rsa(_))
    }
}

fn rsa(key: RsaPrivateKey) -> Secret {
    Secret::Rsa(Box::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_no_key() {
        for (text, want) in [
            ("", "is not a private key in PEM"),
            (
                "-----BEGIN PUBLIC KEY-----\n",
                "holds a PUBLIC KEY where a private key is needed",
            ),
            (
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
                "is encrypted: imgbuild needs it without a passphrase",
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n",
                "is neither an EC private key on the curve P-256 (prime256v1) nor an RSA one, or damaged",
            ),
        ] {
            assert_eq!(
                PrivateKey::from_pem(text).expect_err("no key").to_string(),
                want
            );
        }
    }
}
