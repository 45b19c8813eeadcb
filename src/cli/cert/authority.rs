//! `dkv cert ca`.

use clap::Args;

use super::described::describe;
use super::place::{PlaceArgs, refuse_to_replace};
use crate::base::host::Host;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::tls::Moment;
use crate::tls::issue::{Authority, Folder, Revocations};

/// Make an authority: the certificate that others are signed with
///
/// Writes ca.crt, which everybody who is to trust it gets, and ca.key, which stays here: whoever
/// has it can make certificates of any name. Nodes need it only to give out certificates for
/// tokens (`dkv cluster token`).
///
///   dkv cert ca
///   dkv cert ca --certs /etc/dkv/certs --name "example authority" --days 1825
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct CaArgs {
    /// What it is called, for people who read certificates; no two that anybody trusts at once may
    /// have the same name [default: dkv authority and four digits of chance]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// How long it is valid; nothing that it signs is valid for longer
    #[arg(long, value_name = "N", default_value = "3650")]
    days: u32,
    /// Replace an authority that is there: nothing that it signed is trusted any more
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

impl CaArgs {
    pub(super) fn run(&self, printer: &mut Printer) -> Outcome {
        let rng = Host::system().rng;
        let name = self.name.clone();
        let name = name.unwrap_or_else(|| Authority::default_name(&*rng));
        let issued = Authority::create(&name, self.days, &*rng)?;
        let folder = Folder::create(self.place.dir())?;
        let _alone = folder.lock()?;
        refuse_to_replace(&folder, "ca", self.force)?;
        let had_list = folder.has("ca.crl");
        let had_others = !folder.names()?.is_empty();
        folder.write_authority(&issued)?;
        if had_list {
            // A list of an authority that nobody trusts is an error, and a missing one, too.
            let authority = folder.authority()?;
            let empty = Revocations {
                number: 1,
                revoked: Vec::new(),
            };
            folder.write_revocations(&empty.sign(&authority, Moment::now())?)?;
        }
        printer.confirm(&describe(&folder.path("ca.crt"), 0)?.row)?;
        let dir = self.place.dir().display();
        if had_others {
            printer.note(
                "the certificates of the authority before it are of no use any more: issue them anew \
                 (dkv cert server, client and node, with --force), and replace ca.crt everywhere",
            );
        }
        printer.note(&format!(
            "next: dkv cert node NAME... --certs {dir} for the members of a cluster, or dkv cert \
             server --certs {dir} for one server; and dkv cert client --certs {dir}"
        ));
        Ok(ExitStatus::Done)
    }
}
