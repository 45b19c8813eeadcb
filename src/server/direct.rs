//! A transport without a wire: the requests of the program that has the node inside.
//!
//! A request is taken on its caller's thread, from the first poll on, so that requests
//! of one lane come in the order in which their futures are first polled.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use super::convert::{self, Call};
use super::describe::Describe;
use super::lanes::{Lanes, Place};
use super::node::Node;
use super::service::{Answer, Operation, Service};
use crate::base::host::Clock;
use crate::base::types::ShardId;
use crate::base::{Error, Result};
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;
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

    /// Refuses every request from now on, and sends home who waits for a lock. Writes
    /// under way go on to their end.
    pub fn stop(&self) {
        self.inner.stopping.send_replace(true);
    }

    /// Answers a request on `lane`; 0 is unordered. It has no deadline: its caller gives
    /// one, within a runtime that has timers. A write whose future is dropped is
    /// finished in the background; a wait for a lock is given up.
    ///
    /// # Errors
    /// Every kind, as the wire would carry it; `Unavailable` once the node stops.
    pub fn answer(&self, lane: u64, request: Request) -> BoxFuture<'static, Result<Reply>> {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move { inner.answer(lane, request).await })
    }
}

impl Inner {
    async fn answer(self: Arc<Self>, lane: u64, request: Request) -> Result<Reply> {
        self.check_running()?;
        let Call {
            shard,
            kind,
            operation,
        } = convert::call(request, self.service.value_bytes_max())?;
        self.service.shard_for(shard, &operation)?;
        let answer = match operation {
            Operation::Read(query) => {
                self.turn(lane, shard).await;
                // The wait may have been long enough for the node to stop.
                self.check_running()?;
                self.service.read(self.service.shard(shard)?, query)
            }
            // A lock's wait is nobody's earlier write: it may take minutes.
            waiting @ Operation::AcquireWaiting(..) => self.wait_for_lock(shard, waiting).await,
            write => {
                let writing = Arc::clone(&self).write(lane, shard, write);
                let background = self.background.clone();
                Finishing::new(Box::pin(writing), background).await
            }
        }?;
        let shard = self.service.shard(shard)?;
        let header = convert::header(&self.service, shard, convert::revision_of(&answer));
        convert::reply(kind, header, answer)
    }

    fn check_running(&self) -> Result<()> {
        if let Some(reason) = self.fatal.reason() {
            let message = format!("this store has stopped: {reason}; open it again");
            return Err(Error::unavailable(message));
        }
        if *self.stopping.borrow() {
            return Err(stopped());
        }
        Ok(())
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

    async fn wait_for_lock(&self, shard: ShardId, waiting: Operation) -> Result<Answer> {
        let mut stopping = self.stopping.subscribe();
        tokio::select! {
            answered = self.service.call(shard, waiting) => answered,
            // The wait is given up with the future.
            _ = stopping.wait_for(|stopping| *stopping) => Err(stopped()),
        }
    }

    async fn write(self: Arc<Self>, lane: u64, shard: ShardId, write: Operation) -> Result<Answer> {
        let _place = Held {
            place: self.lanes.lock().begin(lane, shard),
            inner: &self,
        };
        self.service.call(shard, write).await
    }
}

/// A write's place in its lane, until it is done.
struct Held<'a> {
    inner: &'a Inner,
    place: Option<Place>,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut freed = VecDeque::new();
        self.inner.lanes.lock().end(self.place, &mut freed);
        for read in freed {
            // Its caller may have gone away.
            let _gone = read.send(());
        }
    }
}

/// A write that is finished even if nobody waits for it any more: it is in the log, and
/// the reads of its lane go after it.
struct Finishing {
    write: Option<BoxFuture<'static, Result<Answer>>>,
    begun: bool,
    background: Handle,
}

impl Finishing {
    fn new(write: BoxFuture<'static, Result<Answer>>, background: Handle) -> Self {
        Self {
            write: Some(write),
            begun: false,
            background,
        }
    }
}

impl Future for Finishing {
    type Output = Result<Answer>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Answer>> {
        self.begun = true;
        let write = self.write.as_mut();
        let write = write.expect("a write is not polled after it is done");
        let answer = std::task::ready!(write.as_mut().poll(cx));
        self.write = None;
        Poll::Ready(answer)
    }
}

impl Drop for Finishing {
    fn drop(&mut self) {
        if let Some(write) = self.write.take().filter(|_| self.begun) {
            self.background.spawn(write);
        }
    }
}

fn stopped() -> Error {
    Error::unavailable("this store is closed: nothing was done; open it again")
}
