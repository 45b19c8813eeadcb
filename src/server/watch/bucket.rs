//! The bucket that somebody watches, and whether it is still that one.

use crate::base::types::Revision;
use crate::base::{Error, ErrorKind, Result};
use crate::machine::{Machine, query};

/// A bucket as it was when a watch began. The default bucket is always there.
pub(super) struct Watched {
    name: String,
    /// The revision that made it.
    pub(super) made_at: Revision,
    /// By this revision it was gone.
    gone_at: Option<Revision>,
}

impl Watched {
    /// Refuses a bucket that cannot be watched.
    ///
    /// # Errors
    /// `NotFound` if it is not there, `Invalid` if it has no history.
    pub(super) fn open(machine: &Machine, name: &str) -> Result<Self> {
        let bucket = query::open_bucket(machine.engine(), name)?;
        if bucket.settings.no_history {
            return Err(Error::invalid(format!(
                "bucket `{name}` keeps no history (--no-history), so that it cannot be watched"
            )));
        }
        Ok(Self {
            name: name.to_owned(),
            made_at: bucket.create_revision,
            gone_at: None,
        })
    }

    /// Errs if the bucket is gone and everything up to its end was `seen`. While it is being
    /// dropped there is more to see.
    ///
    /// # Errors
    /// `NotFound` if it is.
    pub(super) fn check(&mut self, machine: &Machine, seen: Revision) -> Result<()> {
        if self.name.is_empty() {
            return Ok(());
        }
        if self.gone_at.is_none() {
            // Another one of that name is another one, whatever it keeps.
            let bucket = query::bucket(machine.engine(), &self.name)?;
            let is_there = bucket.is_some_and(|bucket| bucket.create_revision == self.made_at);
            self.gone_at = (!is_there).then(|| machine.state().revision);
        }
        match self.gone_at {
            Some(gone_at) if seen >= gone_at => Err(Error::new(
                ErrorKind::NotFound,
                format!(
                    "bucket `{}` was dropped: everything that happened to it was told, and a \
                     bucket that was made since is another one",
                    self.name
                ),
            )),
            _ => Ok(()),
        }
    }
}
