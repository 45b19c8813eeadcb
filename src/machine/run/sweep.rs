//! Expiring what nobody touches.

use bytes::Bytes;

use super::keys::Place;
use super::{Done, Run, rows};
use crate::base::limits::{COMMAND_KEYS_MAX, REQUEST_BYTES_MAX};
use crate::base::{Error, Result};
use crate::engine::Table;
use crate::machine::outcome::OutcomeKind;
use crate::machine::query;

impl Run<'_> {
    /// Does what is due by now: keys and locks in the order of their deadlines, then
    /// idle clients, as much as one command may.
    pub(super) fn sweep(&mut self) -> Result<Done> {
        let end = rows::deadlines_end(self.now());
        let (due, mut more) = self.first_rows(Table::Deadlines, &[], end.as_deref())?;
        let bytes_max = self.event_bytes + REQUEST_BYTES_MAX;
        let mut count = 0;
        for deadline in &due {
            if self.event_bytes >= bytes_max {
                more = true;
                break;
            }
            self.settle(deadline)?;
            count += 1;
        }
        count += self
            .sessions
            .forget_idle(self.now(), COMMAND_KEYS_MAX - count);
        more |= self
            .sessions
            .next_idle()
            .is_some_and(|idle| idle <= self.now());
        let kind = if more {
            OutcomeKind::SweptMore
        } else {
            OutcomeKind::Swept
        };
        Ok(Done::counted(kind, count as u64))
    }

    /// Settles what a deadline is of. The two must agree: a deadline that outlives
    /// its cause would be swept for ever.
    fn settle(&mut self, deadline: &Bytes) -> Result<()> {
        let (due, domain, row) = rows::split_deadline(deadline)?;
        let due_at = match domain {
            rows::Domain::Key => {
                query::record(&self.rows, &row)?.and_then(|record| record.due_at())
            }
            rows::Domain::Lock => query::lock(&self.rows, &row)?.and_then(|lock| lock.due_at()),
        };
        if due_at != Some(due) {
            return Err(Error::corrupt(format!(
                "a deadline at machine time {} ms names a {domain:?} that is due at {due_at:?}",
                due.0
            )));
        }
        match domain {
            rows::Domain::Key => self.settle_key(&Place::of_row(&row)?).map(drop),
            rows::Domain::Lock => self.settle_lock(&row).map(drop),
        }
    }
}
