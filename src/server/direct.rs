//! A transport without a wire: the requests of the program that has the node inside.
//!
//! A request is taken on its caller's thread, from the first poll on, so that requests
//! of one lane come in the order in which their futures are first polled.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use super::convert::{self, Call};
use super::describe::Describe;
use super::lanes::{Lanes, Place};
use super::node::Node;
use super::service::{Answer, Operation, Query, Service};
use super::status::to_frame;
use crate::base::host::Clock;
use crate::base::types::ShardId;
use crate::base::{Error, Result};
use crate::machine::Command;
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;
use crate::proto::v1::watch_reply::Reply as WatchReply;
use crate::store::fatal::Fatal;

/// A node, asked from within its process. Clones ask the same node.
#[derive(Clone)]
pub struct Direct {
    inner: Arc<Inner>,
}

struct Inner {
    service: Service,
    fatal: Fatal,
    describe: Describe,
    /// A read that waits is told through its channel.
    lanes: Mutex<Lanes<oneshot::Sender<()>>>,
    /// Held while the applied state is read.
    serving: RwLock<bool>,
    /// Ends the waits for locks.
    stopping: watch::Sender<bool>,
    background: Handle,
}

impl Direct {
    /// Asks `node`. What outlives its caller goes on in `background`.
    pub fn new(node: &Node, clock: Arc<dyn Clock>, background: Handle) -> Self {
        let describe = Describe {
            service: node.service.clone(),
            read_only: node.read_only(),
            started_ms: clock.boot_ms(),
            clock,
            name: node.name.clone(),
            addresses: Vec::new(),
        };
        let inner = Inner {
            service: node.service.clone(),
            fatal: node.fatal.clone(),
            describe,
            lanes: Mutex::default(),
            serving: RwLock::new(true),
            stopping: watch::Sender::new(false),
            background,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Who the node is, and how its shards are doing.
    pub fn describe(&self) -> v1::DescribeReply {
        self.inner.describe.now()
    }

    /// Refuses every request from now on, and sends home who waits for a lock. Reads under
    /// way have ended when this returns; writes go on to their end.
    pub fn stop(&self) {
        *self.inner.serving.write() = false;
        self.inner.stopping.send_replace(true);
    }

    /// Answers a request on `lane`; 0 is unordered. It has no deadline: its caller gives
    /// one, within a runtime that has timers. A write goes on when its future is dropped; a
    /// wait for a lock is given up.
    ///
    /// # Errors
    /// Every kind, as the wire would carry it; `Unavailable` once the node stops.
    pub fn answer(&self, lane: u64, request: Request) -> BoxFuture<'static, Result<Reply>> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move { inner.answer(lane, request).await })
    }
}

impl Direct {
    /// What a watch says, from its opening to its end. Polled within a runtime that has
    /// timers and runs tasks.
    pub fn watch(&self, create: v1::WatchCreate) -> BoxStream<'static, WatchReply> {
        let service = self.inner.service.clone();
        let says = super::watch::says(service, create, Arc::default()).boxed();
        let stopping = self.inner.stopping.subscribe();
        let going = (Arc::clone(&self.inner), says, stopping);
        let told = stream::unfold(Some(going), |going| async move {
            let (inner, mut says, mut stopping) = going?;
            let said = tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => None,
                said = inner.says_next(&mut says) => Some(said?),
            };
            match said {
                Some(WatchReply::Ended(error)) => Some((WatchReply::Ended(error), None)),
                Some(said) => Some((said, Some((inner, says, stopping)))),
                None => Some((WatchReply::Ended(to_frame(&stopped())), None)),
            }
        });
        told.boxed()
    }
}

impl Inner {
    /// IMPORTANT: as [`Inner::read`], for a watch that reads what is there.
    async fn says_next(&self, says: &mut BoxStream<'static, WatchReply>) -> Option<WatchReply> {
        let polled = std::future::poll_fn(|cx| {
            if let Err(refused) = self.check_running() {
                return Poll::Ready(Some(WatchReply::Ended(to_frame(&refused))));
            }
            let serving = self.serving.read();
            if !*serving {
                return Poll::Ready(Some(WatchReply::Ended(to_frame(&stopped()))));
            }
            says.poll_next_unpin(cx)
        });
        polled.await
    }

    async fn answer(self: Arc<Self>, lane: u64, request: Request) -> Result<Reply> {
        self.check_running()?;
        let Call {
            shard,
            kind,
            operation,
        } = convert::call(request, self.service.value_bytes_max())?;
        self.service.shard_for(shard, &operation)?;
        let consistency = operation.consistency();
        let answer = match operation {
            Operation::Read(query, consistency) => {
                self.turn(lane, shard).await;
                let barrier = self.service.shard(shard).map(|shard| {
                    let due = self.service.due();
                    self.service.barrier(shard, consistency, due)
                })?;
                if let Some(barrier) = barrier {
                    barrier.await?;
                }
                self.read(shard, query)
            }
            // A lock's wait is nobody's earlier write: it may take minutes.
            waiting @ Operation::AcquireWaiting(..) => self.wait_for_lock(shard, waiting).await,
            Operation::Write(command) => self.write(lane, shard, command).await,
            pieces @ Operation::WriteInPieces(_) => self.write_in_pieces(lane, shard, pieces).await,
            Operation::Batch(commands) => {
                let place = self.place(lane, shard);
                let shard = self.service.shard(shard)?;
                let due = self.service.due();
                self.service.batch_and(shard, commands, due, place).await
            }
        }?;
        let shard = self.service.shard(shard)?;
        convert::reply(&self.service, shard, kind, consistency, answer)
    }

    fn check_running(&self) -> Result<()> {
        if let Some(reason) = self.fatal.reason() {
            let message = format!("this store has stopped: {reason}; open it again");
            return Err(Error::unavailable(message));
        }
        if *self.serving.read() {
            Ok(())
        } else {
            Err(stopped())
        }
    }

    /// Resolves when the earlier writes of the lane are done.
    async fn turn(&self, lane: u64, shard: ShardId) {
        let (tell, told) = oneshot::channel();
        let parked = self.lanes.lock().park(lane, shard, tell).is_none();
        if parked {
            // Whoever was to tell is gone only when there is nothing to wait for.
            let _gone = told.await.is_err();
        }
    }

    /// IMPORTANT: the node stops before or after, never meanwhile: its files may be
    /// another's by then.
    fn read(&self, shard: ShardId, query: Query) -> Result<Answer> {
        let serving = self.serving.read();
        if !*serving {
            return Err(stopped());
        }
        self.service.read(self.service.shard(shard)?, query)
    }

    async fn wait_for_lock(&self, shard: ShardId, waiting: Operation) -> Result<Answer> {
        let mut stopping = self.stopping.subscribe();
        tokio::select! {
            answered = self.service.call(shard, waiting, self.service.due()) => answered,
            // The wait is given up with the future.
            _ = stopping.wait_for(|stopping| *stopping) => Err(stopped()),
        }
    }

    /// From its first poll on it goes its way, whether anybody polls it or not: the reads
    /// of its lane wait for it.
    async fn write(
        self: &Arc<Self>,
        lane: u64,
        shard: ShardId,
        command: Command,
    ) -> Result<Answer> {
        let place = self.place(lane, shard);
        let shard = self.service.shard(shard)?;
        let applied = self
            .service
            .write_and(shard, command, self.service.due(), place)
            .await?;
        Ok(Answer::Applied(applied))
    }

    /// As [`Inner::write`]. The first piece is logged here, in its turn among the writes of
    /// the lane; the others follow in the background.
    async fn write_in_pieces(
        self: &Arc<Self>,
        lane: u64,
        shard: ShardId,
        pieces: Operation,
    ) -> Result<Answer> {
        let inner = Arc::clone(self);
        let mut deleting = Box::pin(async move {
            let _place = inner.place(lane, shard);
            inner.service.call(shard, pieces, inner.service.due()).await
        });
        let first = std::future::poll_fn(|cx| Poll::Ready(deleting.as_mut().poll(cx)));
        match first.await {
            Poll::Ready(answer) => answer,
            Poll::Pending => {
                let rest = self.background.spawn(deleting).await;
                rest.unwrap_or_else(|_| Err(Error::timeout("the store was closed meanwhile")))
            }
        }
    }

    fn place(self: &Arc<Self>, lane: u64, shard: ShardId) -> Held {
        Held {
            place: self.lanes.lock().begin(lane, shard),
            inner: Arc::clone(self),
        }
    }
}

/// A write's place in its lane, until it is done.
struct Held {
    inner: Arc<Inner>,
    place: Option<Place>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut freed = VecDeque::new();
        self.inner.lanes.lock().end(self.place, &mut freed);
        for read in freed {
            // Its caller may have gone away.
            let _gone = read.send(());
        }
    }
}

fn stopped() -> Error {
    Error::unavailable("this store is closed: nothing was done; open it again")
}
