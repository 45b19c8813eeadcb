//! One session, from frames in to replies out.

use std::collections::VecDeque;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};
use tonic::{Status, Streaming};

use super::groups::{Group, Groups};
use super::outbox::Outbox;
use super::rounds::Rounds;
use super::tag::{Asked, Read, Tag, Write};
use crate::base::turns::Turns;
use crate::base::types::ShardId;
use crate::base::{Error, Result, limits};
use crate::machine::{Applied, Command};
use crate::proto::v1;
use crate::server::convert::{self, Call};
use crate::server::lanes::Lanes;
use crate::server::metrics::{OpenSession, Outcome, Tally};
use crate::server::port::{Rate, let_others_go_on};
use crate::server::service::{Answer, Consistency, Operation, Query, Service, is_a_piece};
use crate::server::settle::{Subject, settle, settle_batch};
use crate::server::status;

/// At most so much of a client's time, and at most a tenth of it, is left for the answer
/// to come back in: one that comes late tells nothing.
const WAY_BACK_MS_MAX: u64 = 200;

type Slow = BoxFuture<'static, (Write, Result<Answer>)>;

/// One session, as the stream of its replies.
pub(in crate::server) struct Session {
    service: Service,
    inbound: Streaming<v1::Requests>,
    /// How fast its connection may ask.
    rate: Option<Arc<Rate>>,
    stopping: watch::Receiver<bool>,
    /// Frames not looked at, with the moment they came.
    backlog: VecDeque<(Instant, v1::RequestFrame)>,
    /// Reads whose lane has let them go.
    reads: VecDeque<Read>,
    groups: Groups<Write>,
    lanes: Lanes<Read>,
    rounds: Rounds<Read>,
    slow: FuturesUnordered<Slow>,
    outbox: Outbox,
    /// Frames taken and not yet answered.
    under_way: usize,
    /// Frames taken since others had the thread.
    since_others: usize,
    /// Answered, and counted when the message leaves.
    tally: Tally,
    /// Which requests are looked at for their keys.
    turns: Turns,
    open: OpenSession,
    ended: bool,
    /// Why nothing more comes, if that is to be told.
    broken: Option<Status>,
}

impl Session {
    pub(in crate::server) fn new(
        service: Service,
        inbound: Streaming<v1::Requests>,
        rate: Option<Arc<Rate>>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let open = service.meter().open_session();
        let turns = service.hot_keys().turns();
        Self {
            service,
            inbound,
            rate,
            stopping,
            backlog: VecDeque::new(),
            reads: VecDeque::new(),
            groups: Groups::default(),
            lanes: Lanes::default(),
            rounds: Rounds::default(),
            slow: FuturesUnordered::new(),
            outbox: Outbox::default(),
            under_way: 0,
            since_others: 0,
            tally: Tally::default(),
            turns,
            open,
            ended: false,
            broken: None,
        }
    }

    /// The next message of replies; `None` once the client is done and everything
    /// is answered. What was wrong with what it sent is told last.
    pub(in crate::server) async fn next(&mut self) -> Option<Result<v1::Replies, Status>> {
        loop {
            self.finish_groups();
            self.answer_freed_reads();
            self.take_backlog();
            self.submit_groups();
            self.rounds.begin(&self.service);
            self.open.set_under_way(self.under_way);
            if let Some(replies) = self.outbox.take() {
                self.tally.count(self.open.meter(), Instant::now());
                self.open.sent(replies.frames.len());
                return Some(Ok(replies));
            }
            if self.ended && self.under_way == 0 && self.backlog.is_empty() {
                return self.broken.take().map(Err);
            }
            if self.since_others >= limits::TURN_FRAMES {
                let_others_go_on().await;
                self.since_others = 0;
            }
            self.wait().await;
        }
    }

    async fn wait(&mut self) {
        let may_read = !self.ended && self.backlog.is_empty();
        let may_go_on = !self.backlog.is_empty() && self.under_way < limits::SESSION_FRAMES_MAX;
        // One that asked too fast is not read for a while.
        let opens_at = self.rate.as_ref().and_then(|rate| rate.opens_at());
        tokio::select! {
            biased;
            () = self.groups.ready() => {}
            Some((reads, confirmed)) = self.rounds.next(), if self.rounds.is_waiting() => {
                self.finish_round(reads, &confirmed);
            }
            Some((write, result)) = self.slow.next(), if !self.slow.is_empty() => {
                self.finish(write, result);
            }
            () = until(opens_at), if may_read && opens_at.is_some() => {}
            message = self.inbound.message(), if may_read && opens_at.is_none() => match message {
                Ok(Some(requests)) => {
                    let now = Instant::now();
                    if let Some(rate) = &self.rate {
                        rate.charge(requests.frames.len());
                    }
                    self.open.received(requests.frames.len());
                    self.backlog.extend(requests.frames.into_iter().map(|frame| (now, frame)));
                }
                Ok(None) => self.ended = true,
                Err(broken) => {
                    tracing::debug!(%broken, "a session broke");
                    self.broken = Some(broken);
                    self.ended = true;
                }
            },
            () = stopped(&mut self.stopping), if !self.ended => {
                self.ended = true;
                self.refuse_backlog();
            }
            // What it has begun comes first: it may be done, and it may wait to be looked at.
            () = ready(()), if may_go_on => {}
        }
    }

    fn answer_freed_reads(&mut self) {
        while !self.outbox.is_full() {
            let Some((tag, query)) = self.reads.pop_front() else {
                return;
            };
            if Instant::now() < tag.due {
                self.read(tag, query);
            } else {
                self.push_error(tag.asked, &too_late());
            }
        }
    }

    fn take_backlog(&mut self) {
        while !self.outbox.is_full()
            && self.under_way < limits::SESSION_FRAMES_MAX
            && self.since_others < limits::TURN_FRAMES
        {
            let Some((came, frame)) = self.backlog.pop_front() else {
                return;
            };
            self.under_way += 1;
            self.since_others += 1;
            self.take(came, frame);
        }
    }

    fn refuse_backlog(&mut self) {
        for (came, frame) in std::mem::take(&mut self.backlog) {
            self.under_way += 1;
            self.push_error(Asked::of(came, &frame), &stopping());
        }
    }

    fn take(&mut self, came: Instant, frame: v1::RequestFrame) {
        let asked = Asked::of(came, &frame);
        let v1::RequestFrame {
            lane,
            deadline_ms,
            request,
            ..
        } = frame;
        let Some(request) = request else {
            let message = "the frame holds no request that this node knows";
            self.push_error(asked, &Error::invalid(message));
            return;
        };
        let allowed = match deadline_ms {
            0 => self.service.request_timeout(),
            ms => {
                let ms = ms.min(limits::DURATION_MS_MAX);
                Duration::from_millis(ms - (ms / 10).min(WAY_BACK_MS_MAX))
            }
        };
        let call = convert::call(request, self.service.value_bytes_max()).and_then(|call| {
            self.service.shard_for(call.shard, &call.operation)?;
            Ok(call)
        });
        match call {
            Err(error) => self.push_error(asked, &error),
            Ok(Call {
                shard,
                kind,
                operation,
            }) => {
                if self.turns.is_due() {
                    self.service.hot_keys().came(shard, &operation);
                }
                let tag = Tag {
                    asked,
                    shard,
                    kind,
                    due: came + allowed,
                    consistency: Consistency::Linearizable,
                    is_confirmed: false,
                };
                self.start(tag, lane, operation);
            }
        }
    }

    /// Starts a request, unless its time is over: nothing is given to the log late.
    fn start(&mut self, mut tag: Tag, lane: u64, operation: Operation) {
        if Instant::now() >= tag.due {
            self.push_error(tag.asked, &too_late());
            return;
        }
        match operation {
            Operation::Write(command) => {
                let write = self.write(tag, lane);
                self.group(write, command);
            }
            Operation::WriteInPieces(command) => {
                let mut write = self.write(tag, lane);
                write.pieces = Some(command.clone());
                self.group(write, command);
            }
            Operation::Batch(commands) => {
                let mut write = self.write(tag, lane);
                write.batch = Some(commands.iter().map(Subject::of).collect());
                let shard = write.tag.shard;
                if let Some(full) = self.groups.add_all(shard, write, commands) {
                    self.submit(shard, full);
                }
            }
            Operation::Read(query, consistency) => {
                tag.consistency = consistency;
                if let Some((tag, query)) = self.lanes.park(lane, tag.shard, (tag, query)) {
                    self.read(tag, query);
                }
            }
            // A lock's wait is nobody's earlier write: it may take minutes.
            Operation::AcquireWaiting(command, wait) => self.acquire(tag, command, wait),
        }
    }

    fn write(&mut self, tag: Tag, lane: u64) -> Write {
        let place = self.lanes.begin(lane, tag.shard);
        Write::new(tag, place)
    }

    fn acquire(&mut self, mut tag: Tag, command: Command, wait: Duration) {
        tag.due += wait;
        let service = self.service.clone();
        let mut stop = self.stopping.clone();
        self.slow.push(Box::pin(async move {
            let operation = Operation::AcquireWaiting(command, wait);
            let begin_by = tag.due - wait;
            let call = timeout_at(tag.due, service.call(tag.shard, operation, begin_by));
            let result = tokio::select! {
                biased;
                answered = call => answered.unwrap_or_else(|_| Err(overdue())),
                // The wait is given up with the future.
                () = stopped(&mut stop) => Err(wait_broken_off()),
            };
            (Write::new(tag, None), result)
        }));
    }

    /// Goes on with what is removed in pieces, of which the first is done.
    fn remove_on(&mut self, write: Write, command: Command, first: Applied) {
        let service = self.service.clone();
        self.slow.push(Box::pin(async move {
            let (shard, due) = (write.tag.shard, write.tag.due);
            let rest = service.write_rest(shard, command, first, due);
            let result = timeout_at(due, rest).await;
            (write, result.unwrap_or_else(|_| Err(overdue())))
        }));
    }

    fn group(&mut self, mut write: Write, command: Command) {
        write.subject = Subject::of(&command);
        let shard = write.tag.shard;
        if let Some(full) = self.groups.add(shard, write, command) {
            self.submit(shard, full);
        }
    }

    fn submit_groups(&mut self) {
        for (shard, group) in self.groups.take() {
            self.submit(shard, group);
        }
    }

    fn submit(&mut self, shard: ShardId, group: Group<Write>) {
        // They share one outcome; the last deadline is that of all.
        let due = group.tags().iter().map(|write| write.tag.due).max();
        let due = due.unwrap_or_else(Instant::now);
        if let Err((writes, refused)) = self.groups.submit(&self.service, shard, group, due) {
            for write in writes {
                self.finish_error(&write, &refused);
            }
        }
    }

    fn finish_groups(&mut self) {
        for (writes, result) in self.groups.completed() {
            match result {
                Ok(replies) => self.finish_group(writes, replies),
                Err(error) => {
                    for write in writes {
                        self.finish_error(&write, &error);
                    }
                }
            }
        }
    }

    fn finish_group(&mut self, writes: Vec<Write>, replies: Vec<Applied>) {
        let mut replies = replies.into_iter();
        for mut write in writes {
            if let Some(subjects) = write.batch.take() {
                let own = replies.by_ref().take(subjects.len()).collect();
                self.finish(write, Ok(settle_batch(own, &subjects)));
            } else if let Some(applied) = replies.next() {
                self.finish_write(write, applied);
            }
        }
    }

    fn finish_write(&mut self, mut write: Write, applied: Applied) {
        match write.pieces.take() {
            Some(command) if is_a_piece(&applied) => self.remove_on(write, command, applied),
            _ => {
                let settled = settle(applied, &write.subject);
                self.finish(write, settled.map(Answer::Applied));
            }
        }
    }

    fn finish(&mut self, write: Write, result: Result<Answer>) {
        self.lanes.end(write.place, &mut self.reads);
        self.answer(write.tag, result);
    }

    fn answer(&mut self, tag: Tag, result: Result<Answer>) {
        match result {
            Ok(answer) => self.push_reply(tag, answer),
            Err(error) => self.push_error(tag.asked, &error),
        }
    }

    fn finish_error(&mut self, write: &Write, error: &Error) {
        self.lanes.end(write.place, &mut self.reads);
        self.push_error(write.tag.asked, error);
    }

    fn finish_round(&mut self, reads: Vec<Read>, confirmed: &Result<()>) {
        for (mut tag, query) in reads {
            match confirmed {
                Ok(()) => {
                    tag.is_confirmed = true;
                    self.reads.push_back((tag, query));
                }
                Err(error) => self.push_error(tag.asked, error),
            }
        }
    }

    fn read(&mut self, tag: Tag, query: Query) {
        let shard = self.service.shard(tag.shard);
        let must_wait = tag.consistency == Consistency::Linearizable
            && !tag.is_confirmed
            && shard.as_ref().is_ok_and(|shard| shard.kind.is_replicated());
        if must_wait {
            let (shard, due) = (tag.shard, tag.due);
            self.rounds.add(shard, (tag, query), due);
            return;
        }
        let answer = shard.and_then(|shard| self.service.read(shard, query));
        self.answer(tag, answer);
    }

    fn push_reply(&mut self, tag: Tag, answer: Answer) {
        let service = &self.service;
        let reply = service
            .shard(tag.shard)
            .and_then(|shard| convert::reply(service, shard, tag.kind, tag.consistency, answer));
        match reply {
            Ok(reply) => self.push(tag.asked, Outcome::of(&reply), reply),
            Err(error) => self.push_error(tag.asked, &error),
        }
    }

    fn push_error(&mut self, asked: Asked, error: &Error) {
        let outcome = Outcome::Error(error.kind());
        let error = v1::reply_frame::Reply::Error(status::to_frame(error));
        self.push(asked, outcome, error);
    }

    fn push(&mut self, asked: Asked, outcome: Outcome, reply: v1::reply_frame::Reply) {
        self.under_way -= 1;
        self.tally.add(asked.kind, outcome, asked.came);
        self.outbox.push(v1::ReplyFrame {
            id: asked.id,
            reply: Some(reply),
        });
    }
}

fn stopping() -> Error {
    Error::unavailable("this node is stopping: nothing was done; ask another, or ask again")
}

/// The lock may have been granted in the same moment, so nobody may take it for refused.
pub(in crate::server) fn wait_broken_off() -> Error {
    Error::timeout(
        "this node is stopping, and whether the lock was granted before is unknown: ask again, as \
         the same owner",
    )
}

fn too_late() -> Error {
    Error::unavailable("the deadline passed before the request was begun: nothing was done")
}

fn overdue() -> Error {
    Error::timeout("no outcome within the deadline: ask again with the same request id")
}

async fn until(moment: Option<Instant>) {
    if let Some(moment) = moment {
        sleep_until(moment).await;
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the node is gone already.
    let _gone = stopping.wait_for(|stopping| *stopping).await.is_err();
}
