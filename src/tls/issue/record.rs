//! What an authority issued: a line for each certificate, so that all of one holder can be
//! taken back. `dkv cert rotate` leaves nothing else of those before.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use super::folder::cannot;
use crate::base::{Error, Result};
use crate::tls::identity::Identity;
use crate::tls::leaf::Leaf;
use crate::tls::moment::Moment;

/// The longest record that is read, bytes: some hundred thousand certificates.
const BYTES_MAX: u64 = 16 << 20;
const MODE: u32 = 0o600;

/// The file `ca.issued` beside an authority.
#[derive(Debug, Clone)]
pub(super) struct Record {
    path: PathBuf,
}

/// One certificate that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// As [`Leaf::serial`] has it.
    pub(super) serial: String,
    /// Until when it is valid.
    pub(super) until: Moment,
    /// The number of the authority's own certificate.
    pub(super) authority: String,
    kind: String,
    name: String,
}

impl Record {
    /// In this file, which is there from the first certificate on.
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Adds a certificate that this authority signed. It is durable when this returns: before
    /// anybody has the certificate.
    ///
    /// # Errors
    /// `Invalid`, naming the file, if it cannot be written.
    pub(super) fn add(&self, leaf: &Leaf, authority: &str) -> Result<()> {
        let entry = Entry {
            serial: leaf.serial.clone(),
            until: leaf.not_after,
            authority: authority.to_owned(),
            kind: leaf.identity.kind.as_str().to_owned(),
            name: leaf.identity.name.clone(),
        };
        self.append(&format!("{entry}\n"))
            .map_err(|error| cannot("write", &self.path, error))
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "files of the user, not the node's"
    )]
    fn append(&self, line: &str) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .mode(MODE)
            .open(&self.path)?;
        // A node that gives out certificates for tokens may write here at the same time.
        file.lock()?;
        // What a crash cut off was never handed out.
        let length = file.metadata()?.len();
        let mut at = length;
        let mut byte = [b'\n'];
        while at > 0 {
            file.read_exact_at(&mut byte, at - 1)?;
            if byte == [b'\n'] {
                break;
            }
            at -= 1;
        }
        if at < length {
            file.set_len(at)?;
        }
        file.write_all(line.as_bytes())?;
        file.sync_all()
    }

    /// All of them, the first one issued first.
    ///
    /// # Errors
    /// `Invalid`, naming the file and the line, if it is damaged: who is passed over would
    /// stay valid.
    pub(super) fn entries(&self) -> Result<Vec<Entry>> {
        let text = self.text().map_err(|error| match error.kind() {
            io::ErrorKind::FileTooLarge => Error::invalid(format!(
                "{} has more than {} MiB: take the lines out whose second word, the second \
                     since 1970 in which a certificate expires, is in the past; until then \
                     --serial revokes",
                self.path.display(),
                BYTES_MAX >> 20
            )),
            _ => cannot("read", &self.path, error),
        })?;
        // Behind the last end of a line is what a crash cut off.
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut entries = Vec::new();
        for (at, line) in whole.lines().enumerate() {
            let entry = Entry::parse(line).ok_or_else(|| {
                Error::invalid(format!(
                    "line {} of {} is damaged: it should be SERIAL UNTIL AUTHORITY KIND NAME; take \
                     it out, and revoke that certificate with --serial",
                    at + 1,
                    self.path.display()
                ))
            })?;
            entries.push(entry);
        }
        Ok(entries)
    }

    #[allow(
        clippy::disallowed_methods,
        reason = "files of the user, not the node's"
    )]
    fn text(&self) -> io::Result<String> {
        let file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
            opened => opened?,
        };
        let mut text = String::new();
        file.take(BYTES_MAX + 1).read_to_string(&mut text)?;
        match text.len() as u64 > BYTES_MAX {
            true => Err(io::ErrorKind::FileTooLarge.into()),
            false => Ok(text),
        }
    }
}

impl Entry {
    /// True if it is of this holder.
    pub(super) fn is_of(&self, holder: &Identity) -> bool {
        self.kind == holder.kind.as_str() && self.name == holder.name
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let mut word = || words.next().filter(|word| !word.is_empty());
        let [serial, until, authority, kind, name] = [word()?, word()?, word()?, word()?, word()?];
        let is_whole = words.next().is_none();
        is_whole.then_some(())?;
        Some(Self {
            serial: serial.to_owned(),
            until: Moment(until.parse().ok()?),
            authority: authority.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            serial,
            until,
            authority,
            kind,
            name,
        } = self;
        write!(f, "{serial} {} {authority} {kind} {name}", until.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::host::SystemRng;
    use crate::tls::fixture::{Certs, leaf_of};
    use crate::tls::issue::Request;

    #[test]
    fn what_is_added_is_read_back_and_what_a_crash_cut_off_is_not() {
        let certs = Certs::new();
        let path = certs.path().join("record");
        let record = Record::at(path.clone());
        assert_eq!(record.entries().unwrap(), []);
        let request = Request::client("alice");
        let issue = || certs.authority.issue(&request, &SystemRng).unwrap();
        let [first, second] = [issue(), issue()].map(|it| leaf_of(&it.certificate_pem));
        record.add(&first, "ca1").unwrap();
        std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + "80ff 17").unwrap();
        let serials = || -> Vec<String> {
            let entries = record.entries().unwrap().into_iter();
            entries.map(|it| it.serial).collect()
        };
        assert_eq!(serials(), std::slice::from_ref(&first.serial));
        record.add(&second, "ca1").unwrap();
        assert_eq!(serials(), [first.serial.clone(), second.serial.clone()]);
        let entry = &record.entries().unwrap()[1];
        assert!(entry.is_of(&request.identity) && !entry.is_of(&Request::client("bob").identity));
        assert_eq!((entry.until, &*entry.authority), (second.not_after, "ca1"));
        for damaged in [
            "x\n",
            "1 2 3 client\n",
            "1 x 3 client a\n",
            "1 2 3 client a b\n",
        ] {
            std::fs::write(&path, format!("1 2 3 client a\n{damaged}")).unwrap();
            let error = record.entries().unwrap_err();
            assert!(error.message().contains("line 2"), "{error}");
        }
    }
}
