//! Whom one end trusts, and what those have revoked.

use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use super::failure::{Failure, Side};
use super::files::{Content, Crl, PemFile, check_dir_of};
use super::leaf;
use super::lists::{Candidate, Lists};
use super::moment::Moment;
use super::named::Named;
use super::pem::Pem;
use super::provider::{provider, unix_time};
use crate::base::{Error, Result};

/// Authorities that are trusted, and their revocations.
#[derive(Debug, Clone)]
pub struct Authorities {
    candidates: Arc<[Candidate]>,
    roots: Arc<RootCertStore>,
    lists: Lists,
    /// Made once: a long list of revocations takes long to read, and every open connection
    /// is judged by it.
    judge: Arc<dyn ClientCertVerifier>,
    digest: Vec<u8>,
}

impl Authorities {
    /// Reads the authorities, and their revocations if there are any.
    ///
    /// An authority without a list has revoked nobody. How old a list is does not matter:
    /// it is a file of this machine, and refusing everybody on the day it runs out would
    /// help nobody.
    ///
    /// # Errors
    /// `Invalid`, with the file: if one is damaged or others may write to it, no authority is in force, a list is
    /// of somebody else, or one of two of the same name. If the list need not be there,
    /// others must not be able to take it from its directory.
    pub fn read(ca: &Path, crl: &Crl) -> Result<Self> {
        if let Crl::IfThere(path) = crl {
            check_dir_of(path)?;
        }
        let file = PemFile::read(ca, Content::Authorities)?;
        Self::of(&file, lists(crl)?.as_ref())
    }

    /// The same, wherever they are.
    ///
    /// # Errors
    /// As of [`Authorities::read`].
    pub fn given(ca: &Pem, crl: Option<&Pem>) -> Result<Self> {
        if let Some(Pem::IfThere(path)) = crl {
            check_dir_of(path)?;
        }
        let file = ca.read(Content::Authorities)?;
        let lists = crl.map(|it| it.open(Content::Revocations)).transpose()?;
        Self::of(&file, lists.flatten().as_ref())
    }

    fn of(file: &PemFile<'_>, lists: Option<&PemFile<'_>>) -> Result<Self> {
        let mut digest = digest::Context::new(&digest::SHA256);
        digest.update(&file.bytes);
        let candidates = candidates(file)?;
        let mut roots = RootCertStore::empty();
        for it in candidates.iter().filter(|it| it.is_in_force) {
            roots.add(it.certificate.clone()).map_err(|error| {
                let what = "holds a certificate that cannot be trusted";
                file.garbled(what).with_source(error)
            })?;
        }
        let lists = match lists {
            None => Lists::default(),
            Some(lists) => {
                digest.update(&lists.bytes);
                Lists::of(lists, &candidates)?
            }
        };
        lists.check_namesakes(file, &candidates)?;
        let roots = Arc::new(roots);
        Ok(Self {
            judge: client_verifier(&roots, &lists, false)?,
            candidates: candidates.into(),
            roots,
            lists,
            digest: digest.finish().as_ref().to_vec(),
        })
    }

    /// Refuses to follow `before` if somebody would be let in again whom that has shut out:
    /// lists of those who are still trusted do not go, and do not grow older.
    ///
    /// # Errors
    /// `Invalid`, naming the file and what is wrong with it.
    pub(crate) fn check_after(&self, before: &Self) -> Result<()> {
        self.lists.check_after(&before.lists, &self.candidates)
    }

    /// Whether the files have the content that this was read from. Judges nothing.
    pub(super) fn is_of(&self, ca: &Path, crl: &Crl) -> bool {
        let digest = || -> Result<Vec<u8>> {
            let mut digest = digest::Context::new(&digest::SHA256);
            digest.update(&PemFile::read(ca, Content::Authorities)?.bytes);
            if let Some(lists) = lists(crl)? {
                digest.update(&lists.bytes);
            }
            Ok(digest.finish().as_ref().to_vec())
        };
        digest().is_ok_and(|it| it == self.digest)
    }

    /// Whether the files had the same content.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    /// Judges anew, by what is known now, who is at the other end of an open connection:
    /// its certificate may have expired, or these authorities may have replaced those that
    /// let it in. A node's certificate is judged the same way whichever end it is at.
    ///
    /// # Errors
    /// Why it would not be let in again.
    pub fn still_trust(&self, chain: &[CertificateDer<'_>]) -> std::result::Result<(), Failure> {
        let refused = |error| Failure::of_tls(Side::Server, &error);
        let (first, between) = chain
            .split_first()
            .ok_or_else(|| refused(rustls::Error::NoCertificatesPresented))?;
        let now = unix_time(Moment::now());
        self.judge
            .verify_client_cert(first, between, now)
            .map(drop)
            .map_err(refused)
    }

    /// True if something is revoked, or could be: a list is there.
    pub fn has_revocations(&self) -> bool {
        !self.lists.is_empty()
    }

    pub(crate) fn client_verifier(&self, optional: bool) -> Result<Arc<dyn ClientCertVerifier>> {
        match optional {
            true => client_verifier(&self.roots, &self.lists, true),
            false => Ok(self.judge.clone()),
        }
    }

    pub(crate) fn server_verifier(&self) -> Result<Arc<WebPkiServerVerifier>> {
        let mut builder =
            WebPkiServerVerifier::builder_with_provider(self.roots.clone(), provider())
                .with_crls(self.lists.ders());
        if self.has_revocations() {
            builder = builder.allow_unknown_revocation_status();
        }
        builder.build().map_err(unbuilt)
    }
}

fn lists(crl: &Crl) -> Result<Option<PemFile<'_>>> {
    match crl {
        Crl::None => Ok(None),
        Crl::IfThere(path) => PemFile::read_if_there(path, Content::Revocations),
        Crl::File(path) => PemFile::read(path, Content::Revocations).map(Some),
    }
}

fn client_verifier(
    roots: &Arc<RootCertStore>,
    lists: &Lists,
    optional: bool,
) -> Result<Arc<dyn ClientCertVerifier>> {
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider())
        .with_crls(lists.ders());
    if !lists.is_empty() {
        builder = builder.allow_unknown_revocation_status();
    }
    if optional {
        builder = builder.allow_unauthenticated();
    }
    Ok(Arc::new(Named(builder.build().map_err(unbuilt)?)))
}

fn unbuilt(error: rustls::server::VerifierBuilderError) -> Error {
    Error::invalid("the authorities, or their list of revocations, cannot be used")
        .with_source(error)
}

/// The authorities of a file, and which of them are in force. The chain's check does not
/// look at the dates of whom it trusts.
fn candidates(file: &PemFile<'_>) -> Result<Vec<Candidate>> {
    let now = Moment::now();
    let mut found = Vec::new();
    let mut over = None;
    for certificate in file.certificates()? {
        let parsed = leaf::parse(&certificate)
            .map_err(|error| file.garbled("is damaged").with_source(error))?;
        let (subject, issuer) = (parsed.subject(), parsed.issuer());
        // One that signed itself may be trusted alone; else it must be an authority.
        if !parsed.is_ca() && subject != issuer {
            return Err(file.garbled(&format!(
                "holds the certificate of {subject}, which is no authority: {issuer} issued it"
            )));
        }
        let (from, until) = (parsed.validity().not_before, parsed.validity().not_after);
        let mut is_in_force = false;
        if now < Moment::from(from) {
            over = Some(format!(
                "the authority {subject} is valid from {} on",
                Moment::from(from)
            ));
        } else if now > Moment::from(until) {
            over = Some(format!(
                "the authority {subject} expired at {}",
                Moment::from(until)
            ));
        } else {
            is_in_force = true;
        }
        found.push(Candidate {
            certificate,
            is_in_force,
        });
    }
    match over {
        Some(over) if !found.iter().any(|it| it.is_in_force) => Err(file.garbled(&format!(
            "holds no authority in force: {over}, and it is {now}"
        ))),
        _ => Ok(found),
    }
}
