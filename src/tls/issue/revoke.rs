//! Takes certificates back: one more list, of everything that was taken back so far.

use super::authority::Authority;
use super::folder::Folder;
use super::ledger::Ledger;
use super::revocations::{Revocations, Revoked};
use crate::base::{Error, Result};
use crate::tls::authorities::Authorities;
use crate::tls::files::{Crl, Files};
use crate::tls::moment::Moment;

impl Folder {
    /// What the authority of this directory took back, as its list has it. The list was
    /// signed by that authority.
    ///
    /// # Errors
    /// `Invalid`, naming the file, if the list is damaged or of somebody else.
    pub fn ledger(&self) -> Result<Option<Ledger>> {
        if !self.has("ca.crl") {
            return Ok(None);
        }
        let path = self.path("ca.crl");
        Authorities::read(&Files::ca_in_dir(self.dir()), &Crl::File(path.clone()))?;
        let mut lists = Ledger::read(&path)?;
        if lists.len() > 1 {
            return Err(Error::invalid(format!(
                "{} holds {} lists: revoke in a directory that has the list of its own authority \
                 alone, and put the others behind it on the nodes",
                path.display(),
                lists.len()
            )));
        }
        Ok(Some(lists.remove(0)))
    }

    /// Takes back a certificate of `authority` by its number, and keeps the list. Callers
    /// hold [`Folder::lock`].
    ///
    /// # Errors
    /// As of [`Folder::ledger`]; `Invalid` for what is no number, the authority's own, and
    /// one that was taken back before.
    pub fn revoke(&self, authority: &Authority, serial: &str, now: Moment) -> Result<Revocations> {
        let serial = plain_serial(serial)?;
        if serial == authority.serial() {
            return Err(Error::invalid(format!(
                "{serial} is the authority itself, which cannot take itself back: make another \
                 (`dkv cert ca --force`), issue all certificates anew, and replace ca.crt everywhere"
            )));
        }
        let ledger = self.ledger()?;
        if let Some(at) = ledger.as_ref().and_then(|it| it.revoked_at(&serial)) {
            return Err(Error::invalid(format!(
                "{serial} was revoked at {at}: nothing was changed"
            )));
        }
        let mut revocations = match ledger {
            Some(ledger) if ledger.issuer != authority.subject() => {
                return Err(Error::invalid(format!(
                    "{} is a list of {}, not of {}",
                    self.path("ca.crl").display(),
                    ledger.issuer,
                    authority.subject()
                )));
            }
            ledger => ledger.map(|it| it.revocations).unwrap_or_default(),
        };
        revocations.number += 1;
        revocations.revoked.push(Revoked { serial, at: now });
        self.write_revocations(&revocations.sign(authority, now)?)?;
        Ok(revocations)
    }
}

/// A number as people compare it, however it was written: `0A:1B` is `a1b`.
///
/// # Errors
/// `Invalid` for what is no number.
pub(super) fn plain_serial(text: &str) -> Result<String> {
    let digits: String = text.trim().replace(':', "").to_ascii_lowercase();
    let plain = digits.trim_start_matches('0');
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex || plain.is_empty() || plain.len() > 40 {
        return Err(Error::invalid(format!(
            "`{}` is no serial number: up to 40 hexadecimal digits, as `dkv cert show -o \
             json` tells them",
            text.escape_debug()
        )));
    }
    Ok(plain.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_compared_as_numbers() {
        for written in ["a1b", "0A1B", "0a:1b", " 00:0a:1b "] {
            assert_eq!(plain_serial(written).unwrap(), "a1b");
        }
        for bad in ["", "0", ":", "xyz", "-1", "0x1", &"1".repeat(41)] {
            assert!(plain_serial(bad).is_err(), "{bad}");
        }
    }
}
