//! What one end has: its certificate with the key, and whom it trusts.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;

use super::authorities::Authorities;
use super::files::{Content, Files, PemFile};
use super::leaf::Leaf;
use super::moment::Moment;
use super::pem::Pem;
use super::provider::provider;
use crate::base::{Error, Result};

/// A certificate that can be shown, and its key.
#[derive(Clone)]
pub struct Credentials {
    /// What the certificate says.
    pub leaf: Leaf,
    certified: Arc<CertifiedKey>,
    digest: Vec<u8>,
}

impl Credentials {
    /// Reads a certificate, with those between it and its authority, and its key.
    ///
    /// # Errors
    /// `Invalid`, with the file: if one is damaged, others may read the key, it does not
    /// fit, or the certificate is not valid now.
    pub fn read(cert: &Path, key: &Path) -> Result<Self> {
        let cert = PemFile::read(cert, Content::Certificate)?;
        Self::of(&cert, || PemFile::read(key, Content::Key))
    }

    /// The same, wherever they are; `None` for files that need not be there and are not.
    ///
    /// # Errors
    /// As of [`Credentials::read`].
    pub fn given(cert: &Pem, key: &Pem) -> Result<Option<Self>> {
        let Some(found) = cert.open(Content::Certificate)? else {
            // A key alone is half of what somebody wanted.
            return match key.open(Content::Key)? {
                None => Ok(None),
                Some(_) => cert.read(Content::Certificate).map(|_| None),
            };
        };
        Self::of(&found, || key.read(Content::Key)).map(Some)
    }

    fn of<'a>(cert: &PemFile<'_>, key: impl FnOnce() -> Result<PemFile<'a>>) -> Result<Self> {
        let chain = cert.certificates()?;
        let leaf = Leaf::of(&chain[0])
            .map_err(|error| cert.garbled(&format!("is not usable: {error}")))?;
        check_dates(cert.path(), &leaf, Moment::now())?;
        let key = key()?;
        let certified = CertifiedKey::from_der(chain, key.key()?, &provider());
        let certified = certified.map_err(|error| unfit(cert.path(), &key, error))?;
        let mut digest = digest::Context::new(&digest::SHA256);
        digest.update(&cert.bytes);
        digest.update(&key.bytes);
        Ok(Self {
            leaf,
            certified: Arc::new(certified),
            digest: digest.finish().as_ref().to_vec(),
        })
    }

    /// Whether the files have the content that this was read from. Judges nothing.
    pub(super) fn is_of(&self, cert: &Path, key: &Path) -> bool {
        let digest = || -> Result<Vec<u8>> {
            let mut digest = digest::Context::new(&digest::SHA256);
            digest.update(&PemFile::read(cert, Content::Certificate)?.bytes);
            digest.update(&PemFile::read(key, Content::Key)?.bytes);
            Ok(digest.finish().as_ref().to_vec())
        };
        digest().is_ok_and(|it| it == self.digest)
    }

    /// Whether the files had the same content.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// Whatever the dates are.
    #[cfg(test)]
    pub(crate) fn unchecked(
        chain: Vec<CertificateDer<'static>>,
        key: rustls::pki_types::PrivateKeyDer<'static>,
    ) -> Self {
        let leaf = Leaf::of(&chain[0]).unwrap();
        let certified = CertifiedKey::from_der(chain, key, &provider()).unwrap();
        Self {
            leaf,
            certified: Arc::new(certified),
            digest: Vec::new(),
        }
    }

    /// The certificate, and those between it and its authority.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.certified.cert
    }

    pub(crate) fn certified(&self) -> &Arc<CertifiedKey> {
        &self.certified
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("leaf", &self.leaf)
            .finish_non_exhaustive()
    }
}

/// All that one end of mutual TLS needs.
#[derive(Debug, Clone)]
pub struct Material {
    /// Its own certificate and key.
    pub credentials: Credentials,
    /// Whom it trusts.
    pub authorities: Authorities,
}

impl Material {
    /// Reads all files, each once and whole.
    ///
    /// # Errors
    /// As of [`Credentials::read`] and [`Authorities::read`].
    pub fn read(files: &Files) -> Result<Self> {
        Ok(Self {
            credentials: Credentials::read(&files.cert, &files.key)?,
            authorities: Authorities::read(&files.ca, &files.crl)?,
        })
    }
}

fn check_dates(cert: &Path, leaf: &Leaf, now: Moment) -> Result<()> {
    let path = cert.display();
    if now > leaf.not_after {
        return Err(Error::invalid(format!(
            "the certificate {path} of {} expired at {}, and it is {now}: `dkv cert rotate \
             {path}` issues it anew",
            leaf.identity, leaf.not_after
        )));
    }
    if now < leaf.not_before {
        return Err(Error::invalid(format!(
            "the certificate {path} of {} is valid from {} on, and it is {now}: set this \
             machine's clock, or that of the machine that issued it",
            leaf.identity, leaf.not_before
        )));
    }
    Ok(())
}

fn unfit(cert: &Path, key: &PemFile<'_>, error: rustls::Error) -> Error {
    match error {
        rustls::Error::InconsistentKeys(_) => Error::invalid(format!(
            "the private key {} is not that of the certificate {}: give the two that were \
             issued together",
            key.path().display(),
            cert.display()
        )),
        error => key
            .garbled("holds a key of a kind that is not supported (ECDSA, RSA and Ed25519 are)")
            .with_source(error),
    }
}
