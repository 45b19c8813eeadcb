//! Shards: a machine behind a sequencer that decides the order of its commands.
//!
//! Invariant: a command is applied only after its sequencer promised what the
//! shard's durability promises, and callers are answered only after it was applied.
//! Nothing here knows who asks, or over which wire.

mod applier;
pub mod checkpoint;
mod core;
pub mod fatal;
pub mod history_file;
pub mod local;
mod notify;
pub mod replicated;
mod sequencer;
mod status;
pub mod watch;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use self::core::Core;
pub use self::core::{Replayed, ShardOptions};
use crate::base::Result;
use crate::base::time::MachineTime;
use crate::base::types::Revision;
use crate::machine::{Applied, Command, Machine};
pub use crate::raft::{GroupStatus, Role, SnapshotFigures};
pub use local::{Durability, Local};
pub use notify::GrantWait;
pub use replicated::{Fate, Leadership, Replicated, ReplicatedFigures, ReplicatedOptions};
pub use status::ShardStatus;
pub use watch::{Interest, Watch, WatchFigures};

/// Called once with what became of the submitted commands, in their order. Runs on
/// the shard's own thread: it must not block.
pub type Done = Box<dyn FnOnce(Result<Vec<Applied>>) + Send>;

/// One shard, by what sequences it.
#[derive(Clone)]
pub enum Store {
    /// Ordered by this node's log.
    Local(Local),
    /// Ordered by a consensus group.
    Replicated(Replicated),
}

/// Resolves once a read sees everything that was acknowledged before.
pub type Barrier = BoxFuture<'static, Result<()>>;

/// Who orders a shard's commands right now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lead {
    /// The term of the group; 0 for local shards.
    pub term: u64,
    /// Where clients reach the leader; empty when that is this node, or unknown.
    pub address: String,
}

impl Store {
    /// Orders `commands`, and calls `done` once they are applied. A replicated shard
    /// gives up at `due`: what it could not propose by then was not done
    /// (`Unavailable`), what has no outcome is unknown (`Timeout`).
    ///
    /// # Errors
    /// Nothing was logged and `done` will never be called: `LimitExceeded` when the
    /// shard is full of work or the disk of bytes, `Unavailable` when it is stopping.
    pub fn submit(&self, commands: Vec<Command>, due: Instant, done: Done) -> Result<()> {
        match self {
            Self::Local(local) => local.submit(commands, done),
            Self::Replicated(replicated) => replicated.submit(commands, due, done),
        }
    }

    /// What a linearizable read must wait for; `None`: nothing, what is applied here is
    /// all there is.
    pub fn barrier(&self, due: Instant) -> Option<Barrier> {
        match self {
            Self::Local(_) => None,
            Self::Replicated(replicated) => Some(replicated.barrier(due)),
        }
    }

    /// Reads the applied state. What `read` sees is one moment of the shard; it
    /// must be short, for commands wait for it.
    pub fn read<T>(&self, read: impl FnOnce(&Machine) -> T) -> T {
        match self {
            Self::Local(local) => local.read(read),
            Self::Replicated(replicated) => replicated.read(read),
        }
    }

    /// The machine time of now, to tell people how much of a timer remains. Never
    /// decides whether something is there.
    pub fn now(&self) -> MachineTime {
        match self {
            Self::Local(local) => local.now(),
            Self::Replicated(replicated) => replicated.now(),
        }
    }

    /// Waits for locks that pass to queued owners.
    pub fn grants(&self) -> &notify::Grants {
        match self {
            Self::Local(local) => local.grants(),
            Self::Replicated(replicated) => replicated.grants(),
        }
    }

    /// Watches what is applied after a revision.
    pub fn watch(&self, interest: Interest, after: Revision) -> Watch {
        Watch::begin(self.core().clone(), interest, after)
    }

    /// How its watchers are doing.
    pub fn watch_figures(&self) -> WatchFigures {
        self.core().watches.figures()
    }

    fn core(&self) -> &Arc<Core> {
        match self {
            Self::Local(local) => local.core(),
            Self::Replicated(replicated) => replicated.core(),
        }
    }

    /// How the shard is doing.
    pub fn status(&self) -> ShardStatus {
        match self {
            Self::Local(local) => local.status(),
            Self::Replicated(replicated) => replicated.status(),
        }
    }

    /// Asks for a checkpoint as soon as possible; the status tells when it is there.
    pub fn checkpoint_now(&self) {
        match self {
            Self::Local(local) => local.checkpoint_now(),
            Self::Replicated(replicated) => replicated.checkpoint_now(),
        }
    }

    /// Who leads it, as far as this node knows.
    pub fn lead(&self) -> Lead {
        match self {
            Self::Local(_) => Lead::default(),
            Self::Replicated(replicated) => replicated.lead(),
        }
    }

    /// Why writes are refused here, if the engine's disk is full.
    pub fn read_only(&self) -> Option<String> {
        match self {
            Self::Local(local) => local.read_only(),
            Self::Replicated(replicated) => replicated.read_only(),
        }
    }

    /// The replicated shard, if it is one.
    pub fn replicated(&self) -> Option<&Replicated> {
        match self {
            Self::Local(_) => None,
            Self::Replicated(replicated) => Some(replicated),
        }
    }
}
