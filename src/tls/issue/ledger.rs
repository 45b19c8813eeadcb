//! A list of revocations as it is in a file, read back.

use std::path::Path;

use rustls::pki_types::CertificateRevocationListDer;
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

use super::revocations::{Revocations, Revoked};
use crate::base::Result;
use crate::tls::files::{Content, PemFile};
use crate::tls::leaf::serial_text;
use crate::tls::moment::Moment;

/// What a list says; whose signature is on it is for [`crate::tls::Authorities`] to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    /// Who signed it, as `CN=dkv authority`.
    pub issuer: String,
    /// What is on it.
    pub revocations: Revocations,
    /// From when on it is in force.
    pub since: Moment,
    /// Until when it is, if it says so.
    pub until: Option<Moment>,
}

impl Ledger {
    /// Reads every list of a file, at least one.
    ///
    /// # Errors
    /// `Invalid`, naming the file, if one is damaged.
    pub fn read(path: &Path) -> Result<Vec<Self>> {
        let file = PemFile::read(path, Content::Revocations)?;
        let lists = file.revocations()?;
        let read = lists.iter().map(|der| Self::of(der));
        read.map(|ledger| ledger.ok_or_else(|| file.garbled("is damaged")))
            .collect()
    }

    fn of(der: &CertificateRevocationListDer<'_>) -> Option<Self> {
        let Ok(([], list)) = CertificateRevocationList::from_der(der) else {
            return None;
        };
        let revoked = list.iter_revoked_certificates().map(|one| Revoked {
            serial: serial_text(one.raw_serial()),
            at: one.revocation_date.into(),
        });
        let number = list.crl_number().map(ToString::to_string);
        Some(Self {
            issuer: list.issuer().to_string(),
            revocations: Revocations {
                revoked: revoked.collect(),
                number: number.map_or(Some(0), |number| number.parse().ok())?,
            },
            since: list.last_update().into(),
            until: list.next_update().map(Into::into),
        })
    }

    /// When a certificate of this list's authority was taken back, if it was.
    pub fn revoked_at(&self, serial: &str) -> Option<Moment> {
        let mut revoked = self.revocations.revoked.iter();
        let found = revoked.find(|one| one.serial == serial);
        found.map(|one| one.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::fixture::Certs;

    #[test]
    fn a_list_is_read_back_as_it_was_signed() {
        let certs = Certs::new();
        let now = Moment::now();
        let revoked = ["a1b", "80ff", "7"].map(|serial| Revoked {
            serial: serial.to_owned(),
            at: now,
        });
        let revocations = Revocations {
            number: 1 << 40,
            revoked: revoked.to_vec(),
        };
        let path = certs.path().join("ca.crl");
        std::fs::write(&path, revocations.sign(&certs.authority, now).unwrap()).unwrap();
        let lists = Ledger::read(&path).unwrap();
        let [ledger] = &lists[..] else {
            panic!("{lists:?}");
        };
        assert_eq!(ledger.revocations, revocations);
        assert_eq!(ledger.issuer, certs.authority.subject());
        assert_eq!(ledger.until, Some(certs.authority.not_after()));
        assert_eq!(ledger.revoked_at("80ff"), Some(now));
        assert_eq!(ledger.revoked_at("80fe"), None);
    }
}
