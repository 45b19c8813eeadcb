//! Shards: a machine behind a sequencer that decides the order of its commands.
//!
//! Invariant: a command is applied only after its sequencer promised what the
//! shard's durability promises, and callers are answered only after it was applied.
//! Nothing here knows who asks, or over which wire.

mod applier;
pub mod checkpoint;
pub mod fatal;
pub mod history_file;
pub mod local;
mod notify;
mod sequencer;

use crate::base::Result;
use crate::base::time::MachineTime;
use crate::machine::{Applied, Command, Machine};
pub use local::{Durability, Local, LocalOptions, LocalStatus, Replayed};
pub use notify::GrantWait;

/// Called once with what became of the submitted commands, in their order. Runs on
/// the shard's own thread: it must not block.
pub type Done = Box<dyn FnOnce(Result<Vec<Applied>>) + Send>;

/// One shard, by what sequences it.
#[derive(Clone)]
pub enum Store {
    /// Ordered by this node's log.
    Local(Local),
}

impl Store {
    /// Orders `commands`, and calls `done` once they are applied.
    ///
    /// # Errors
    /// Nothing was logged and `done` will never be called: `LimitExceeded` when the
    /// shard is full of work or the disk of bytes, `Unavailable` when it is stopping.
    pub fn submit(&self, commands: Vec<Command>, done: Done) -> Result<()> {
        match self {
            Self::Local(local) => local.submit(commands, done),
        }
    }

    /// Reads the applied state. What `read` sees is one moment of the shard; it
    /// must be short, for commands wait for it.
    pub fn read<T>(&self, read: impl FnOnce(&Machine) -> T) -> T {
        match self {
            Self::Local(local) => local.read(read),
        }
    }

    /// The machine time of now, to tell people how much of a timer remains. Never
    /// decides whether something is there.
    pub fn now(&self) -> MachineTime {
        match self {
            Self::Local(local) => local.now(),
        }
    }

    /// Waits for locks that pass to queued owners.
    pub fn grants(&self) -> &notify::Grants {
        match self {
            Self::Local(local) => local.grants(),
        }
    }

    /// How the shard is doing.
    pub fn status(&self) -> LocalStatus {
        match self {
            Self::Local(local) => local.status(),
        }
    }
}
