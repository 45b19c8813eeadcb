//! Lists of what authorities revoked: which of them count, and that they only grow.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::num_bigint::BigUint;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::files::PemFile;
use super::leaf;
use super::moment::Moment;
use crate::base::{Error, Result};

/// So long after a certificate has expired it stays on the list: clocks differ, and a node that
/// was away should not wonder. What was taken back later than that is on every later list.
pub(super) const KEPT_DAYS: u32 = 30;

/// The lists of authorities in force, and where they were read. None, if there was no file.
#[derive(Debug, Clone, Default)]
pub(super) struct Lists {
    at: PathBuf,
    /// The newest of an authority before its others: the first is what counts.
    lists: Vec<List>,
}

#[derive(Debug, Clone)]
struct List {
    der: CertificateRevocationListDer<'static>,
    of: Signer,
    rank: Rank,
    /// Numbers of certificates, and when they were taken back.
    revoked: HashMap<String, Moment>,
}

/// An authority by its name and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Signer {
    name: String,
    key: Vec<u8>,
}

/// Which of two lists of one authority came later.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    number: BigUint,
    since: Moment,
}

/// An authority that was read, and whether its time is now.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) is_in_force: bool,
}

impl Lists {
    /// Those of a file that authorities in force signed. Those of others whose time is over are
    /// passed over, as nothing that those signed is trusted.
    ///
    /// # Errors
    /// `Invalid`, naming the file, for a list that is damaged or of somebody else: it would
    /// be passed over, too, and who is on it let in.
    pub(super) fn of(file: &PemFile<'_>, authorities: &[Candidate]) -> Result<Self> {
        let mut lists = Vec::new();
        for der in file.revocations()? {
            let found = List::of(der, authorities).map_err(|why| file.garbled(&why))?;
            lists.extend(found);
        }
        lists.sort_by(|one, other| other.rank.cmp(&one.rank));
        Ok(Self {
            at: file.path().to_owned(),
            lists,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    pub(super) fn ders(&self) -> impl Iterator<Item = CertificateRevocationListDer<'static>> {
        self.lists.iter().map(|list| list.der.clone())
    }

    /// Refuses two authorities of one name if it has a list: of which of them that is is
    /// told by the name alone, and everything that the other signed would be refused.
    pub(super) fn check_namesakes(
        &self,
        file: &PemFile<'_>,
        authorities: &[Candidate],
    ) -> Result<()> {
        for list in &self.lists {
            let mut namesakes = signers(authorities, true).filter(|it| it.name == list.of.name);
            if namesakes.any(|it| it != list.of) {
                return Err(Error::invalid(format!(
                    "{} holds two authorities that are called {}, and {} a list of one of them, \
                     which is known by this name alone: make the new one again under a name of \
                     its own (`dkv cert ca --name NAME`), or leave the old one out",
                    file.path().display(),
                    list.of.name,
                    self.at.display()
                )));
            }
        }
        Ok(())
    }

    /// Refuses to follow `before`, if that would let in whom it shuts out: each authority
    /// that is still trusted has a list that is no older, and lacks nothing.
    pub(super) fn check_after(&self, before: &Self, authorities: &[Candidate]) -> Result<()> {
        let stays = "the one read before stays in force: put it back, or start again to forget it";
        let trusted: Vec<Signer> = signers(authorities, true).collect();
        for was in before.lists.iter().filter(|it| trusted.contains(&it.of)) {
            let path = before.at.display();
            match self.lists.iter().find(|it| it.of == was.of) {
                Some(is) if is.rank >= was.rank => is.check_whole(was, &path)?,
                Some(is) => {
                    return Err(Error::invalid(format!(
                        "the list of revoked certificates {path} has {}, and the one of {} that \
                         was read before had {}: it is an older one, and {stays}",
                        is.rank, was.of.name, was.rank
                    )));
                }
                None if self.at.as_os_str().is_empty() => {
                    return Err(Error::invalid(format!(
                        "the list of revoked certificates {path} is gone; {stays}"
                    )));
                }
                None => {
                    return Err(Error::invalid(format!(
                        "the list of revoked certificates {path} holds none of {} any more; \
                         {stays}",
                        was.of.name
                    )));
                }
            }
        }
        Ok(())
    }
}

impl List {
    /// Two directories that revoke with one key count on their own: the list of either lacks
    /// what the other took back.
    fn check_whole(&self, before: &Self, path: &impl fmt::Display) -> Result<()> {
        let is_new = |at: Moment| at.plus_days(KEPT_DAYS) >= self.rank.since;
        let mut lacking = before.revoked.iter();
        let lacking =
            lacking.find(|(serial, at)| is_new(**at) && !self.revoked.contains_key(*serial));
        let Some((serial, _)) = lacking else {
            return Ok(());
        };
        Err(Error::invalid(format!(
            "the list of revoked certificates {path} with {} lacks {serial}, which the one that was \
             read before has: another directory with the same ca.key took that back; copy the \
             ca.crl of the one to the other and revoke there again",
            self.rank
        )))
    }

    /// `None` for that of an authority whose time is not now.
    fn of(
        der: CertificateRevocationListDer<'static>,
        authorities: &[Candidate],
    ) -> std::result::Result<Option<Self>, String> {
        let Ok(([], list)) = CertificateRevocationList::from_der(&der) else {
            return Err("is damaged".to_owned());
        };
        let name = list.issuer().to_string();
        let has_signed = |it: &&Candidate| {
            leaf::parse(&it.certificate).is_ok_and(|parsed| {
                parsed.subject() == list.issuer()
                    && list.verify_signature(parsed.public_key()).is_ok()
            })
        };
        let mut signed: Vec<&Candidate> = authorities.iter().filter(has_signed).collect();
        // The same key may have a certificate that has expired, and one that has not.
        signed.sort_by_key(|it| !it.is_in_force);
        let Some(by) = signed.first() else {
            let is_named = signers(authorities, false).any(|it| it.name == name);
            return Err(match is_named {
                true => format!("holds a list that another key than that of {name} signed"),
                false => format!(
                    "holds a list of {name}, which is not among the authorities: add its \
                     certificate to theirs, or take the list away if it is trusted no more"
                ),
            });
        };
        let (true, Some(of)) = (by.is_in_force, Signer::of(&by.certificate)) else {
            return Ok(None);
        };
        let rank = Rank {
            number: list.crl_number().cloned().unwrap_or_default(),
            since: list.last_update().into(),
        };
        let revoked = list.iter_revoked_certificates();
        let revoked = revoked.map(|it| {
            (
                format!("{:x}", it.user_certificate),
                it.revocation_date.into(),
            )
        });
        let revoked = revoked.collect();
        Ok(Some(Self {
            of,
            rank,
            revoked,
            der,
        }))
    }
}

impl Signer {
    fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let parsed = leaf::parse(certificate).ok()?;
        Some(Self {
            name: parsed.subject().to_string(),
            key: parsed.public_key().raw.to_vec(),
        })
    }
}

fn signers(authorities: &[Candidate], in_force: bool) -> impl Iterator<Item = Signer> {
    let counts = move |it: &&Candidate| it.is_in_force || !in_force;
    let counting = authorities.iter().filter(counts);
    counting.filter_map(|it| Signer::of(&it.certificate))
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "number {} of {}", self.number, self.since)
    }
}
