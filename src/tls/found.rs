//! What a certificate's file holds, whether or not it may be used: to show it, and to issue
//! it anew.

use std::io;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;

use super::files::{Content, Files, PemFile};
use super::identity::Identity;
use super::leaf::{Leaf, parse, serial_text};
use super::moment::Moment;
use super::provider::provider;
use crate::base::Result;
use crate::base::host::SmallFile;

/// The first certificate of a file.
#[derive(Debug, Clone)]
pub struct Found {
    /// Whom it names.
    pub holder: Holder,
    /// The hosts it is for.
    pub hosts: Vec<String>,
    /// Who signed it, as `CN=dkv authority`.
    pub issuer: String,
    /// As [`Leaf::serial`] has it.
    pub serial: String,
    /// From when on it is valid.
    pub not_before: Moment,
    /// Until when.
    pub not_after: Moment,
    certificate: CertificateDer<'static>,
}

/// Whose a certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// An authority, as `CN=dkv authority`.
    Authority(String),
    /// Somebody whom an authority vouches for.
    Leaf(Identity),
}

/// The private key beside a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyBeside {
    /// There is none: it is elsewhere.
    None,
    /// It is that of the certificate, and its owner's alone.
    Fits,
    /// It cannot be used, and why.
    Bad(String),
}

impl Found {
    /// Reads a file, whatever dates are in it.
    ///
    /// # Errors
    /// `Invalid`, naming the file, if it is not there or holds no certificate.
    pub fn read(path: &Path) -> Result<Self> {
        let file = PemFile::read(path, Content::Certificate)?;
        let certificate = file.certificates()?.remove(0);
        let unusable = |error| file.garbled(&format!("is not usable: {error}"));
        let parsed = parse(&certificate).map_err(unusable)?;
        let (holder, hosts) = if parsed.is_ca() {
            (Holder::Authority(parsed.subject().to_string()), Vec::new())
        } else {
            let leaf = Leaf::of(&certificate).map_err(unusable)?;
            (Holder::Leaf(leaf.identity), leaf.hosts)
        };
        Ok(Self {
            holder,
            hosts,
            issuer: parsed.issuer().to_string(),
            serial: serial_text(parsed.raw_serial()),
            not_before: parsed.validity().not_before.into(),
            not_after: parsed.validity().not_after.into(),
            certificate: certificate.clone(),
        })
    }

    /// True if the key of `authority` signed it.
    pub fn is_signed_by(&self, authority: &CertificateDer<'_>) -> bool {
        let (Ok(parsed), Ok(authority)) = (parse(&self.certificate), parse(authority)) else {
            return false;
        };
        let key = authority.public_key();
        parsed.issuer() == authority.subject() && parsed.verify_signature(Some(key)).is_ok()
    }

    /// Whether the key in the file `key` is that of this certificate.
    pub fn key_beside(&self, key: &Path) -> KeyBeside {
        let file = match PemFile::read_if_there(key, Content::Key) {
            Ok(None) => return KeyBeside::None,
            Ok(Some(file)) => file,
            Err(error) => return KeyBeside::Bad(error.message().to_owned()),
        };
        let der = match file.key() {
            Ok(der) => der,
            Err(error) => return KeyBeside::Bad(error.message().to_owned()),
        };
        let certified = CertifiedKey::from_der(vec![self.certificate.clone()], der, &provider());
        match certified {
            Ok(_) => KeyBeside::Fits,
            Err(rustls::Error::InconsistentKeys(_)) => KeyBeside::Bad(format!(
                "the private key {} is not that of this certificate",
                key.display()
            )),
            Err(_) => KeyBeside::Bad(format!(
                "the private key {} is of a kind that is not supported",
                key.display()
            )),
        }
    }
}

/// The authorities of `ca.crt` in a directory, none if there is no such file.
///
/// # Errors
/// `Invalid`, naming the file, if it holds something else.
pub fn authorities_beside(dir: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let path = Files::ca_in_dir(dir);
    let missing = SmallFile::read(&path, 0)
        .map(drop)
        .map_err(|error| error.kind());
    if missing == Err(io::ErrorKind::NotFound) {
        return Ok(Vec::new());
    }
    PemFile::read(&path, Content::Authorities)?.certificates()
}
