//! One certificate or one private key, to and from PEM (RFC 7468).

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::time::SystemTime;

use p256::ecdsa::signature::Verifier;
use p256::ecdsa::{DerSignature, VerifyingKey};
use p256::elliptic_curve::Generate;
use p256::pkcs8::DecodePublicKey;
use p256::{PublicKey, SecretKey};
use x509_cert::der::oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use x509_cert::der::pem::LineEnding;
use x509_cert::der::referenced::OwnedToRef;
use x509_cert::der::{DecodePem, Encode, EncodePem};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, SubjectAltName,
    SubjectKeyIdentifier,
};

use super::CryptoRng;
use super::profile::{Names, Usage};

/// Why a text is not the certificate or key that is needed: words that follow the name of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateError(pub String);

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CertificateError {}

/// A private key on the curve P-256.
pub struct PrivateKey {
    secret: SecretKey,
    /// Worked out once.
    public: PublicKey,
}

/// Shows no secret.
impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey")
    }
}

impl PrivateKey {
    /// A new one.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        SecretKey::generate_from_rng(rng).into()
    }

    /// Reads `EC PRIVATE KEY` (SEC 1, RFC 5915) or `PRIVATE KEY` (PKCS #8) in PEM.
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        let begin = pem
            .lines()
            .find_map(|line| line.strip_prefix("-----BEGIN "));
        match begin.and_then(|line| line.strip_suffix("-----")) {
            Some("EC PRIVATE KEY" | "PRIVATE KEY") => {}
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
        }
        SecretKey::from_pem(pem)
            .or_else(|_| p256::pkcs8::DecodePrivateKey::from_pkcs8_pem(pem).map_err(|_| ()))
            .map(Self::from)
            .map_err(|()| {
                CertificateError(
                    "is not an EC private key on the curve P-256 (prime256v1), or damaged"
                        .to_owned(),
                )
            })
    }

    /// The key as kubeadm and `openssl ecparam -genkey` write it: SEC 1, in PEM.
    pub fn to_pem(&self) -> Result<String, CertificateError> {
        self.secret
            .to_sec1_pem(LineEnding::LF)
            .map(|pem| pem.as_str().to_owned())
            .map_err(|e| CertificateError(format!("cannot be encoded: {e}")))
    }

    pub(super) fn p256(&self) -> &SecretKey {
        &self.secret
    }

    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }
}

impl From<SecretKey> for PrivateKey {
    fn from(secret: SecretKey) -> Self {
        let public = secret.public_key();
        Self { secret, public }
    }
}

/// An X.509 certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate(x509_cert::Certificate);

impl Certificate {
    pub(super) fn from_x509(certificate: x509_cert::Certificate) -> Self {
        Self(certificate)
    }

    pub(super) fn x509(&self) -> &x509_cert::Certificate {
        &self.0
    }

    /// Reads one `CERTIFICATE` in PEM.
    pub fn from_pem(pem: &str) -> Result<Self, CertificateError> {
        if !pem.contains("-----BEGIN CERTIFICATE-----") {
            return Err(CertificateError("is not a certificate in PEM".to_owned()));
        }
        x509_cert::Certificate::from_pem(pem)
            .map(Self)
            .map_err(|e| CertificateError(format!("is a damaged certificate: {e}")))
    }

    /// The certificate in PEM, lines ending in a line feed.
    pub fn to_pem(&self) -> Result<String, CertificateError> {
        self.0
            .to_pem(LineEnding::LF)
            .map_err(|e| CertificateError(format!("cannot be encoded: {e}")))
    }

    /// The subject as RFC 4514 writes it: `CN=etcd-ca`.
    pub fn subject(&self) -> String {
        self.0.tbs_certificate().subject().to_string()
    }

    /// The issuer as RFC 4514 writes it.
    pub fn issuer(&self) -> String {
        self.0.tbs_certificate().issuer().to_string()
    }

    /// The subject's common name, where it has one that is text.
    pub fn common_name(&self) -> Option<String> {
        let name = self.0.tbs_certificate().subject().common_name().ok()??;
        Some(name.value().into_owned())
    }

    /// Valid from.
    pub fn not_before(&self) -> SystemTime {
        self.0
            .tbs_certificate()
            .validity()
            .not_before
            .to_system_time()
    }

    /// Valid until.
    pub fn not_after(&self) -> SystemTime {
        self.0
            .tbs_certificate()
            .validity()
            .not_after
            .to_system_time()
    }

    /// Whether it was still valid at `now`; what starts later counts as valid.
    pub fn is_expired(&self, now: SystemTime) -> bool {
        self.not_after() < now
    }

    /// Whole days from `now` until it ends; negative after that.
    pub fn days_left(&self, now: SystemTime) -> i64 {
        let days = |d: std::time::Duration| i64::try_from(d.as_secs() / 86_400).unwrap_or(i64::MAX);
        match self.not_after().duration_since(now) {
            Ok(left) => days(left),
            Err(past) => -1 - days(past.duration()),
        }
    }

    /// What it may be used for, of what imgbuild knows. Damaged extensions count as absent.
    pub fn usages(&self) -> BTreeSet<Usage> {
        let tbs = self.0.tbs_certificate();
        let mut usages = BTreeSet::new();
        if let Ok(Some((_, constraints))) = tbs.get_extension::<BasicConstraints>()
            && constraints.ca
        {
            usages.insert(Usage::Authority);
        }
        if let Ok(Some((_, purposes))) = tbs.get_extension::<ExtendedKeyUsage>() {
            for purpose in purposes.0 {
                if purpose == ID_KP_SERVER_AUTH {
                    usages.insert(Usage::Server);
                } else if purpose == ID_KP_CLIENT_AUTH {
                    usages.insert(Usage::Client);
                }
            }
        }
        usages
    }

    /// The DNS names and addresses that it is valid for.
    pub fn names(&self) -> Names {
        let mut names = Names::default();
        let Ok(Some((_, general))) = self.0.tbs_certificate().get_extension::<SubjectAltName>()
        else {
            return names;
        };
        for name in general.0 {
            match name {
                GeneralName::DnsName(dns) => {
                    names.dns.insert(dns.to_string());
                }
                GeneralName::IpAddress(bytes) => {
                    let bytes = bytes.as_bytes();
                    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
                        names.addresses.insert(IpAddr::from(v4));
                    } else if let Ok(v6) = <[u8; 16]>::try_from(bytes) {
                        names.addresses.insert(IpAddr::from(v6));
                    }
                }
                _ => {}
            }
        }
        names
    }

    /// Whether `key` is the private half of its public key.
    pub fn matches(&self, key: &PrivateKey) -> bool {
        self.public_key() == Some(VerifyingKey::from(key.public))
    }

    /// Whether `authority` issued it: the names agree, and the key that signed it is the authority's.
    ///
    /// The key is told by its identifier (RFC 5280 §4.2.1.1), which tells another authority as surely as the signature does, in a
    /// hundredth of the time; the signature itself is verified where a certificate has no identifier.
    pub fn is_issued_by(&self, authority: &Self) -> bool {
        let tbs = self.0.tbs_certificate();
        let issuer = authority.0.tbs_certificate();
        if tbs.issuer() != issuer.subject() {
            return false;
        }
        let identifier = match tbs.get_extension::<AuthorityKeyIdentifier>() {
            Ok(Some((_, extension))) => extension.key_identifier,
            _ => None,
        };
        let Some(identifier) = identifier else {
            return self.is_signed_by(authority);
        };
        let by_extension = match issuer.get_extension::<SubjectKeyIdentifier>() {
            Ok(Some((_, extension))) => extension.0 == identifier,
            _ => false,
        };
        let public = issuer.subject_public_key_info().owned_to_ref();
        by_extension
            || SubjectKeyIdentifier::try_from(public).is_ok_and(|computed| computed.0 == identifier)
    }

    fn is_signed_by(&self, authority: &Self) -> bool {
        let Some(public) = authority.public_key() else {
            return false;
        };
        let signature = self.0.signature().as_bytes().map(DerSignature::try_from);
        let (Ok(signed), Some(Ok(signature))) = (self.0.tbs_certificate().to_der(), signature)
        else {
            return false;
        };
        public.verify(&signed, &signature).is_ok()
    }

    /// `None`: not a key on P-256.
    fn public_key(&self) -> Option<VerifyingKey> {
        let der = self
            .0
            .tbs_certificate()
            .subject_public_key_info()
            .to_der()
            .ok()?;
        VerifyingKey::from_public_key_der(&der).ok()
    }
}
