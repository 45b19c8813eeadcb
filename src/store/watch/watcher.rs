//! One watcher, as whoever watches holds it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::chunk::{self, Chunk};
use super::dispatcher;
use super::hub::Admitted;
use super::interest::Interest;
use super::mailbox::{Mailbox, Standing, Taken};
use crate::base::types::Revision;
use crate::base::{Error, ErrorKind, Result};
use crate::machine::Event;
use crate::store::core::Core;

/// A watcher of a shard; dropping it ends it.
pub struct Watch {
    core: Arc<Core>,
    mailbox: Arc<Mailbox>,
}

impl Watch {
    /// Watches what comes after a revision. Whether that is still, or already, there is
    /// found out by [`Watch::next`].
    pub(in crate::store) fn begin(core: Arc<Core>, interest: Interest, after: Revision) -> Self {
        core.watches.counts.watchers.fetch_add(1, Ordering::Relaxed);
        let mailbox = Arc::new(Mailbox::new(interest, after));
        Self { core, mailbox }
    }

    /// The next events, in order: of whole revisions, at least one. Needs a runtime, and
    /// may be given up at any await without losing anything.
    ///
    /// # Errors
    /// `Compacted` when what comes next is gone, `Unavailable` when the shard stops: it is
    /// over then.
    pub async fn next(&mut self) -> Result<Vec<Arc<Event>>> {
        loop {
            let events = match self.mailbox.take() {
                Taken::Events(events) => events,
                Taken::Nothing(Standing::Live { .. }) => {
                    self.mailbox.changed().await;
                    continue;
                }
                Taken::Nothing(Standing::Closed) => return Err(stopped()),
                Taken::Nothing(Standing::Behind { after }) => {
                    let events = self.catch_up(after)?;
                    if events.is_empty() {
                        // Others have work to do as well: a long history may have nothing
                        // for this one.
                        tokio::task::yield_now().await;
                        continue;
                    }
                    events
                }
            };
            let told = &self.core.watches.counts.told;
            told.fetch_add(events.len() as u64, Ordering::Relaxed);
            return Ok(events);
        }
    }

    /// Every event up to this revision was given out; `None` while some are on their way.
    pub fn seen(&self) -> Option<Revision> {
        let position = self.core.watches.position();
        self.mailbox.seen(position)
    }

    /// Reads a piece of the history, and joins those who are live at its end.
    fn catch_up(&self, after: Revision) -> Result<Vec<Arc<Event>>> {
        let hub = &self.core.watches;
        if hub.is_closed() {
            return Err(stopped());
        }
        let wants = |event: &Event| self.mailbox.interest.is_in(event);
        let read = chunk::read(&self.core.machine.read(), after, wants);
        let Chunk {
            events,
            through,
            is_last,
        } = read.inspect_err(|error| {
            if error.kind() == ErrorKind::Compacted {
                hub.counts.compacted.fetch_add(1, Ordering::Relaxed);
            }
        })?;
        self.mailbox.stand(Standing::Behind { after: through });
        if is_last {
            match hub.admit(&self.mailbox, through) {
                Admitted::Live { start: true } => {
                    tokio::spawn(dispatcher::run(self.core.clone()));
                }
                // Not yet: the next call reads on.
                Admitted::Live { start: false } | Admitted::NotYet => {}
                Admitted::Closed => return Err(stopped()),
            }
        }
        Ok(events)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let hub = &self.core.watches;
        hub.leave(&self.mailbox);
        hub.counts.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}

fn stopped() -> Error {
    Error::unavailable("this node is stopping: watch from another one, or once it is back")
}
