//! Turns on the processor: however many connections come from an address, and whatever they
//! send, they are a few among all that the node has to do.
//!
//! The runtime runs what is ready in the order in which it became so. Five hundred busy
//! connections are five hundred places in that order, and whoever comes after them waits for
//! all: other clients, and the node's own work for its shards and its peers. So only a few tasks
//! of one address are let into the runtime's queue at once; the others wait here, first come,
//! first served. Nothing is held back while there is time for it: one that had its turn lets the
//! next one in.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::runtime::Handle;

use crate::base::limits;

mod ticket;
mod work;

use ticket::Ticket;
pub(super) use work::{Executor, InTurn};

/// The turns of one address.
pub(super) struct Turns {
    line: Mutex<Line>,
    threads: usize,
}

struct Line {
    /// Turns that there are, for each thread.
    turns: usize,
    /// Turns that nobody has; below nothing while there are more than there should be.
    free: isize,
    /// Who wants one; some of them may be gone.
    waiting: VecDeque<Arc<Ticket>>,
    /// Somebody calls who waits.
    is_calling: bool,
}

impl Turns {
    /// On this runtime, of an address that has no connections yet.
    pub(super) fn new() -> Arc<Self> {
        let threads = Handle::try_current().map_or(1, |it| it.metrics().num_workers());
        Self::of(limits::TURNS_OF_ADDRESS, threads)
    }

    fn of(turns: usize, threads: usize) -> Arc<Self> {
        Arc::new(Self {
            line: Mutex::new(Line {
                turns,
                free: count(turns * threads),
                waiting: VecDeque::new(),
                is_calling: false,
            }),
            threads,
        })
    }

    /// The address has so many connections now: a crowd has fewer turns. Whoever may go now is
    /// called by [`Self::go_on`].
    pub(super) fn serve(&self, connections: usize) {
        let turns = match connections > limits::CROWD_CONNECTIONS {
            true => limits::TURNS_OF_CROWD,
            false => limits::TURNS_OF_ADDRESS,
        };
        let mut line = self.line.lock();
        line.free += (count(turns) - count(line.turns)) * count(self.threads);
        line.turns = turns;
    }

    /// Calls whoever may go.
    pub(super) fn go_on(&self) {
        self.call(self.line.lock());
    }

    /// Takes a turn, or a place in the line; true if it is a turn.
    fn take(&self, ticket: &Arc<Ticket>) -> bool {
        let mut line = self.line.lock();
        let is_free = line.free > 0;
        match is_free {
            true => line.free -= 1,
            false => line.waiting.push_back(Arc::clone(ticket)),
        }
        is_free
    }

    /// Takes a place in the line, if there is one; false if nobody waits.
    fn queue(&self, ticket: &Arc<Ticket>) -> bool {
        let mut line = self.line.lock();
        if line.waiting.is_empty() {
            return false;
        }
        line.waiting.push_back(Arc::clone(ticket));
        true
    }

    /// True if somebody waits for a turn.
    fn has_line(&self) -> bool {
        !self.line.lock().waiting.is_empty()
    }

    /// Gives a turn to the next in the line.
    fn give_back(&self) {
        let mut line = self.line.lock();
        line.free += 1;
        self.call(line);
    }

    /// Calls who has a turn now.
    fn call<'a>(&'a self, mut line: MutexGuard<'a, Line>) {
        if std::mem::replace(&mut line.is_calling, true) {
            // Whoever does will see it. It may be further up this stack: at the end of a runtime
            // each that is called ends at once, and gives its turn back.
            return;
        }
        while let Some(next) = line.next() {
            drop(line);
            let came = next.call();
            line = self.line.lock();
            line.free += isize::from(!came);
        }
        line.is_calling = false;
    }
}

/// As a number that may be below nothing.
fn count(turns: usize) -> isize {
    isize::try_from(turns).unwrap_or(isize::MAX)
}

impl Line {
    /// Who has a turn now.
    fn next(&mut self) -> Option<Arc<Ticket>> {
        if self.free <= 0 {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.free -= 1;
        Some(next)
    }
}

#[cfg(test)]
mod tests;
