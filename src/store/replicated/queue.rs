//! What waits to be proposed, and what waits to be read.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use crate::base::types::LogIndex;
use crate::base::{Error, Result, limits};
use crate::machine::{Applied, Command};
use crate::raft::ReadDone;
use crate::store::Done;

/// Bytes of commands that travel as one entry, about; a larger command goes alone.
const ENTRY_BYTES: usize = 1 << 20;

/// Commands that were submitted together.
pub(super) struct Write {
    pub(super) commands: Vec<Command>,
    /// How many commands went into an entry, once they have.
    pub(super) proposed: usize,
    pub(super) weight: usize,
    pub(super) due: Instant,
    /// Another node has sent it here as to the leader: it is not sent on.
    pub(super) is_forwarded: bool,
    /// A leader that was lost may have done it: it is never again said to be undone.
    pub(super) in_doubt: bool,
    pub(super) tell: Tell,
}

/// Tells whoever submitted what became of it: once, and in any case.
pub(super) struct Tell(Option<Done>);

impl Tell {
    pub(super) fn new(done: Done) -> Self {
        Self(Some(done))
    }

    pub(super) fn with(mut self, result: Result<Vec<Applied>>) {
        self.now(result);
    }

    fn now(&mut self, result: Result<Vec<Applied>>) {
        if let Some(done) = self.0.take() {
            done(result);
        }
    }
}

impl Drop for Tell {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            let unknown = "the node stopped before the outcome was known";
            done(Err(Error::timeout(unknown)));
        }
    }
}

impl Write {
    /// Tells that it is unknown what became of it, as there is no more time to find out.
    /// What became of those that went with it is told by their places.
    pub(super) fn give_up(&mut self, why: Error) {
        self.tell.now(Err(why));
    }

    /// Nobody waits for it any more.
    pub(super) fn is_told(&self) -> bool {
        self.tell.0.is_none()
    }

    /// Tells that it was not done, or why that is unknown.
    pub(super) fn refuse(self, why: Error) {
        self.tell.with(Err(why));
    }
}

/// Writes in the order in which they came. Bounded by the bytes the shard admits.
#[derive(Default)]
pub(super) struct Queue {
    writes: Mutex<VecDeque<Write>>,
    /// Nobody takes anything out any more. Set while `writes` is locked.
    is_closed: AtomicBool,
    wake: Notify,
}

impl Queue {
    pub(super) fn push(&self, write: Write) {
        let mut writes = self.writes.lock();
        if self.is_closed.load(Ordering::SeqCst) {
            drop(writes);
            write.refuse(stopping("done"));
            return;
        }
        writes.push_back(write);
        drop(writes);
        self.wake.notify_one();
    }

    /// Takes out all of them. Whoever comes later is refused.
    pub(super) fn close(&self) -> Vec<Write> {
        let mut writes = self.writes.lock();
        self.is_closed.store(true, Ordering::SeqCst);
        Vec::from(std::mem::take(&mut *writes))
    }

    /// Puts back what was not done, before everything else.
    pub(super) fn put_back(&self, back: Vec<Write>) {
        let mut writes = self.writes.lock();
        let waiting = back.into_iter().filter(|write| !write.is_told());
        for write in waiting.rev() {
            writes.push_front(write);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.writes.lock().is_empty()
    }

    /// As many as go into one entry, of which the log takes `bytes_max`.
    pub(super) fn take_entry(&self, bytes_max: usize) -> Vec<Write> {
        let bytes_max = bytes_max.min(ENTRY_BYTES);
        let mut writes = self.writes.lock();
        let (mut commands, mut bytes) = (0, 0);
        let mut taken = Vec::new();
        while let Some(write) = writes.front() {
            commands += write.commands.len();
            bytes += write.weight;
            let fits = commands <= limits::ENTRY_COMMANDS_MAX && bytes <= bytes_max;
            if !taken.is_empty() && !fits {
                break;
            }
            taken.extend(writes.pop_front());
        }
        taken
    }

    /// Takes out what cannot wait any longer, and what was sent here by mistake: all of it
    /// if this node `is_out`.
    pub(super) fn take_hopeless(&self, now: Instant, leads: bool, is_out: bool) -> Vec<Write> {
        let is_hopeless =
            |write: &Write| is_out || write.due <= now || (write.is_forwarded && !leads);
        let mut writes = self.writes.lock();
        // Asked before each entry; there hardly ever is one.
        if !writes.iter().any(is_hopeless) {
            return Vec::new();
        }
        let all = std::mem::take(&mut *writes);
        let (hopeless, waiting) = all.into_iter().partition(is_hopeless);
        *writes = waiting;
        Vec::from(hopeless)
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Resolves when something was pushed since the last call.
    pub(super) async fn pushed(&self) {
        self.wake.notified().await;
    }
}

/// One read that waits for a quorum.
pub(super) struct Read {
    pub(super) due: Instant,
    pub(super) wants: Wants,
}

/// What a read waits for.
pub(super) enum Wants {
    /// That everything acknowledged before is applied here.
    Applied(oneshot::Sender<Result<()>>),
    /// The position, for another node.
    Index(ReadDone),
}

impl Read {
    pub(super) fn barrier(due: Instant) -> (Self, oneshot::Receiver<Result<()>>) {
        let (tell, told) = oneshot::channel();
        let wants = Wants::Applied(tell);
        (Self { due, wants }, told)
    }

    pub(super) fn refuse(self, why: Error) {
        match self.wants {
            // A reader that went away does not care.
            Wants::Applied(tell) => drop(tell.send(Err(why))),
            Wants::Index(done) => done(Err(why)),
        }
    }

    pub(super) fn confirm(self, index: LogIndex) {
        match self.wants {
            Wants::Applied(tell) => drop(tell.send(Ok(()))),
            Wants::Index(done) => done(Ok(index)),
        }
    }

    /// True if nobody waits for it any more.
    pub(super) fn is_abandoned(&self) -> bool {
        match &self.wants {
            Wants::Applied(tell) => tell.is_closed(),
            Wants::Index(_) => false,
        }
    }
}

/// Reads that wait for the next round.
#[derive(Default)]
pub(super) struct Reads {
    reads: Mutex<Vec<Read>>,
    /// Nobody takes anything out any more. Set while `reads` is locked.
    is_closed: AtomicBool,
    wake: Notify,
}

impl Reads {
    pub(super) fn push(&self, read: Read) {
        let mut reads = self.reads.lock();
        if self.is_closed.load(Ordering::SeqCst) {
            drop(reads);
            read.refuse(stopping("read"));
            return;
        }
        reads.push(read);
        drop(reads);
        self.wake.notify_one();
    }

    /// Takes out all of them. Whoever comes later is refused.
    pub(super) fn close(&self) -> Vec<Read> {
        let mut reads = self.reads.lock();
        self.is_closed.store(true, Ordering::SeqCst);
        std::mem::take(&mut *reads)
    }

    pub(super) fn put_back(&self, back: Vec<Read>) {
        self.reads.lock().extend(back);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reads.lock().is_empty()
    }

    /// All of them.
    pub(super) fn take(&self) -> Vec<Read> {
        std::mem::take(&mut *self.reads.lock())
    }

    /// Takes out what cannot wait any longer, and what nobody waits for: all of it if this
    /// node `is_out`.
    pub(super) fn take_hopeless(&self, now: Instant, is_out: bool) -> Vec<Read> {
        let mut reads = self.reads.lock();
        let all = std::mem::take(&mut *reads);
        let (hopeless, waiting) = all
            .into_iter()
            .partition(|read| is_out || read.due <= now || read.is_abandoned());
        *reads = waiting;
        hopeless
    }

    pub(super) fn first_due(&self) -> Option<Instant> {
        self.reads.lock().iter().map(|read| read.due).min()
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) async fn pushed(&self) {
        self.wake.notified().await;
    }
}

/// Why nothing was `done` (or read).
pub(super) fn stopping(done: &str) -> Error {
    Error::unavailable(format!("this node is stopping: nothing was {done}"))
}
