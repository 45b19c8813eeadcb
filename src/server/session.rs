//! The hot path: many logical requests on one stream.
//!
//! Everything that has arrived is taken at once, its writes are submitted as one group
//! per shard, its reads are answered from the applied state, and all replies that are
//! ready leave in one message. There is no task and no channel per request.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tonic::Streaming;

use super::convert::{self, Kind};
use super::service::{Answer, Operation, Query, Service, Subject, settle};
use super::status;
use crate::base::types::ShardId;
use crate::base::{Error, Result, limits};
use crate::machine::{Applied, Command};
use crate::proto::v1;

/// Bytes of commands that travel as one group, about.
const GROUP_BYTES: usize = 1 << 20;

/// Bytes of replies that leave as one message, about.
const REPLY_BYTES: usize = 1 << 20;

/// What a reply must know of its request.
struct Tag {
    id: u64,
    lane: u64,
    shard: ShardId,
    kind: Kind,
    /// Counted among its lane's writes.
    writes: bool,
    /// What a refusal speaks of.
    subject: Subject,
}

/// Writes of one shard that are submitted together.
#[derive(Default)]
struct Group {
    tags: Vec<Tag>,
    commands: Vec<Command>,
    bytes: usize,
}

/// Requests of one lane to one shard.
#[derive(Default)]
struct Lane {
    /// Writes under way.
    writing: usize,
    /// Reads that wait for them.
    parked: Vec<(Tag, Query)>,
}

/// Groups that were applied. Bounded: a session has at most `SESSION_FRAMES_MAX`
/// frames under way.
#[derive(Default)]
struct Completions {
    groups: Mutex<Vec<(Vec<Tag>, Result<Vec<Applied>>)>>,
    ready: Notify,
}

/// One session, as the stream of its replies.
pub(super) struct Session {
    service: Service,
    inbound: Streaming<v1::Requests>,
    stopping: watch::Receiver<bool>,
    backlog: VecDeque<v1::RequestFrame>,
    groups: HashMap<ShardId, Group>,
    lanes: HashMap<(u64, ShardId), Lane>,
    completions: Arc<Completions>,
    slow: FuturesUnordered<BoxFuture<'static, (Tag, Result<Answer>)>>,
    replies: Vec<v1::ReplyFrame>,
    reply_bytes: usize,
    /// Frames taken and not yet answered.
    under_way: usize,
    ended: bool,
}

impl Session {
    pub(super) fn new(
        service: Service,
        inbound: Streaming<v1::Requests>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            service,
            inbound,
            stopping,
            backlog: VecDeque::new(),
            groups: HashMap::new(),
            lanes: HashMap::new(),
            completions: Arc::default(),
            slow: FuturesUnordered::new(),
            replies: Vec::new(),
            reply_bytes: 0,
            under_way: 0,
            ended: false,
        }
    }

    /// The next message of replies; `None` once the client is done and everything
    /// is answered.
    pub(super) async fn next(&mut self) -> Option<v1::Replies> {
        loop {
            self.finish_groups();
            self.take_backlog();
            self.submit_groups();
            if !self.replies.is_empty() {
                self.reply_bytes = 0;
                return Some(v1::Replies {
                    frames: std::mem::take(&mut self.replies),
                });
            }
            if self.ended && self.under_way == 0 && self.backlog.is_empty() {
                return None;
            }
            self.wait().await;
        }
    }

    async fn wait(&mut self) {
        let may_read = !self.ended && self.backlog.is_empty();
        tokio::select! {
            biased;
            () = self.completions.ready.notified() => {}
            Some((tag, result)) = self.slow.next(), if !self.slow.is_empty() => {
                self.finish(tag, result);
            }
            message = self.inbound.message(), if may_read => match message {
                Ok(Some(requests)) => self.backlog.extend(requests.frames),
                Ok(None) => self.ended = true,
                Err(broken) => {
                    tracing::debug!(%broken, "a session broke");
                    self.ended = true;
                }
            },
            () = stopped(&mut self.stopping), if !self.ended => {
                self.ended = true;
                self.refuse_backlog();
            }
        }
    }

    fn take_backlog(&mut self) {
        while self.reply_bytes < REPLY_BYTES && self.under_way < limits::SESSION_FRAMES_MAX {
            let Some(frame) = self.backlog.pop_front() else {
                return;
            };
            self.under_way += 1;
            self.take(frame);
        }
    }

    fn refuse_backlog(&mut self) {
        for frame in std::mem::take(&mut self.backlog) {
            self.under_way += 1;
            self.push_error(
                frame.id,
                &Error::unavailable("this node is stopping: ask another"),
            );
        }
    }

    fn take(&mut self, frame: v1::RequestFrame) {
        let v1::RequestFrame {
            id, lane, request, ..
        } = frame;
        let Some(request) = request else {
            self.push_error(
                id,
                &Error::invalid("the frame holds no request this node knows"),
            );
            return;
        };
        let call = convert::call(request, self.service.value_bytes_max()).and_then(|call| {
            self.service.shard_for(call.shard, &call.operation)?;
            Ok(call)
        });
        match call {
            Err(error) => self.push_error(id, &error),
            Ok(convert::Call {
                shard,
                kind,
                operation,
            }) => {
                self.start(
                    Tag {
                        id,
                        lane,
                        shard,
                        kind,
                        writes: false,
                        subject: Subject::default(),
                    },
                    operation,
                );
            }
        }
    }

    fn start(&mut self, mut tag: Tag, operation: Operation) {
        match operation {
            Operation::Write(command) => {
                self.lane_writes(&mut tag);
                self.group(tag, command);
            }
            Operation::Read(query) => match self.lanes.get_mut(&(tag.lane, tag.shard)) {
                Some(lane) => lane.parked.push((tag, query)),
                None => self.read(tag, query),
            },
            // A lock's wait is nobody's earlier write: it may take minutes.
            Operation::AcquireWaiting(..) => self.start_slow(tag, operation),
            Operation::DeleteRange(_) => {
                self.lane_writes(&mut tag);
                self.submit_groups();
                self.start_slow(tag, operation);
            }
        }
    }

    fn start_slow(&mut self, tag: Tag, operation: Operation) {
        let service = self.service.clone();
        self.slow.push(Box::pin(async move {
            let result = service.call(tag.shard, operation).await;
            (tag, result)
        }));
    }

    fn group(&mut self, mut tag: Tag, command: Command) {
        tag.subject = Subject::of(&command);
        let shard = tag.shard;
        let group = self.groups.entry(shard).or_default();
        let full = group.commands.len() == limits::ENTRY_COMMANDS_MAX
            || group.bytes + command.weight() > GROUP_BYTES;
        if full && !group.commands.is_empty() {
            let full = std::mem::take(group);
            self.submit(shard, full);
        }
        let group = self.groups.entry(shard).or_default();
        group.bytes += command.weight();
        group.tags.push(tag);
        group.commands.push(command);
    }

    fn submit_groups(&mut self) {
        for (shard, group) in std::mem::take(&mut self.groups) {
            if !group.commands.is_empty() {
                self.submit(shard, group);
            }
        }
    }

    fn submit(&mut self, shard: ShardId, group: Group) {
        let Group { tags, commands, .. } = group;
        let waiting = Arc::new(Mutex::new(tags));
        let tags = waiting.clone();
        let completions = self.completions.clone();
        let done = Box::new(move |result| {
            let tags = std::mem::take(&mut *tags.lock());
            completions.groups.lock().push((tags, result));
            completions.ready.notify_one();
        });
        let shard = self.service.shard(shard);
        let submitted = shard.and_then(|shard| self.service.submit(shard, commands, done));
        if let Err(refused) = submitted {
            for tag in std::mem::take(&mut *waiting.lock()) {
                self.finish_error(&tag, &refused);
            }
        }
    }

    fn finish_groups(&mut self) {
        let groups = std::mem::take(&mut *self.completions.groups.lock());
        for (tags, result) in groups {
            match result {
                Ok(replies) => {
                    for (tag, applied) in tags.into_iter().zip(replies) {
                        let settled = settle(applied, &tag.subject);
                        self.finish(tag, settled.map(Answer::Applied));
                    }
                }
                Err(error) => {
                    for tag in tags {
                        self.finish_error(&tag, &error);
                    }
                }
            }
        }
    }

    fn read(&mut self, tag: Tag, query: Query) {
        let shard = self.service.shard(tag.shard);
        let answer = shard.and_then(|shard| self.service.read(shard, query));
        match answer {
            Ok(answer) => self.push_reply(tag, answer),
            Err(error) => self.push_error(tag.id, &error),
        }
    }

    /// A request of the lane ended: its reads go on after the last of its writes.
    fn finish(&mut self, tag: Tag, result: Result<Answer>) {
        let freed = self.lane_wrote(&tag);
        match result {
            Ok(answer) => self.push_reply(tag, answer),
            Err(error) => self.push_error(tag.id, &error),
        }
        for (tag, query) in freed {
            self.read(tag, query);
        }
    }

    fn finish_error(&mut self, tag: &Tag, error: &Error) {
        let freed = self.lane_wrote(tag);
        self.push_error(tag.id, error);
        for (tag, query) in freed {
            self.read(tag, query);
        }
    }

    fn lane_writes(&mut self, tag: &mut Tag) {
        tag.writes = tag.lane != 0;
        if tag.writes {
            self.lanes.entry((tag.lane, tag.shard)).or_default().writing += 1;
        }
    }

    /// Reads that a lane's last write set free.
    fn lane_wrote(&mut self, tag: &Tag) -> Vec<(Tag, Query)> {
        if !tag.writes {
            return Vec::new();
        }
        let key = (tag.lane, tag.shard);
        let lane = self
            .lanes
            .get_mut(&key)
            .expect("a lane stays while it writes");
        lane.writing -= 1;
        if lane.writing > 0 {
            return Vec::new();
        }
        self.lanes
            .remove(&key)
            .map(|lane| lane.parked)
            .unwrap_or_default()
    }

    fn push_reply(&mut self, tag: Tag, answer: Answer) {
        let revision = convert::revision_of(&answer);
        let reply = self
            .service
            .shard(tag.shard)
            .map(|shard| convert::header(&self.service, shard, revision))
            .and_then(|header| convert::reply(tag.kind, header, answer));
        match reply {
            Ok(reply) => {
                let frame = v1::ReplyFrame {
                    id: tag.id,
                    reply: Some(reply),
                };
                self.push(frame);
            }
            Err(error) => self.push_error(tag.id, &error),
        }
    }

    fn push_error(&mut self, id: u64, error: &Error) {
        let error = v1::reply_frame::Reply::Error(status::to_frame(error));
        self.push(v1::ReplyFrame {
            id,
            reply: Some(error),
        });
    }

    fn push(&mut self, frame: v1::ReplyFrame) {
        self.under_way -= 1;
        self.reply_bytes += reply_bytes(&frame);
        self.replies.push(frame);
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the node is gone already.
    let _gone = stopping.wait_for(|stopping| *stopping).await.is_err();
}

/// About how long a reply is: only values make it long.
fn reply_bytes(frame: &v1::ReplyFrame) -> usize {
    use v1::reply_frame::Reply;
    let record = |record: &v1::Record| 64 + record.key.len() + record.value.len();
    96 + match &frame.reply {
        Some(Reply::Get(reply)) => reply.record.as_ref().map_or(0, record),
        Some(Reply::Set(reply)) => reply.previous.as_ref().map_or(0, record),
        Some(Reply::Scan(reply)) => reply.records.iter().map(record).sum(),
        Some(Reply::List(reply)) => reply.locks.iter().map(|lock| 64 + lock.name.len()).sum(),
        _ => 0,
    }
}
