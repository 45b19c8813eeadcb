//! `dkv cert revoke`.

use clap::Args;

use super::place::PlaceArgs;
use crate::base::Error;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::tls::{Found, Holder, Moment};

/// Revoke a certificate: nodes refuse it from then on
///
/// With it goes all that was issued here to the same holder and has not expired: what `rotate` and
/// --force replaced is still valid, and may have the same key. --serial revokes one alone.
///
/// Writes ca.crl, the authority's list of everything it took back. Nodes that have the file in
/// their directory read it within seconds, and close open connections of what is on it. The list
/// has to get to every node; a revoked certificate stays in its file.
///
///   dkv cert revoke alice
///   dkv cert revoke --serial 5f0c0a8be4a9d7c30b1f6a5e2d4c3b2a
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct RevokeArgs {
    /// The certificate: its name, or its file
    #[arg(value_name = "NAME|FILE", required_unless_present = "serial")]
    certificate: Option<String>,
    /// Its number, if the file is gone
    #[arg(long, value_name = "HEX", conflicts_with = "certificate")]
    serial: Option<String>,
    #[command(flatten)]
    place: PlaceArgs,
}

impl RevokeArgs {
    pub(super) fn run(&self, printer: &mut Printer) -> Outcome {
        let (folder, found) = match &self.certificate {
            Some(word) => {
                let target = self.place.target(word)?;
                let found = Found::read(&target.cert())?;
                (self.place.authority_of(&target)?, Some(found))
            }
            None => (self.place.folder()?, None),
        };
        let _alone = folder.lock()?;
        let authority = folder.authority()?;
        if let Some(found) = &found
            && !authority.has_signed(found)
        {
            return Err(Error::invalid(format!(
                "this certificate was signed by {}, not by the authority in {} ({}): only who \
                 signed it can revoke it",
                found.issuer,
                folder.dir().display(),
                authority.subject()
            ))
            .into());
        }
        let now = Moment::now();
        let holder = found.as_ref().and_then(|found| match &found.holder {
            Holder::Leaf(identity) => Some(identity),
            Holder::Authority(_) => None,
        });
        let mut serials: Vec<String> = match &found {
            Some(found) => vec![found.serial.clone()],
            None => self.serial.clone().into_iter().collect(),
        };
        if let Some(holder) = holder {
            serials.extend(folder.issued_to(&authority, holder, now)?);
        }
        let (revocations, mut new) = folder.revoke(&authority, &serials, now)?;
        let count = revocations.revoked.len() as u64;
        let revoked = (!new.is_empty()).then(|| new.remove(0));
        let row = Row::new()
            .with("file", folder.path("ca.crl").display().to_string())
            .with("revoked", holder.map(ToString::to_string))
            .with("serial", revoked)
            .with("others", Some(new).filter(|new| !new.is_empty()))
            .with("count", count)
            .with("number", revocations.number);
        printer.confirm(&row)?;
        printer.note(
            "next: copy ca.crl to the directory of every node; what is there already is read within \
             seconds",
        );
        Ok(ExitStatus::Done)
    }
}
