//! One watch, from its opening on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::OptionFuture;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::bucket::Watched;
use crate::base::types::{Revision, ShardId};
use crate::base::{Error, ErrorKind, Result, limits};
use crate::kv::Record;
use crate::machine::{Event, Machine, ScanPage, ScanQuery};
use crate::server::service::{Consistency, Service, Shard};
use crate::store::watch::Span;
use crate::store::{Barrier, Interest, Watch};

/// What somebody wants to watch; checked in form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::server) struct Ask {
    pub(in crate::server) shard: ShardId,
    pub(in crate::server) interest: Interest,
    pub(in crate::server) begin: Begin,
    /// A mark of progress comes after so long without anything told.
    pub(in crate::server) progress: Duration,
    /// Whether it may be told by a member that has lost the others.
    pub(in crate::server) consistency: Consistency,
}

/// Where a watch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Begin {
    /// After what is there now.
    Now,
    /// With this revision.
    From(Revision),
    /// With what is there now, and then after that.
    Initial,
}

/// What a watch tells.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::server) enum Told {
    /// What was there when it began, in key order; and whether that was all.
    Initial(Vec<(Bytes, Record)>, bool),
    /// What happened, in order: whole revisions, at least one event.
    Events(Vec<Arc<Event>>),
    /// Everything up to this revision has been told.
    Progress(Revision),
}

/// A watch that is open; dropping it ends it.
pub(in crate::server) struct Watcher {
    service: Service,
    shard: ShardId,
    consistency: Consistency,
    watch: Watch,
    bucket: Watched,
    initial: Option<ScanQuery>,
    progress: Duration,
    /// When it last told something.
    told_at: Instant,
    /// Whoever notifies it asks for a mark of progress.
    asked: Arc<Notify>,
    /// A mark was asked for and not given: it comes after the events that were on their way.
    owes_mark: bool,
    /// Confirms that this member still belongs to those who decide: before each mark.
    confirming: Option<Barrier>,
}

impl Watcher {
    /// Opens a watch, and says after which revision it tells events.
    ///
    /// # Errors
    /// `NotFound` without such a shard or bucket; `Invalid` for a shard without keys and
    /// for a revision that does not exist yet; `Compacted` below the history's floor;
    /// `Unavailable` if the shard cannot be read now.
    pub(in crate::server) async fn open(
        service: &Service,
        ask: Ask,
        asked: Arc<Notify>,
        due: Instant,
    ) -> Result<(Self, Revision)> {
        let shard = service.shard_with_keys(ask.shard)?;
        if let Some(barrier) = service.barrier(shard, ask.consistency, due) {
            barrier.await?;
        }
        let bucket = ask.interest.bucket.as_str();
        let (bucket, after) = shard.store.read(|machine| {
            let bucket = Watched::open(machine, bucket)?;
            let after = begins_after(machine, &ask, bucket.made_at)?;
            Ok::<_, Error>((bucket, after))
        })?;
        let initial = (ask.begin == Begin::Initial).then(|| everything(&ask.interest, after));
        let watcher = Self {
            service: service.clone(),
            shard: ask.shard,
            consistency: ask.consistency,
            watch: shard.store.watch(ask.interest, after),
            bucket,
            initial,
            progress: ask.progress,
            told_at: Instant::now(),
            asked,
            owes_mark: false,
            confirming: None,
        };
        Ok((watcher, after))
    }

    /// The shard's clock, to tell how much of a timer remains.
    pub(in crate::server) fn now(&self) -> Result<crate::base::time::MachineTime> {
        Ok(self.shard()?.store.now())
    }

    /// What it tells next. May be given up at any await without losing anything.
    ///
    /// # Errors
    /// It is over: `Compacted` when the history it needs is gone, `Unavailable` when this
    /// node stops or has lost the others.
    pub(in crate::server) async fn next(&mut self) -> Result<Told> {
        if let Some(query) = self.initial.take() {
            let told = self.page(query)?;
            self.told_at = Instant::now();
            return Ok(told);
        }
        loop {
            let is_confirming = self.confirming.is_some();
            tokio::select! {
                biased;
                events = self.watch.next() => {
                    let events = events?;
                    self.told_at = Instant::now();
                    return Ok(Told::Events(events));
                }
                Some(confirmed) = OptionFuture::from(self.confirming.as_mut()) => {
                    self.confirming = None;
                    confirmed?;
                    if let Some(mark) = self.mark()? {
                        return Ok(mark);
                    }
                }
                () = asks(&self.asked, self.owes_mark), if !is_confirming => {
                    self.owes_mark = true;
                    if let Some(mark) = self.confirm()? {
                        return Ok(mark);
                    }
                }
                () = sleep_until(self.told_at + self.progress), if !is_confirming => {
                    if let Some(mark) = self.confirm()? {
                        return Ok(mark);
                    }
                }
            }
        }
    }

    /// The next page of what was there when the watch began.
    fn page(&mut self, query: ScanQuery) -> Result<Told> {
        let store = &self.shard()?.store;
        let page = store.read(|machine| machine.scan(&query))?;
        let ScanPage {
            records,
            more,
            last,
            ..
        } = page;
        if more {
            let after = Some(last);
            self.initial = Some(ScanQuery { after, ..query });
        }
        Ok(Told::Initial(records, !more))
    }

    /// Begins to confirm a mark; gives it if there is nothing to wait for.
    fn confirm(&mut self) -> Result<Option<Told>> {
        let shard = self.shard()?;
        let barrier = self
            .service
            .barrier(shard, self.consistency, self.service.due());
        if barrier.is_some() {
            self.confirming = barrier;
            return Ok(None);
        }
        self.mark()
    }

    /// How far everything was told; `None` while there is more to tell.
    ///
    /// # Errors
    /// `NotFound` if the bucket is gone, and all that happened to it was told.
    fn mark(&mut self) -> Result<Option<Told>> {
        let Some(seen) = self.watch.seen() else {
            return Ok(None);
        };
        let store = &self.service.shard(self.shard)?.store;
        store.read(|machine| self.bucket.check(machine, seen))?;
        self.told_at = Instant::now();
        self.owes_mark = false;
        Ok(Some(Told::Progress(seen)))
    }

    fn shard(&self) -> Result<&Shard> {
        self.service.shard(self.shard)
    }
}

/// Resolves when somebody asks for a mark; at once if one was not given yet.
async fn asks(asked: &Notify, owes_mark: bool) {
    if !owes_mark {
        asked.notified().await;
    }
}

/// The last revision that is not told.
fn begins_after(machine: &Machine, ask: &Ask, made_at: Revision) -> Result<Revision> {
    let current = machine.state().revision;
    let Begin::From(from) = ask.begin else {
        return Ok(current);
    };
    if from > current.next() {
        let message = format!("revision {from} does not exist yet (the shard is at {current})");
        return Err(match ask.consistency {
            Consistency::Linearizable => Error::invalid(message),
            // Others may have it.
            Consistency::Stale => Error::new(ErrorKind::Unavailable, message),
        });
    }
    if from <= made_at {
        // What happened then happened to another bucket of that name, or to none.
        return Err(Error::new(
            ErrorKind::NotFound,
            format!(
                "bucket `{}` was not there before revision {made_at}, which made it: watch it \
                 from {} on",
                ask.interest.bucket,
                made_at.next()
            ),
        ));
    }
    // Checks that it is still there.
    machine.history().events_from(from).map(drop)?;
    Ok(Revision(from.0.saturating_sub(1)))
}

/// The first page of everything that is watched, as it was at a revision.
fn everything(interest: &Interest, at: Revision) -> ScanQuery {
    let (start, end) = match &interest.span {
        Span::Key(key) => (key.clone(), Some([&key[..], &[0]].concat().into())),
        Span::Range { start, end } => (start.clone(), end.clone()),
    };
    ScanQuery {
        bucket: interest.bucket.clone(),
        start,
        end,
        after: None,
        limit: limits::SCAN_PAGE_RECORDS,
        bytes_max: limits::WATCH_MESSAGE_BYTES,
        keys_max: limits::COUNT_KEYS_MAX,
        keys_only: false,
        count_only: false,
        reverse: false,
        include_expired: true,
        at: Some(at),
    }
}
