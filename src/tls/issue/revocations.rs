//! What an authority takes back: numbers of certificates, in a list that it signs.

use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber};

use super::super::moment::Moment;
use super::authority::{Authority, asn1, unissued};
use crate::base::{Error, Result};

/// One certificate that was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revoked {
    /// As [`super::super::Leaf::serial`] has it.
    pub serial: String,
    /// When.
    pub at: Moment,
}

/// Everything that an authority took back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Revocations {
    /// One more with each list.
    pub number: u64,
    /// All of them.
    pub revoked: Vec<Revoked>,
}

impl Revocations {
    /// The list in PEM, in force from `now` until its authority expires.
    ///
    /// # Errors
    /// `Invalid` for a serial number that is no number.
    pub fn sign(&self, authority: &Authority, now: Moment) -> Result<String> {
        let revoked: Result<Vec<RevokedCertParams>> = self.revoked.iter().map(params).collect();
        let list = CertificateRevocationListParams {
            this_update: asn1(now)?.to_datetime(),
            next_update: asn1(authority.not_after())?.to_datetime(),
            crl_number: SerialNumber::from(self.number),
            issuing_distribution_point: None,
            revoked_certs: revoked?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(authority.issuer()).map_err(unissued)?;
        list.pem().map_err(unissued)
    }
}

fn params(revoked: &Revoked) -> Result<RevokedCertParams> {
    Ok(RevokedCertParams {
        serial_number: SerialNumber::from(bytes(&revoked.serial)?),
        revocation_time: asn1(revoked.at)?.to_datetime(),
        reason_code: None,
        invalidity_date: None,
    })
}

/// The bytes of a number in hexadecimal.
fn bytes(serial: &str) -> Result<Vec<u8>> {
    let bad = || {
        Error::invalid(format!(
            "`{}` is no serial number: up to 40 hexadecimal digits",
            serial.escape_debug()
        ))
    };
    let is_hex = serial.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || !(1..=40).contains(&serial.len()) {
        return Err(bad());
    }
    let even = format!("{}{serial}", if serial.len() % 2 == 1 { "0" } else { "" });
    (0..even.len() / 2)
        .map(|at| u8::from_str_radix(&even[at * 2..at * 2 + 2], 16).map_err(|_| bad()))
        .collect()
}
