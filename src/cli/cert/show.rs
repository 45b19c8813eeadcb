//! `dkv cert show`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::described::{describe, describe_list};
use super::place::PlaceArgs;
use crate::base::Result;
use crate::cli::exit::ExitStatus;
use crate::cli::failure::Outcome;
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::tls::issue::Folder;
use crate::tls::{Authorities, Crl, Files};

/// Show certificates: whose they are, until when, and whether all fits together
///
/// Of a directory all, of files these. Exits with 1 if one has expired, a key does not fit or
/// others may read it, or the authority beside it did not sign it; what was revoked is shown, and
/// no error. All there is to know comes with -o json.
///
///   dkv cert show
///   dkv cert show certs/server.crt
///   dkv cert show --expires-within 30 --quiet || echo "issue them anew: dkv cert rotate --all"
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ShowArgs {
    /// Files, or directories [default: the directory of --certs]
    #[arg(value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Exit with 1, too, for what expires within so many days
    #[arg(
        long,
        value_name = "DAYS",
        default_value = "0",
        hide_default_value = true
    )]
    expires_within: u32,
    #[command(flatten)]
    place: PlaceArgs,
}

/// What there is to show.
#[derive(Default)]
struct Seen {
    rows: Vec<Row>,
    problems: Vec<String>,
}

impl ShowArgs {
    pub(super) fn run(&self, printer: &mut Printer) -> Outcome {
        let mut seen = Seen::default();
        if self.paths.is_empty() {
            seen.look_into(self.place.dir(), self.expires_within)?;
        }
        for path in &self.paths {
            match path.is_dir() {
                true => seen.look_into(path, self.expires_within)?,
                false => seen.look_at(path, self.expires_within)?,
            }
        }
        let mut list = printer.table_list();
        for row in seen.rows {
            let text = row.to_line();
            list.push(row, &text)?;
        }
        list.finish()?;
        for problem in &seen.problems {
            printer.complaint(problem);
        }
        Ok(match seen.problems.is_empty() {
            true => ExitStatus::Done,
            false => ExitStatus::Error,
        })
    }
}

impl Seen {
    fn look_into(&mut self, dir: &Path, soon_days: u32) -> Result<()> {
        let folder = Folder::open(dir)?;
        let authority = folder.has("ca.crt").then(|| "ca".to_owned());
        for name in authority.into_iter().chain(folder.names()?) {
            // One that is damaged does not hide the others.
            let path = folder.path(&format!("{name}.crt"));
            if let Err(error) = self.look_at(&path, soon_days) {
                self.problems.push(error.message().to_owned());
            }
        }
        let list = folder.path("ca.crl");
        if folder.has("ca.crl")
            && let Err(error) = self.look_at(&list, soon_days)
        {
            self.problems.push(error.message().to_owned());
        }
        if self.rows.is_empty() && self.problems.is_empty() {
            let dir = dir.display();
            let empty = format!("{dir} holds no certificates: dkv cert ca --certs {dir} begins");
            self.problems.push(empty);
        }
        Ok(())
    }

    fn look_at(&mut self, path: &Path, soon_days: u32) -> Result<()> {
        if path.extension().is_some_and(|it| it == "crl") {
            self.rows.extend(describe_list(path)?);
            let dir = path.parent().unwrap_or(Path::new(""));
            let ca = Files::ca_in_dir(dir);
            if ca.exists() {
                // Of somebody else, or signed by nobody: no node would take it.
                let list = Crl::File(path.to_owned());
                Authorities::read(&ca, &list)?;
            }
            return Ok(());
        }
        let described = describe(path, soon_days)?;
        self.rows.push(described.row);
        self.problems.extend(described.problems);
        Ok(())
    }
}
