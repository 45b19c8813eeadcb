//! `dkv cert rotate`.

use clap::Args;

use super::described::describe;
use super::place::{PlaceArgs, Target};
use crate::base::host::Host;
use crate::base::{Error, Result};
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::tls::issue::Request;
use crate::tls::{Found, Holder};

/// Issue certificates anew, with the same names, before they expire
///
/// The key stays unless --new-key. Files are replaced whole; nodes read what has changed by
/// themselves within seconds, and open connections stay. What was there before stays valid until
/// it expires or is revoked.
///
///   dkv cert rotate server
///   dkv cert rotate certs/node-1.crt --new-key
///   dkv cert rotate --all --days 90
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct RotateArgs {
    /// Certificates: names, or files
    #[arg(value_name = "NAME|FILE", required_unless_present = "all")]
    certificates: Vec<String>,
    /// All in the directory that its authority signed and has not revoked
    #[arg(long, conflicts_with = "certificates")]
    all: bool,
    /// With a new key
    #[arg(long)]
    new_key: bool,
    /// How long they are valid from now on
    #[arg(long, value_name = "N", default_value = "365")]
    days: u32,
    #[command(flatten)]
    place: PlaceArgs,
}

impl RotateArgs {
    pub(super) fn run(&self, printer: &mut Printer) -> Outcome {
        let targets: Vec<Target> = match self.all {
            true => self.everything()?,
            false => {
                let words = self.certificates.iter();
                words
                    .map(|word| self.place.target(word))
                    .collect::<Result<_>>()?
            }
        };
        let mut rows = Vec::new();
        let mut passed = Vec::new();
        let mut failed = None;
        for target in &targets {
            match self.rotate(target) {
                Ok(row) => rows.push(row),
                // Of all, those that cannot be meant are passed over.
                Err(Refusal::NotMeant(why)) if self.all => passed.push(why),
                Err(Refusal::NotMeant(why)) => failed = Some(Error::invalid(why)),
                Err(Refusal::Failed(error)) => failed = Some(error),
            }
            if failed.is_some() {
                break;
            }
        }
        let has_any = !rows.is_empty();
        let mut list = printer.list();
        for row in rows {
            let text = row.to_line();
            list.push(row, &text)?;
        }
        list.finish()?;
        for why in passed {
            printer.note(&why);
        }
        if let Some(error) = failed {
            return Err(error.into());
        }
        printer.note(match has_any {
            true => {
                "next: copy them to where they are used; nodes read what has changed by themselves, \
                 within seconds"
            }
            false => "nothing was issued",
        });
        Ok(ExitStatus::Done)
    }

    fn everything(&self) -> Result<Vec<Target>> {
        let folder = self.place.folder()?;
        let names = folder.names()?.into_iter();
        let targets = names.map(|name| Target {
            folder: folder.clone(),
            name,
        });
        Ok(targets.collect())
    }

    fn rotate(&self, target: &Target) -> std::result::Result<Row, Refusal> {
        let path = target.cert();
        let shown = path.display();
        let found = Found::read(&path)?;
        let home = self.place.authority_of(target)?;
        let _alone = home.lock()?;
        let Holder::Leaf(identity) = found.holder.clone() else {
            return Err(Refusal::NotMeant(format!(
                "{shown} is an authority, which is not issued anew but replaced: docs/tls.md \
                 tells how"
            )));
        };
        let authority = home.authority()?;
        if !authority.has_signed(&found) {
            return Err(Refusal::NotMeant(format!(
                "{shown} was signed by {}, not by the authority in {} ({}): whoever issued it \
                 issues it anew",
                found.issuer,
                home.dir().display(),
                authority.subject()
            )));
        }
        let is_revoked = home.ledger()?.and_then(|it| it.revoked_at(&found.serial));
        if let Some(at) = is_revoked.filter(|_| self.all || !self.new_key) {
            return Err(Refusal::NotMeant(format!(
                "{shown} was revoked at {at}: `dkv cert rotate {shown} --new-key` issues it anew \
                 with another key, if {identity} is to be let in again"
            )));
        }
        let key = format!("{}.key", target.name);
        if !self.new_key && !target.folder.has(&key) {
            return Err(Refusal::NotMeant(format!(
                "the key of {shown} is elsewhere, as that of a node that got it for a token: `dkv \
                 cert rotate {shown} --new-key` issues it anew with another, to be copied there"
            )));
        }
        let request = Request {
            identity,
            hosts: found.hosts,
            days: self.days,
        };
        let rng = Host::system().rng;
        if self.new_key {
            let issued = authority.issue(&request, &*rng)?;
            target.folder.write_pair(&target.name, &issued)?;
        } else {
            let key = target.folder.key_pem(&target.name)?;
            let renewed = authority.renew(&request, &key, &*rng)?;
            target.folder.write_certificate(&target.name, &renewed)?;
        }
        Ok(describe(&path, 0)?.row)
    }
}

/// Why a certificate was not issued anew.
enum Refusal {
    /// It is none that could be.
    NotMeant(String),
    /// Something went wrong.
    Failed(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}
