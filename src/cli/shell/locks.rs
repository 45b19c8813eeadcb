//! The locks that a shell took: their owners need not be typed again.

use std::ffi::OsString;

use super::translate::Line;
use super::words::quoted;
use crate::base::types::OwnerId;
use crate::base::{Error, Result};
use crate::cli::client_args::bytes;
use crate::cli::exit::ExitStatus;

/// What a line does with a lock, once it succeeded.
#[derive(Debug)]
pub(super) enum Deed {
    Take(Held),
    Give(Held),
}

/// Where a lock is: one of the same name elsewhere is another lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// As they were typed, with commas between them.
    pub(super) endpoints: String,
    pub(super) shard: String,
}

/// A lock with its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) name: OsString,
    pub(super) owner: OsString,
    pub(super) place: Place,
}

/// The locks, as far as this shell knows: a lease may have ended.
#[derive(Debug, Default)]
pub(super) struct Locks {
    held: Vec<Held>,
}

impl Locks {
    /// Completes a line that takes, renews or gives up a lock with the owner's id.
    ///
    /// # Errors
    /// `Invalid` for a lock that was not taken here.
    pub(super) fn complete(
        &self,
        line: &mut Line,
        place: &Place,
        mint: impl FnOnce() -> OwnerId,
    ) -> Result<Option<Deed>> {
        let is = |path: &[&str]| line.is(path);
        let (acquires, renews, releases) = (
            is(&["lock", "acquire"]),
            is(&["lock", "renew"]),
            is(&["lock", "release"]),
        );
        let Some(name) = line.places.first().cloned() else {
            return Ok(None);
        };
        if acquires && !line.has("--owner") {
            let owner = OsString::from(mint().to_string());
            let mut flag = OsString::from("--owner=");
            flag.push(&owner);
            line.flags.push(flag);
            return Ok(Some(Deed::Take(Held {
                name,
                owner,
                place: place.clone(),
            })));
        }
        if (renews || releases) && line.places.len() == 1 {
            line.places.push(self.owner(&name, place)?);
        }
        let owner = line.places.get(1).cloned().filter(|_| releases);
        Ok(owner.map(|owner| {
            Deed::Give(Held {
                name,
                owner,
                place: place.clone(),
            })
        }))
    }

    fn owner(&self, name: &OsString, place: &Place) -> Result<OsString> {
        let held = self.held.iter().rev();
        let mut held = held.filter(|held| held.name == *name && held.place == *place);
        held.next().map(|held| held.owner.clone()).ok_or_else(|| {
            let name = quoted(&bytes(name));
            Error::invalid(format!(
                "this shell does not hold the lock {name}: name its owner, too, as LOCK printed it"
            ))
        })
    }

    /// Keeps in mind what was done.
    pub(super) fn remember(&mut self, deed: Deed, status: ExitStatus) {
        match deed {
            Deed::Take(taken) if status == ExitStatus::Done => {
                self.held
                    .retain(|held| held.name != taken.name || held.place != taken.place);
                self.held.push(taken);
            }
            Deed::Give(given) if status == ExitStatus::Done => {
                let owner = given.owner.to_ascii_lowercase();
                self.held.retain(|held| {
                    (&held.name, &held.place) != (&given.name, &given.place) || held.owner != owner
                });
            }
            Deed::Take(_) | Deed::Give(_) => {}
        }
    }

    /// Keeps in mind a lock that may have been taken: nobody answered. What is known to be
    /// held stays so, for it may be what is in the way.
    pub(super) fn remember_doubtful(&mut self, taken: Held) {
        self.held.push(taken);
    }

    /// What to tell whoever leaves: the locks that nobody gave up.
    pub(super) fn farewell(&self) -> Option<String> {
        let mut names: Vec<String> = self
            .held
            .iter()
            .map(|held| quoted(&bytes(&held.name)))
            .collect();
        names.dedup();
        if names.is_empty() {
            return None;
        }
        Some(format!(
            "not given up: {}; held until the lease ends, unless it has (dkv lock list)",
            names.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What may be in the way of an acquire without an answer is the lock itself.
    #[test]
    fn a_doubtful_lock_does_not_take_the_place_of_one_that_is_held() {
        let held = |owner: &str| Held {
            name: "jobs".into(),
            owner: owner.into(),
            place: Place {
                endpoints: "127.0.0.1:8080".to_owned(),
                shard: "100".to_owned(),
            },
        };
        let mut locks = Locks::default();
        locks.remember(Deed::Take(held("aa")), ExitStatus::Done);
        locks.remember_doubtful(held("bb"));
        assert_eq!(locks.owner(&"jobs".into(), &held("").place).unwrap(), "bb");
        locks.remember(Deed::Give(held("BB")), ExitStatus::Done);
        assert_eq!(locks.owner(&"jobs".into(), &held("").place).unwrap(), "aa");
        locks.remember(Deed::Give(held("aa")), ExitStatus::Done);
        assert_eq!(locks.farewell(), None);
    }
}
