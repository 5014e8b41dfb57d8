//! Signs certificates: ECDSA over P-256 with SHA-256 (RFC 5758 §3.2), nonces after RFC 6979, or RSA
//! (PKCS #1 v1.5) with SHA-256 (RFC 4055 §5), so that the same inputs produce the same bytes.

use std::fmt;
use std::time::SystemTime;

use p256::ecdsa::DerSignature;
use rsa::pkcs1v15;
use sha2::Sha256;
use x509_cert::TbsCertificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder, Result as BuilderResult};
use x509_cert::der::asn1::{Ia5String, OctetString};
use x509_cert::der::oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfoRef;
use x509_cert::time::{Time, Validity};

use super::CryptoRng;
use super::certificate::Certificate;
use super::private_key::{PrivateKey, Secret};
use super::profile::{BACKDATED, Profile, Usage};

/// Why a certificate could not be issued: a name that ASN.1 cannot represent, or a time beyond the
/// year 9999.
#[derive(Debug)]
pub struct IssueError(x509_cert::builder::Error);

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "issuing a certificate: {}", self.0)
    }
}

impl std::error::Error for IssueError {}

impl From<x509_cert::builder::Error> for IssueError {
    fn from(error: x509_cert::builder::Error) -> Self {
        Self(error)
    }
}

impl From<x509_cert::der::Error> for IssueError {
    fn from(error: x509_cert::der::Error) -> Self {
        Self(error.into())
    }
}

/// A self-signed certificate for `key` with `profile`, valid from five minutes before
/// `now`.
pub fn self_signed(
    profile: &Profile,
    key: &PrivateKey,
    now: SystemTime,
    rng: &mut dyn CryptoRng,
) -> Result<Certificate, IssueError> {
    let issuer = Issuer {
        name: subject_of(profile)?,
        key,
        identifier: None,
    };
    sign(profile, key, issuer, now, rng)
}

/// A certificate for `key` with `profile`, signed by the authority `issuer` with `issuer_key`,
/// valid from five minutes before `now`.
pub fn issue(
    profile: &Profile,
    key: &PrivateKey,
    issuer: &Certificate,
    issuer_key: &PrivateKey,
    now: SystemTime,
    rng: &mut dyn CryptoRng,
) -> Result<Certificate, IssueError> {
    let issuer = Issuer {
        name: issuer.x509().tbs_certificate().subject().clone(),
        key: issuer_key,
        identifier: issuer.key_identifier(),
    };
    sign(profile, key, issuer, now, rng)
}

/// Who signs.
struct Issuer<'a> {
    name: Name,
    key: &'a PrivateKey,
    /// The key's identifier in the issuer's own certificate, if it has one. How it is computed is
    /// the issuer's choice (RFC 5280 §4.2.1.2, RFC 7093 §2): Go makes it with SHA-256 since 1.25.
    identifier: Option<OctetString>,
}

fn sign(
    profile: &Profile,
    key: &PrivateKey,
    issuer: Issuer<'_>,
    now: SystemTime,
    rng: &mut dyn CryptoRng,
) -> Result<Certificate, IssueError> {
    let start = now - BACKDATED;
    let validity = Validity::new(
        Time::try_from(start)?,
        Time::try_from(start + profile.validity())?,
    );
    let builder = CertificateBuilder::new(
        Extended {
            profile,
            subject: subject_of(profile)?,
            issuer: issuer.name,
            issuer_identifier: issuer.identifier,
            // RSA's key exchange of TLS 1.2 encrypts with it (RFC 5246 §7.4.2); kubeadm sets it for
            // all keys.
            encipherment: key.is_rsa(),
        },
        SerialNumber::generate(rng),
        validity,
        key.public_info()?,
    )?;
    let certificate = match issuer.key.secret() {
        Secret::P256(key) => builder.build::<_, DerSignature>(key)?,
        // The random numbers blind the computation against side channels; they do not affect the
        // signature.
        Secret::Rsa(key) => builder.build_with_rng::<_, pkcs1v15::Signature, _>(
            &pkcs1v15::SigningKey::<Sha256>::new(key.as_ref().clone()),
            rng,
        )?,
    };
    Ok(Certificate::from_x509(certificate))
}

/// `O=` if there is a group, then `CN=`; built from its parts so that no character of a name is
/// interpreted as syntax.
pub(super) fn subject_of(profile: &Profile) -> Result<Name, x509_cert::der::Error> {
    // RFC 4514 §2.1 writes the last part first.
    let mut text = format!("CN={}", escaped(&profile.common_name));
    if let Some(group) = &profile.organization {
        text.push_str(",O=");
        text.push_str(&escaped(group));
    }
    text.parse()
}

/// `value` with RFC 4514 §2.4's special characters escaped.
fn escaped(value: &str) -> String {
    let mut escaped = String::new();
    for c in value.chars() {
        if ",+\"\\<>;=/#".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// Our profile as the certificate builder takes it.
struct Extended<'a> {
    profile: &'a Profile,
    subject: Name,
    issuer: Name,
    issuer_identifier: Option<OctetString>,
    encipherment: bool,
}

impl BuilderProfile for Extended<'_> {
    fn get_issuer(&self, _subject: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        public: SubjectPublicKeyInfoRef<'_>,
        issuer_public: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> BuilderResult<Vec<Extension>> {
        let subject = tbs.subject();
        let authority = self.profile.usages.contains(&Usage::Authority);
        let key_usage = if authority {
            KeyUsages::DigitalSignature | KeyUsages::KeyCertSign | KeyUsages::CRLSign
        } else if self.encipherment {
            KeyUsages::DigitalSignature | KeyUsages::KeyEncipherment
        } else {
            KeyUsages::DigitalSignature.into()
        };
        let constraints = BasicConstraints {
            ca: authority,
            path_len_constraint: authority.then_some(0),
        };
        let mut extensions = vec![
            // Critical for leaves too (RFC 5280 §4.2.1.9 requires it for authorities; kubeadm does
            // so for both).
            (true, &KeyUsage(key_usage)).to_extension(subject, &[])?,
            (true, &constraints).to_extension(subject, &[])?,
            (&SubjectKeyIdentifier::try_from(public)?).to_extension(subject, &[])?,
        ];
        let mut purposes = Vec::new();
        if self.profile.usages.contains(&Usage::Server) {
            purposes.push(ID_KP_SERVER_AUTH);
        }
        if self.profile.usages.contains(&Usage::Client) {
            purposes.push(ID_KP_CLIENT_AUTH);
        }
        if !purposes.is_empty() {
            extensions.push((&ExtendedKeyUsage(purposes)).to_extension(subject, &[])?);
        }
        if !authority {
            let issuer = match &self.issuer_identifier {
                Some(identifier) => AuthorityKeyIdentifier {
                    key_identifier: Some(identifier.clone()),
                    ..AuthorityKeyIdentifier::default()
                },
                None => AuthorityKeyIdentifier::try_from(issuer_public)?,
            };
            extensions.push((&issuer).to_extension(subject, &[])?);
        }
        if !self.profile.names.is_empty() {
            let names = &self.profile.names;
            let mut general = Vec::new();
            for name in &names.dns {
                general.push(GeneralName::DnsName(Ia5String::new(name)?));
            }
            general.extend(names.addresses.iter().copied().map(GeneralName::from));
            extensions.push((&SubjectAltName(general)).to_extension(subject, &[])?);
        }
        Ok(extensions)
    }
}
