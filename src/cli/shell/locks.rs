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
    Give(OsString),
}

/// A lock with its owner.
#[derive(Debug)]
pub(super) struct Held {
    name: OsString,
    owner: OsString,
    shard: String,
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
        shard: &str,
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
                shard: shard.to_owned(),
            })));
        }
        if (renews || releases) && line.places.len() == 1 {
            line.places.push(self.owner(&name, shard)?);
        }
        Ok(releases.then_some(Deed::Give(name)))
    }

    fn owner(&self, name: &OsString, shard: &str) -> Result<OsString> {
        let held = self.held.iter().rev();
        let mut held = held.filter(|held| held.name == *name && held.shard == shard);
        held.next().map(|held| held.owner.clone()).ok_or_else(|| {
            let name = quoted(&bytes(name));
            Error::invalid(format!(
                "this shell does not hold the lock {name}: name its owner, too, as LOCK printed it"
            ))
        })
    }

    /// Keeps in mind what was done.
    pub(super) fn remember(&mut self, deed: Option<Deed>, status: ExitStatus, shard: &str) {
        match deed {
            Some(Deed::Take(taken)) if status == ExitStatus::Done => {
                self.held
                    .retain(|held| held.name != taken.name || held.shard != taken.shard);
                self.held.push(taken);
            }
            Some(Deed::Give(name)) if status == ExitStatus::Done => {
                self.held
                    .retain(|held| held.name != name || held.shard != shard);
            }
            _ => {}
        }
    }

    /// What to tell whoever leaves: the locks that nobody gave up.
    pub(super) fn farewell(&self) -> Option<String> {
        let names: Vec<String> = self
            .held
            .iter()
            .map(|held| quoted(&bytes(&held.name)))
            .collect();
        if names.is_empty() {
            return None;
        }
        Some(format!(
            "not given up: {}; held until the lease ends, unless it has (dkv lock list)",
            names.join(", ")
        ))
    }
}
