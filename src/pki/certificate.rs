//! One certificate or one private key, to and from PEM (RFC 7468).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::SystemTime;

use p256::ecdsa;
use p256::ecdsa::signature::Verifier;
use p256::pkcs8::DecodePublicKey;
use rsa::pkcs1v15;
use sha2::{Digest, Sha256};
use x509_cert::der::asn1::OctetString;
use x509_cert::der::oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use x509_cert::der::pem::LineEnding;
use x509_cert::der::referenced::OwnedToRef;
use x509_cert::der::{DecodePem, Encode, EncodePem};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};

use super::private_key::{CertificateError, PrivateKey};

use super::profile::{Names, Usage};
use crate::text::hex;

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

    /// Reads all `CERTIFICATE` blocks in PEM.
    pub fn all_from_pem(pem: &str) -> Result<Vec<Self>, CertificateError> {
        const END: &str = "-----END CERTIFICATE-----";
        pem.split_inclusive(END)
            .filter(|part| part.contains(END))
            .map(|part| Self::from_pem(part.trim_start()))
            .collect()
    }

    /// The certificate in PEM, lines ending in a line feed.
    pub fn to_pem(&self) -> Result<String, CertificateError> {
        self.0
            .to_pem(LineEnding::LF)
            .map_err(|e| CertificateError(format!("cannot be encoded: {e}")))
    }

    /// The subject in the form of RFC 4514: `CN=etcd-ca`.
    pub fn subject(&self) -> String {
        self.0.tbs_certificate().subject().to_string()
    }

    /// The issuer in the form of RFC 4514.
    pub fn issuer(&self) -> String {
        self.0.tbs_certificate().issuer().to_string()
    }

    /// The subject's common name, if it has one that is text.
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

    /// Whether it has expired at `now`; a certificate that becomes valid later has not.
    pub fn is_expired(&self, now: SystemTime) -> bool {
        self.not_after() < now
    }

    /// Whole days from `now` until it expires; negative afterward.
    pub fn days_left(&self, now: SystemTime) -> i64 {
        let days = |d: std::time::Duration| i64::try_from(d.as_secs() / 86_400).unwrap_or(i64::MAX);
        match self.not_after().duration_since(now) {
            Ok(left) => days(left),
            Err(past) => -1 - days(past.duration()),
        }
    }

    /// The usages that imgbuild knows of. Damaged extensions count as absent.
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

    /// Whether its key usage allows signing certificates, as does the absence of that extension
    /// (RFC 5280 §4.2.1.3).
    pub(super) fn may_sign(&self) -> bool {
        match self.0.tbs_certificate().get_extension::<KeyUsage>() {
            Ok(Some((_, usage))) => usage.0.contains(KeyUsages::KeyCertSign),
            Ok(None) => true,
            Err(_) => false,
        }
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

    /// Whether `key` is the private key of its public key.
    pub fn matches(&self, key: &PrivateKey) -> bool {
        self.public_key().is_some_and(|der| der == key.public_der())
    }

    /// The kind of its key, for people: `ECDSA P-256`, `RSA 2048`.
    pub fn key_kind(&self) -> String {
        let Some(der) = self.public_key() else {
            return "damaged".to_owned();
        };
        if ecdsa::VerifyingKey::from_public_key_der(&der).is_ok() {
            return "ECDSA P-256".to_owned();
        }
        match rsa::RsaPublicKey::from_public_key_der(&der) {
            Ok(key) => format!("RSA {}", rsa::traits::PublicKeyParts::size(&key) * 8),
            Err(_) => "another kind".to_owned(),
        }
    }

    /// The public key's SHA-256 as in kubeadm's `--discovery-token-ca-cert-hash` (RFC 7469
    /// §2.4, in hexadecimal digits): `sha256:0123…`.
    pub fn public_key_hash(&self) -> String {
        let digest = Sha256::digest(self.public_key().unwrap_or_default());
        format!("sha256:{}", hex(&digest))
    }

    /// Whether `authority` issued it: the names agree, and the key that signed it is the
    /// authority's.
    ///
    /// The key is recognized by its identifier (RFC 5280 §4.2.1.1), which is as reliable as the
    /// signature, in a hundredth of the time; the signature itself is verified if a certificate has
    /// no identifier.
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
        if let Some(own) = authority.key_identifier() {
            return own == identifier;
        }
        let public = issuer.subject_public_key_info().owned_to_ref();
        SubjectKeyIdentifier::try_from(public).is_ok_and(|computed| computed.0 == identifier)
    }

    /// The identifier of its key that it carries (RFC 5280 §4.2.1.2).
    pub(super) fn key_identifier(&self) -> Option<OctetString> {
        match self.0.tbs_certificate().get_extension() {
            Ok(Some((_, SubjectKeyIdentifier(identifier)))) => Some(identifier),
            _ => None,
        }
    }

    /// Whether `authority`'s key made the signature; also `false` for signature algorithms other
    /// than ECDSA P-256 and RSA (PKCS #1 v1.5), both with SHA-256.
    pub(super) fn is_signed_by(&self, authority: &Self) -> bool {
        let (Some(public), Ok(signed), Some(signature)) = (
            authority.public_key(),
            self.0.tbs_certificate().to_der(),
            self.0.signature().as_bytes(),
        ) else {
            return false;
        };
        if let Ok(key) = ecdsa::VerifyingKey::from_public_key_der(&public) {
            return ecdsa::DerSignature::try_from(signature)
                .is_ok_and(|signature| key.verify(&signed, &signature).is_ok());
        }
        match rsa::RsaPublicKey::from_public_key_der(&public) {
            Ok(key) => pkcs1v15::Signature::try_from(signature).is_ok_and(|signature| {
                pkcs1v15::VerifyingKey::<Sha256>::new(key)
                    .verify(&signed, &signature)
                    .is_ok()
            }),
            Err(_) => false,
        }
    }

    /// `SubjectPublicKeyInfo`, in DER.
    fn public_key(&self) -> Option<Vec<u8>> {
        let info = self.0.tbs_certificate().subject_public_key_info();
        info.to_der().ok()
    }
}
