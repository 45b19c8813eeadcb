//! The request path: every transport calls it, and it alone calls the stores.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::figures::HotKeys;
use super::metrics::Meter;
pub use super::operation::{Answer, At, Consistency, Operation, Query};
use super::read;
use super::settings::{EngineKind, ShardKind};
use super::settle::{Subject, settle, settle_batch};
use super::watch::Places;
use crate::base::types::{NodeId, OwnerId, ShardId};
use crate::base::{Error, ErrorKind, Result};
use crate::lock::LockCommand;
use crate::machine::{Applied, Command, Op, OutcomeKind};
use crate::store::{Barrier, Done, GrantWait, Store};

/// One shard as the service knows it.
pub struct Shard {
    /// Its id.
    pub id: ShardId,
    /// What it exposes.
    pub kind: ShardKind,
    /// What keeps its rows.
    pub engine: EngineKind,
    /// What an acknowledged write survives, for people.
    pub durability: String,
    /// What it is, for good: clients pin it.
    pub identity: Bytes,
    /// The machine behind its sequencer.
    pub store: Store,
}

/// The shards of this node, for every transport.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    node: NodeId,
    node_bytes: Bytes,
    shards: BTreeMap<ShardId, Shard>,
    value_bytes_max: usize,
    request_timeout: Duration,
    meter: Meter,
    watch_places: Places,
    hot_keys: HotKeys,
}

impl Service {
    /// Serves these shards.
    pub fn new(
        node: NodeId,
        shards: Vec<Shard>,
        value_bytes_max: usize,
        request_timeout: Duration,
    ) -> Self {
        let hot_keys = HotKeys::of(shards.iter().map(|shard| shard.id));
        let shards = shards.into_iter().map(|shard| (shard.id, shard)).collect();
        let node_bytes = Bytes::copy_from_slice(&node.0);
        let inner = Inner {
            node,
            node_bytes,
            shards,
            value_bytes_max,
            request_timeout,
            meter: Meter::default(),
            watch_places: Places::default(),
            hot_keys,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// This node.
    pub fn node(&self) -> NodeId {
        self.inner.node
    }

    /// Where transports count what they answer.
    pub(super) fn meter(&self) -> &Meter {
        &self.inner.meter
    }

    /// Where watches take their places.
    pub(super) fn watch_places(&self) -> &Places {
        &self.inner.watch_places
    }

    /// Where transports show a part of what is asked.
    pub(super) fn hot_keys(&self) -> &HotKeys {
        &self.inner.hot_keys
    }

    /// This node's id as replies carry it.
    pub(super) fn node_bytes(&self) -> Bytes {
        self.inner.node_bytes.clone()
    }

    /// All shards, by id.
    pub fn shards(&self) -> impl Iterator<Item = &Shard> {
        self.inner.shards.values()
    }

    /// The largest value, bytes.
    pub fn value_bytes_max(&self) -> usize {
        self.inner.value_bytes_max
    }

    /// How long a request may take that names no deadline.
    pub fn request_timeout(&self) -> Duration {
        self.inner.request_timeout
    }

    /// The shard with this id.
    ///
    /// # Errors
    /// `NotFound`, naming the shards there are.
    pub fn shard(&self, id: ShardId) -> Result<&Shard> {
        self.inner.shards.get(&id).ok_or_else(|| {
            let served: Vec<_> = self
                .shards()
                .map(|shard| format!("{} {}", shard.id, shard.kind))
                .collect();
            let served = served.join(", ");
            let message = format!("shard {id} is not served by this node (it serves {served})");
            Error::new(ErrorKind::NotFound, message)
        })
    }

    /// The shard with this id, if it may do this.
    ///
    /// # Errors
    /// `NotFound`, naming the shards there are; `Invalid` for keys on a lock manager.
    pub fn shard_for(&self, id: ShardId, operation: &Operation) -> Result<&Shard> {
        match operation.is_about_keys() {
            true => self.shard_with_keys(id),
            false => self.shard(id),
        }
    }

    /// The shard with this id, which must hold keys.
    ///
    /// # Errors
    /// As [`Service::shard_for`].
    pub fn shard_with_keys(&self, id: ShardId) -> Result<&Shard> {
        let shard = self.shard(id)?;
        if shard.kind.has_keys() {
            return Ok(shard);
        }
        let with_keys = self.shards().find(|shard| shard.kind.has_keys());
        let hint = with_keys.map_or_else(
            || "this node has no shard with keys".to_owned(),
            |shard| format!("use a shard with keys, such as {} {}", shard.id, shard.kind),
        );
        Err(Error::invalid(format!(
            "shard {id} is a {}: it holds locks only; {hint}",
            shard.kind
        )))
    }

    /// Submits commands that fit in one entry; `done` is called once they are applied.
    ///
    /// # Errors
    /// Nothing was logged; `done` will not be called.
    pub fn submit(
        &self,
        shard: &Shard,
        commands: Vec<Command>,
        due: Instant,
        done: Done,
    ) -> Result<()> {
        shard.store.submit(commands, due, done)
    }

    /// When a request must have its answer that comes now and names no deadline.
    pub fn due(&self) -> Instant {
        Instant::now() + self.inner.request_timeout
    }

    /// What a read of the shard must wait for; `None`: nothing.
    pub fn barrier(
        &self,
        shard: &Shard,
        consistency: Consistency,
        due: Instant,
    ) -> Option<Barrier> {
        match consistency {
            Consistency::Linearizable => shard.store.barrier(due),
            Consistency::Stale => None,
        }
    }

    /// Answers from the applied state.
    ///
    /// # Errors
    /// `NotFound` for a bucket, `Invalid` or `Compacted` for a revision or moment,
    /// `LimitExceeded` for what does not fit in an answer.
    pub fn read(&self, shard: &Shard, query: Query) -> Result<Answer> {
        read::read(&shard.store, query)
    }

    /// Does an operation to its end, which should be before `due`.
    ///
    /// # Errors
    /// Every kind; `Timeout` when the outcome is unknown.
    pub async fn call(&self, id: ShardId, operation: Operation, due: Instant) -> Result<Answer> {
        let shard = self.shard_for(id, &operation)?;
        match operation {
            Operation::Write(command) => {
                let applied = self.write(shard, command, due).await?;
                Ok(Answer::Applied(applied))
            }
            Operation::WriteInPieces(command) => self.write_in_pieces(shard, command, due).await,
            Operation::Batch(commands) => self.batch_and(shard, commands, due, ()).await,
            Operation::AcquireWaiting(command, wait) => {
                let applied = self.acquire(shard, command, wait, due).await?;
                Ok(Answer::Applied(applied))
            }
            Operation::Read(query, consistency) => {
                if let Some(barrier) = self.barrier(shard, consistency, due) {
                    barrier.await?;
                }
                self.read(shard, query)
            }
        }
    }

    async fn write(&self, shard: &Shard, command: Command, due: Instant) -> Result<Applied> {
        self.write_and(shard, command, due, ()).await
    }

    /// Submits a command at the first poll, and drops `held` once its outcome is there,
    /// whether anybody still polls or not.
    pub(super) async fn write_and<H: Send + 'static>(
        &self,
        shard: &Shard,
        command: Command,
        due: Instant,
        held: H,
    ) -> Result<Applied> {
        let subject = Subject::of(&command);
        let (tell, told) = oneshot::channel();
        let done: Done = Box::new(move |result| {
            drop(held);
            // Nobody listens any more when the caller gave up: its request id tells later.
            drop(tell.send(result));
        });
        self.submit(shard, vec![command], due, done)?;
        let replies = told.await.map_err(|_| stopped())??;
        let applied = replies.into_iter().next().ok_or_else(stopped)?;
        settle(applied, &subject)
    }

    async fn write_in_pieces(
        &self,
        shard: &Shard,
        command: Command,
        due: Instant,
    ) -> Result<Answer> {
        let first = self.write(shard, command.clone(), due).await?;
        self.write_rest(shard.id, command, first, due).await
    }

    /// Goes on with a command of which the `first` piece is done.
    ///
    /// IMPORTANT: every piece carries the request id, and only the last one's outcome is
    /// remembered: a repetition goes on where the first try is, and once either of them
    /// has finished, the other deletes nothing any more.
    pub(super) async fn write_rest(
        &self,
        id: ShardId,
        command: Command,
        first: Applied,
        due: Instant,
    ) -> Result<Answer> {
        let shard = self.shard(id)?;
        let mut piece = first;
        let mut deleted = piece.outcome.count;
        let is_begun = is_a_piece(&piece);
        while is_a_piece(&piece) {
            let next = self.write(shard, command.clone(), due).await;
            piece = next.map_err(|error| partly_deleted(deleted, &error))?;
            deleted += if piece.repeated {
                0
            } else {
                piece.outcome.count
            };
        }
        // Another one may have removed the last of what this one had begun to.
        if is_begun && piece.outcome.kind == OutcomeKind::Unchanged {
            piece.outcome.kind = OutcomeKind::BucketDropped;
        }
        piece.outcome.count = deleted;
        Ok(Answer::Applied(piece))
    }

    /// Submits commands at the first poll, as one entry, and drops `held` once their
    /// outcomes are there.
    pub(super) async fn batch_and<H: Send + 'static>(
        &self,
        shard: &Shard,
        commands: Vec<Command>,
        due: Instant,
        held: H,
    ) -> Result<Answer> {
        let subjects: Vec<_> = commands.iter().map(Subject::of).collect();
        let (tell, told) = oneshot::channel();
        let done: Done = Box::new(move |result| {
            drop(held);
            // Nobody listens any more when the caller gave up: its request id tells later.
            drop(tell.send(result));
        });
        self.submit(shard, commands, due, done)?;
        let replies = told.await.map_err(|_| stopped())??;
        Ok(settle_batch(replies, &subjects))
    }

    async fn acquire(
        &self,
        shard: &Shard,
        command: Command,
        wait: Duration,
        due: Instant,
    ) -> Result<Applied> {
        let Op::Lock {
            name,
            command: LockCommand::Acquire { owner, .. },
        } = &command.op
        else {
            return Err(Error::internal("only an acquire waits for a lock"));
        };
        let mut turn = Turn {
            store: &shard.store,
            wait: shard.store.grants().wait(name.clone(), *owner),
            name,
            owner: *owner,
            armed: true,
        };
        let first = self.write(shard, command.clone(), due).await?;
        if first.outcome.kind != OutcomeKind::Queued {
            turn.armed = false;
            return Ok(first);
        }
        let granted = tokio::time::timeout(wait, turn.wait.granted()).await;
        if granted.is_err() {
            // Dropping the turn leaves the queue.
            return Ok(held(first));
        }
        // It is the caller's turn: whatever the claim meets, that is not nothing.
        let claimed = self.write(shard, claim(&command), self.due()).await;
        let claimed = claimed.map_err(|error| in_doubt(&error))?;
        turn.armed = false;
        Ok(claimed)
    }
}

/// How long leaving a queue may take; the wait's own deadline ends it after that.
const CANCEL_WITHIN: Duration = Duration::from_secs(5);

/// A place in a lock's queue, given up when the caller goes away.
struct Turn<'a> {
    store: &'a Store,
    wait: GrantWait,
    name: &'a Bytes,
    owner: OwnerId,
    armed: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        let command = LockCommand::CancelWait { owner: self.owner };
        let op = Op::Lock {
            name: self.name.clone(),
            command,
        };
        let cancel = Command {
            request: None,
            fence: None,
            op,
        };
        let due = Instant::now() + CANCEL_WITHIN;
        // A caller that has come back on another stream keeps its place.
        self.wait.if_latest(|| {
            if let Err(refused) = self.store.submit(vec![cancel], due, Box::new(|_| {})) {
                // The wait's own deadline ends it then.
                tracing::debug!(%refused, "a waiter could not be taken from its queue");
            }
        });
    }
}

/// The same acquire without a wait: it takes what was granted.
fn claim(command: &Command) -> Command {
    let mut claim = command.clone();
    if let Op::Lock {
        command: LockCommand::Acquire { wait, .. },
        ..
    } = &mut claim.op
    {
        *wait = crate::base::time::Timer::Never;
    }
    claim
}

/// A lock that was granted may be held, whatever became of its claim.
fn in_doubt(error: &Error) -> Error {
    Error::timeout(format!(
        "the lock was granted, and its claim has no outcome ({error}): ask again with the same owner"
    ))
}

fn held(mut applied: Applied) -> Applied {
    applied.outcome.kind = OutcomeKind::Held;
    applied
}

/// True if there is more to remove.
pub(super) fn is_a_piece(applied: &Applied) -> bool {
    matches!(
        applied.outcome.kind,
        OutcomeKind::DeletedMore | OutcomeKind::BucketDroppedMore
    )
}

/// A later piece was refused: that something is gone already must not be hidden behind
/// an error that says that nothing was done.
fn partly_deleted(deleted: u64, error: &Error) -> Error {
    let kind = match error.kind() {
        ErrorKind::FenceStale => ErrorKind::FenceStale,
        _ => ErrorKind::Timeout,
    };
    Error::new(
        kind,
        format!("{deleted} keys were deleted, and then: {error}"),
    )
}

fn stopped() -> Error {
    Error::timeout("the node stopped before the outcome was known: ask again with the same id")
}
