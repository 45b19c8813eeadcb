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
        let serial = found.as_ref().map(|found| found.serial.clone());
        let serial = serial.or_else(|| self.serial.clone()).unwrap_or_default();
        let revocations = folder.revoke(&authority, &serial, Moment::now())?;
        let holder = found.and_then(|found| match found.holder {
            Holder::Leaf(identity) => Some(identity.to_string()),
            Holder::Authority(_) => None,
        });
        let count = revocations.revoked.len() as u64;
        let revoked = revocations.revoked.last().map(|one| one.serial.clone());
        let row = Row::new()
            .with("file", folder.path("ca.crl").display().to_string())
            .with("revoked", holder)
            .with("serial", revoked)
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
