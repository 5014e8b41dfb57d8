//! Signs certificates: ECDSA over P-256 with SHA-256 (RFC 5758 §3.2), nonces after RFC 6979, so that the same inputs give the same bytes.

use std::fmt;
use std::time::SystemTime;

use p256::ecdsa::{DerSignature, SigningKey};
use x509_cert::TbsCertificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder, Result as BuilderResult};
use x509_cert::der::asn1::Ia5String;
use x509_cert::der::oid::db::rfc5280::{ID_KP_CLIENT_AUTH, ID_KP_SERVER_AUTH};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{SubjectPublicKeyInfo, SubjectPublicKeyInfoRef};
use x509_cert::time::{Time, Validity};

use super::CryptoRng;
use super::certificate::{Certificate, PrivateKey};
use super::profile::{BACKDATED, Profile, Usage};

/// Why a certificate could not be made: a name that ASN.1 cannot hold, or a time beyond the year 9999.
#[derive(Debug)]
pub struct IssueError(x509_cert::builder::Error);

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "making a certificate: {}", self.0)
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

/// A certificate for `key` that it signs itself, as `profile` says, valid from five minutes before `now`.
pub fn self_signed(
    profile: &Profile,
    key: &PrivateKey,
    now: SystemTime,
    rng: &mut dyn CryptoRng,
) -> Result<Certificate, IssueError> {
    let subject = subject_of(profile)?;
    sign(profile, key, subject, key, now, rng)
}

/// A certificate for `key` as `profile` says, signed by the authority `issuer` with `issuer_key`, valid from five minutes before `now`.
pub fn issue(
    profile: &Profile,
    key: &PrivateKey,
    issuer: &Certificate,
    issuer_key: &PrivateKey,
    now: SystemTime,
    rng: &mut dyn CryptoRng,
) -> Result<Certificate, IssueError> {
    sign(
        profile,
        key,
        issuer.x509().tbs_certificate().subject().clone(),
        issuer_key,
        now,
        rng,
    )
}

fn sign(
    profile: &Profile,
    key: &PrivateKey,
    issuer: Name,
    issuer_key: &PrivateKey,
    now: SystemTime,
    rng: &mut dyn CryptoRng,
) -> Result<Certificate, IssueError> {
    let start = now - BACKDATED;
    let validity = Validity::new(
        Time::try_from(start)?,
        Time::try_from(start + profile.validity())?,
    );
    let public =
        SubjectPublicKeyInfo::from_key(key.public()).map_err(x509_cert::builder::Error::from)?;
    let builder = CertificateBuilder::new(
        Extended {
            profile,
            subject: subject_of(profile)?,
            issuer,
        },
        SerialNumber::generate(rng),
        validity,
        public,
    )?;
    let signer = SigningKey::from(issuer_key.p256());
    Ok(Certificate::from_x509(
        builder.build::<_, DerSignature>(&signer)?,
    ))
}

/// `CN=` and nothing else, made from its parts so that no character of the name is taken for syntax.
fn subject_of(profile: &Profile) -> Result<Name, x509_cert::der::Error> {
    let mut escaped = String::from("CN=");
    for c in profile.common_name.chars() {
        // RFC 4514 §2.4
        if ",+\"\\<>;=/#".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped.parse()
}

/// Our profile in the builder's terms.
struct Extended<'a> {
    profile: &'a Profile,
    subject: Name,
    issuer: Name,
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
        } else {
            KeyUsages::DigitalSignature.into()
        };
        let constraints = BasicConstraints {
            ca: authority,
            path_len_constraint: authority.then_some(0),
        };
        let mut extensions = vec![
            // Critical for leaves too (RFC 5280 §4.2.1.9 asks it of authorities; kubeadm marks both).
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
            let issuer = AuthorityKeyIdentifier::try_from(issuer_public)?;
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
