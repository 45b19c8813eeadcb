//! Takes certificates back: one more list, of everything that was taken back so far.

use super::authority::Authority;
use super::folder::Folder;
use super::ledger::Ledger;
use super::revocations::{Revocations, Revoked};
use crate::base::{Error, Result};
use crate::tls::authorities::Authorities;
use crate::tls::files::{Crl, Files};
use crate::tls::identity::Identity;
use crate::tls::lists::KEPT_DAYS;
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

    /// The numbers of all that `authority` issued here to this holder and that has not expired,
    /// the first one issued first.
    ///
    /// # Errors
    /// `Invalid`, naming the file, if the record of what was issued is damaged.
    pub fn issued_to(
        &self,
        authority: &Authority,
        holder: &Identity,
        now: Moment,
    ) -> Result<Vec<String>> {
        let mut entries = self.record().entries()?;
        entries
            .retain(|it| it.authority == authority.serial() && it.is_of(holder) && it.until >= now);
        Ok(entries.into_iter().map(|it| it.serial).collect())
    }

    /// Takes back certificates of `authority` by their numbers, and keeps the list. Those that were taken back
    /// before stay so. Tells the list, and what is new on it. Callers hold [`Folder::lock`].
    ///
    /// # Errors
    /// As of [`Folder::ledger`]; `Invalid` for what is no number, the authority's own, and if
    /// all were taken back before.
    pub fn revoke(
        &self,
        authority: &Authority,
        serials: &[String],
        now: Moment,
    ) -> Result<(Revocations, Vec<String>)> {
        let ledger = self.ledger()?;
        let mut new = Vec::new();
        let mut before = None;
        for serial in serials {
            let serial = plain_serial(serial)?;
            if serial == authority.serial() {
                return Err(Error::invalid(format!(
                    "{serial} is the authority itself, which cannot take itself back: make another \
                     (`dkv cert ca --force`), issue all certificates anew, and replace ca.crt \
                     everywhere"
                )));
            }
            match ledger.as_ref().and_then(|it| it.revoked_at(&serial)) {
                Some(at) => before = before.or(Some((serial, at))),
                None if new.contains(&serial) => {}
                None => new.push(serial),
            }
        }
        if let Some((serial, at)) = before.filter(|_| new.is_empty()) {
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
        self.forget_expired(authority, &mut revocations, now);
        revocations.number += 1;
        let revoked = new.iter().cloned();
        revocations
            .revoked
            .extend(revoked.map(|serial| Revoked { serial, at: now }));
        self.write_revocations(&revocations.sign(authority, now)?)?;
        Ok((revocations, new))
    }

    /// Takes off a list what no clock takes for valid any more, as far as it is known when it
    /// expired.
    fn forget_expired(&self, authority: &Authority, revocations: &mut Revocations, now: Moment) {
        // One that cannot be read leaves the list as long as it is: to revoke goes before.
        let entries = self.record().entries().unwrap_or_default();
        let is_over = |serial: &str| {
            let mut entries = entries.iter();
            let entry = entries.find(|it| it.serial == serial);
            entry.is_some_and(|it| {
                it.authority == authority.serial() && it.until.plus_days(KEPT_DAYS) < now
            })
        };
        revocations.revoked.retain(|one| !is_over(&one.serial));
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
    use crate::base::host::SystemRng;
    use crate::tls::fixture::leaf_of;
    use crate::tls::issue::Request;

    fn folder(dir: &tempfile::TempDir) -> (Folder, Authority) {
        let folder = Folder::create(&dir.path().join("certs")).unwrap();
        let issued = Authority::create("dkv", 3_650, &SystemRng).unwrap();
        folder.write_authority(&issued).unwrap();
        let authority = folder.authority().unwrap();
        (folder, authority)
    }

    fn serial(pem: &str) -> String {
        leaf_of(pem).serial
    }

    /// A key that was lost is in certificates from before, too.
    #[test]
    fn all_that_a_holder_has_can_be_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, authority) = folder(&dir);
        let (alice, bob) = (Request::client("alice"), Request::client("bob"));
        let now = Moment::now();
        let first = authority.issue(&alice, &SystemRng).unwrap();
        authority.issue(&bob, &SystemRng).unwrap();
        let node = Request::node("alice", None, &["localhost"]);
        authority.issue(&node, &SystemRng).unwrap();
        let expired = now.plus_seconds(-3 * 86_400);
        let short = alice.clone().for_days(1);
        authority.issue_at(&short, &SystemRng, expired).unwrap();
        let renewed = authority.renew(&alice, &first.key_pem, &SystemRng).unwrap();
        let both = vec![serial(&first.certificate_pem), serial(&renewed)];
        let issued = |of: &Authority| folder.issued_to(of, &alice.identity, now).unwrap();
        assert_eq!(issued(&authority), both);
        let (list, new) = folder.revoke(&authority, &both[1..], now).unwrap();
        assert_eq!((list.number, &new[..]), (1, &both[1..]));
        // What is on the list is passed over, but not if there is nothing else.
        let (list, new) = folder.revoke(&authority, &both, now).unwrap();
        assert_eq!((list.number, &new[..]), (2, &both[..1]));
        let nothing = folder.revoke(&authority, &both, now).unwrap_err();
        assert!(nothing.message().contains("was revoked at"), "{nothing}");
        // Another authority takes back what it issued itself.
        let other = Authority::create("dkv", 10, &SystemRng).unwrap();
        let other = Authority::of(&other.certificate_pem, &other.key_pem).unwrap();
        assert_eq!(issued(&other), Vec::<String>::new());
    }

    #[test]
    fn what_has_expired_long_ago_is_taken_off_the_list() {
        let dir = tempfile::tempdir().unwrap();
        let (folder, authority) = folder(&dir);
        let alice = Request::client("alice").for_days(1);
        let issue = || authority.issue(&alice, &SystemRng).unwrap();
        let [one, other] = [issue(), issue()].map(|it| serial(&it.certificate_pem));
        let unknown = "80ff".to_owned();
        let now = Moment::now();
        folder
            .revoke(&authority, &[one.clone(), unknown.clone()], now)
            .unwrap();
        let (list, _) = folder
            .revoke(&authority, &["a1".to_owned()], now.plus_days(30))
            .unwrap();
        assert!(list.revoked.iter().any(|it| it.serial == one));
        let (list, _) = folder
            .revoke(&authority, std::slice::from_ref(&other), now.plus_days(32))
            .unwrap();
        let serials: Vec<String> = list.revoked.into_iter().map(|it| it.serial).collect();
        assert_eq!(serials, [unknown, "a1".to_owned(), other]);
    }

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
