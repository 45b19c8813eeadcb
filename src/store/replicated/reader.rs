//! Confirms with a quorum that reads are fresh: one round for all that wait.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::leadership::Leadership;
use super::queue::{Read, Wants, stopping};
use super::{Shared, pause};
use crate::base::types::LogIndex;
use crate::base::{Error, ErrorKind, Result, mutant};
use crate::raft::Group;

/// Rounds under way at once: the next begins while the answers of one are on their way.
const ROUNDS: usize = 2;

/// How long a refused round waits, if nothing changes before.
const RETRY: Duration = Duration::from_millis(20);

/// The reads of a round, and the position they wait for.
type Round = BoxFuture<'static, (Vec<Read>, Result<LogIndex>)>;

/// Runs the rounds.
pub(super) struct Reader {
    shared: Arc<Shared>,
    rounds: FuturesUnordered<Round>,
    /// After a refusal no round begins before this.
    retry_at: Option<Instant>,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            rounds: FuturesUnordered::new(),
            retry_at: None,
        }
    }

    /// Until the shard closes.
    pub(super) async fn run(mut self) {
        let mut changes = self.shared.group().changes();
        while !self.shared.is_closing() {
            let now = Instant::now();
            let is_out = Leadership::is_out(self.shared.group());
            for read in self.shared.reads.take_hopeless(now, is_out) {
                read.refuse(unconfirmed(self.shared.group()));
            }
            if let Some(at) = self.retry_at.take_if(|at| now < *at) {
                self.retry_at = Some(at);
                drop(timeout_at(at, changes.next()).await);
                self.retry_at = None;
                continue;
            }
            let may_begin = self.rounds.len() < ROUNDS && !self.shared.reads.is_empty();
            if may_begin && !self.begin(now) {
                // Nobody leads: whoever waits, waits.
                pause(&mut changes).await;
                continue;
            }
            let first_due = self.shared.reads.first_due();
            tokio::select! {
                biased;
                Some((reads, result)) = self.rounds.next(), if !self.rounds.is_empty() => {
                    self.finish(reads, result);
                }
                () = self.shared.reads.pushed(), if self.rounds.len() < ROUNDS => {}
                () = sleep_until(first_due.unwrap_or(now)), if first_due.is_some() => {}
            }
        }
        for read in self.shared.reads.close() {
            read.refuse(stopping("read"));
        }
    }

    /// Begins a round with all reads that wait. False if there is nobody to ask.
    fn begin(&mut self, now: Instant) -> bool {
        if mutant::is_on("stale-local-read") {
            let reads = self.shared.reads.take();
            reads.into_iter().for_each(|read| read.confirm(LogIndex(0)));
            return true;
        }
        let group = self.shared.group().clone();
        let leads = group.leads().is_some();
        let leader = group.leader().map(|(node, _)| node);
        let me = leader.is_some_and(|leader| group.node() == leader);
        if !leads && (leader.is_none() || me) {
            return false;
        }
        let (reads, strays): (Vec<_>, Vec<_>) = self
            .shared
            .reads
            .take()
            .into_iter()
            .partition(|read| leads || matches!(read.wants, Wants::Applied(_)));
        for stray in strays {
            stray.refuse(not_leader());
        }
        if reads.is_empty() {
            return true;
        }
        let due = reads.iter().map(|read| read.due).max().unwrap_or(now);
        self.rounds.push(Box::pin(async move {
            let asking = async {
                match leader {
                    Some(leader) if !leads => group.read_index_of(leader, group.silence()).await,
                    _ => group.read_index().await,
                }
            };
            // A leader may be gone: whoever follows it is asked then.
            let until = due.min(now + group.silence());
            let result = timeout_at(until, asking).await;
            (reads, result.unwrap_or_else(|_| Err(unconfirmed(&group))))
        }));
        true
    }

    fn finish(&mut self, reads: Vec<Read>, result: Result<LogIndex>) {
        self.shared.counters.round(reads.len(), result.is_ok());
        match result {
            Ok(index) => {
                let group = self.shared.group().clone();
                let due = reads.iter().map(|read| read.due).max();
                let (indexes, waiting): (Vec<_>, Vec<_>) = reads
                    .into_iter()
                    .partition(|read| matches!(read.wants, Wants::Index(_)));
                indexes.into_iter().for_each(|read| read.confirm(index));
                if waiting.is_empty() {
                    return;
                }
                if group.has_applied(index) || mutant::is_on("read-before-applied") {
                    waiting.into_iter().for_each(|read| read.confirm(index));
                    return;
                }
                // What the leader has and this node does not will not come for now.
                let full = self.shared.core.wal.read_only();
                if let Some(why) = full.filter(|_| group.leads().is_none()) {
                    waiting
                        .into_iter()
                        .for_each(|read| read.refuse(full_disk(&why)));
                    return;
                }
                tokio::spawn(async move {
                    let due = due.unwrap_or_else(Instant::now);
                    let reached = timeout_at(due, group.applied(index)).await.is_ok();
                    for read in waiting {
                        match reached {
                            true => read.confirm(index),
                            false => read.refuse(behind()),
                        }
                    }
                });
            }
            Err(error) if may_be_tried_again(&error) => {
                self.shared.reads.put_back(reads);
                self.retry_at = Some(Instant::now() + RETRY);
            }
            Err(error) => {
                for read in reads {
                    read.refuse(Error::new(error.kind(), error.message()));
                }
            }
        }
    }
}

fn may_be_tried_again(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotLeader | ErrorKind::Unavailable)
}

fn unconfirmed(group: &Group) -> Error {
    if let taken_out @ Leadership::TakenOut = Leadership::of(group) {
        return Error::unavailable(format!("{taken_out}; nothing was read"));
    }
    Error::unavailable(
        "no quorum of the cluster confirmed the read in time: nothing was read; ask another \
         member, or read with consistency `stale`",
    )
}

fn not_leader() -> Error {
    Error::new(ErrorKind::NotLeader, "this node does not lead the shard")
}

fn behind() -> Error {
    Error::unavailable(
        "this member is too far behind to answer in time: ask another one, or read with \
         consistency `stale`",
    )
}

fn full_disk(why: &str) -> Error {
    Error::unavailable(format!(
        "this member misses what the others have: {why}; ask another one, or read with \
         consistency `stale`"
    ))
}
