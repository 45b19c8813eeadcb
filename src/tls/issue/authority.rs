//! An authority: a certificate that signed itself, and the key that signs others.

use std::fmt;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::time::ASN1Time;

use super::super::found::Found;
use super::super::leaf::{self, Leaf};
use super::super::moment::Moment;
use super::super::nodes::fingerprint;
use super::record::Record;
use super::request::Request;
use crate::base::host::Rng;
use crate::base::{Error, Result};

/// How long before it was issued a certificate is valid, seconds: clocks differ.
const BACKDATED_SECONDS: i64 = 300;
/// The longest that anything is valid: a date that every reader understands.
const DAYS_MAX: u32 = 36_500;
const NAME_CHARS_MAX: usize = 64;

/// Signs certificates and lists of revocations.
pub struct Authority {
    certificate_pem: String,
    certificate: CertificateDer<'static>,
    serial: String,
    digest: [u8; 32],
    subject: String,
    not_after: Moment,
    issuer: Issuer<'static, KeyPair>,
    record: Option<Record>,
}

/// A certificate that nobody has yet.
pub(super) struct Signed {
    pub(super) pem: String,
    pub(super) leaf: Leaf,
}

/// A certificate and its key, in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// What may be shown to everybody.
    pub certificate_pem: String,
    /// What may be shown to nobody.
    pub key_pem: String,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("certificate_pem", &self.certificate_pem)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("subject", &self.subject)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// What an authority is called if nobody says so, as `dkv authority 3f9a`: lists of
    /// revocations are known by it, so that a new authority must not be called as the old.
    pub fn default_name(rng: &dyn Rng) -> String {
        let [one, two, ..] = rng.id();
        format!("dkv authority {one:02x}{two:02x}")
    }

    /// Makes an authority that is valid for `days` from now on: its certificate and key.
    ///
    /// # Errors
    /// `Invalid` for an empty or too long name, and for no or too many days.
    pub fn create(name: &str, days: u32, rng: &dyn Rng) -> Result<Issued> {
        Self::create_at(name, days, rng, Moment::now())
    }

    /// The same, from `now` on.
    ///
    /// # Errors
    /// As of [`Authority::create`].
    pub fn create_at(name: &str, days: u32, rng: &dyn Rng, now: Moment) -> Result<Issued> {
        let is_plain = !name.trim().is_empty() && !name.chars().any(char::is_control);
        if !is_plain || name.chars().count() > NAME_CHARS_MAX {
            return Err(Error::invalid(format!(
                "`{}` is no name for an authority: 1 to {NAME_CHARS_MAX} characters",
                name.escape_debug()
            )));
        }
        check_days(days)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        date(&mut params, now, now.plus_days(days))?;
        params.serial_number = Some(serial(rng));
        let key = new_key()?;
        let certificate = params.self_signed(&key).map_err(unissued)?;
        Ok(Issued {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    }

    /// The authority of a certificate and its key, as they were written.
    ///
    /// # Errors
    /// `Invalid` if one is damaged, the key does not fit, or it is no authority.
    pub fn of(certificate_pem: &str, key_pem: &str) -> Result<Self> {
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
            .map_err(|error| Error::invalid("this is no certificate in PEM").with_source(error))?;
        let key = KeyPair::from_pem(key_pem)
            .map_err(|error| Error::invalid("this is no private key in PEM").with_source(error))?;
        let parsed = leaf::parse(&certificate)?;
        if !parsed.is_ca() {
            return Err(Error::invalid(format!(
                "the certificate of {} is not that of an authority",
                parsed.subject()
            )));
        }
        if key.subject_public_key_info() != parsed.public_key().raw {
            return Err(Error::invalid(
                "the private key is not that of the authority's certificate",
            ));
        }
        Ok(Self {
            certificate_pem: certificate_pem.to_owned(),
            digest: fingerprint(&certificate),
            subject: parsed.subject().to_string(),
            serial: leaf::serial_text(parsed.raw_serial()),
            not_after: parsed.validity().not_after.into(),
            issuer: Issuer::from_ca_cert_der(&certificate, key).map_err(unissued)?,
            certificate,
            record: None,
        })
    }

    /// The same, which keeps a record of what it issues from now on.
    #[must_use]
    pub(super) fn recording(mut self, record: Record) -> Self {
        self.record = Some(record);
        self
    }

    /// Its certificate, in PEM.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// SHA-256 of its certificate.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Its name, as in [`super::super::Leaf::issuer`].
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The number of its own certificate, as in [`super::super::Leaf::serial`].
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// True if it signed this certificate, whatever else of that may be wrong.
    pub fn has_signed(&self, found: &Found) -> bool {
        found.is_signed_by(&self.certificate)
    }

    /// Until when it is valid; nothing it issues is valid for longer.
    pub fn not_after(&self) -> Moment {
        self.not_after
    }

    /// Issues a certificate with a new key.
    ///
    /// # Errors
    /// `Invalid` for bad names, hosts or days, and if the authority has expired.
    pub fn issue(&self, request: &Request, rng: &dyn Rng) -> Result<Issued> {
        self.issue_at(request, rng, Moment::now())
    }

    /// The same, as if it were `now`: for certificates whose time is over, or has not begun.
    ///
    /// # Errors
    /// As of [`Authority::issue`].
    pub fn issue_at(&self, request: &Request, rng: &dyn Rng, now: Moment) -> Result<Issued> {
        let key = new_key()?;
        let signed = self.sign(request, &key, rng, now)?;
        self.record(&signed)?;
        Ok(Issued {
            certificate_pem: signed.pem,
            key_pem: key.serialize_pem(),
        })
    }

    /// Issues a certificate for a key that is there: the certificate, in PEM.
    ///
    /// # Errors
    /// As of [`Authority::issue`], and for a damaged key.
    pub fn renew(&self, request: &Request, key_pem: &str, rng: &dyn Rng) -> Result<String> {
        let key = KeyPair::from_pem(key_pem)
            .map_err(|error| Error::invalid("this is no private key in PEM").with_source(error))?;
        let signed = self.sign(request, &key, rng, Moment::now())?;
        self.record(&signed)?;
        Ok(signed.pem)
    }

    /// Keeps in mind what was signed, before anybody has it.
    pub(super) fn record(&self, signed: &Signed) -> Result<()> {
        match &self.record {
            Some(record) => record.add(&signed.leaf, &self.serial),
            None => Ok(()),
        }
    }

    pub(super) fn sign(
        &self,
        request: &Request,
        key: &impl PublicKeyData,
        rng: &dyn Rng,
        now: Moment,
    ) -> Result<Signed> {
        check_days(request.days)?;
        if now >= self.not_after {
            return Err(Error::invalid(format!(
                "the authority {} expired at {}: make another with `dkv cert ca`",
                self.subject, self.not_after
            )));
        }
        let mut params = request.params()?;
        let until = now.plus_days(request.days).min(self.not_after);
        date(&mut params, now, until)?;
        params.serial_number = Some(serial(rng));
        let certificate = params.signed_by(key, &self.issuer).map_err(unissued)?;
        Ok(Signed {
            // Who knows the authority by its fingerprint alone must be shown it.
            pem: certificate.pem() + &self.certificate_pem,
            leaf: Leaf::of(certificate.der())?,
        })
    }

    pub(super) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }
}

/// 128 random bits and never negative, zero or short: none is given twice by whoever issues
/// without a list of what was issued (RFC 5280, 4.1.2.2).
fn serial(rng: &dyn Rng) -> SerialNumber {
    let mut bytes = rng.id();
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

fn new_key() -> Result<KeyPair> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(unissued)
}

fn date(params: &mut CertificateParams, now: Moment, until: Moment) -> Result<()> {
    params.not_before = asn1(now.plus_seconds(-BACKDATED_SECONDS))?.to_datetime();
    params.not_after = asn1(until)?.to_datetime();
    Ok(())
}

pub(super) fn asn1(moment: Moment) -> Result<ASN1Time> {
    ASN1Time::from_timestamp(moment.0).map_err(|error| {
        Error::invalid(format!("{moment} is no date for a certificate")).with_source(error)
    })
}

fn check_days(days: u32) -> Result<()> {
    if (1..=DAYS_MAX).contains(&days) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "a certificate is valid for 1 to {DAYS_MAX} days, not for {days}"
    )))
}

pub(super) fn unissued(error: rcgen::Error) -> Error {
    Error::internal(format!("no certificate was issued: {error}")).with_source(error)
}
