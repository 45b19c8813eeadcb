//! What can be asked of a lock.

use crate::base::time::{MachineTime, Timer, lengthened_ms};
use crate::base::types::OwnerId;

/// A change to one lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockCommand {
    /// Takes the lock, or queues for it. Repeated by the same owner it claims a
    /// grant from the queue, keeps its place in the queue, or changes nothing.
    Acquire {
        /// Fresh for each acquisition.
        owner: OwnerId,
        /// The lease, ms; 0: until released.
        ttl_ms: u64,
        /// Until when to queue; `Never`: try once.
        wait: Timer,
    },
    /// Extends the lease; only for the holder.
    Renew {
        /// The holder.
        owner: OwnerId,
        /// The new lease from now, ms; 0: until released.
        ttl_ms: u64,
    },
    /// Gives the lock up, or the place in its queue; refused if another holds it.
    Release {
        /// The holder, or a waiter.
        owner: OwnerId,
    },
    /// Takes the lock from whoever holds it.
    Revoke,
    /// Leaves the queue; a grant that was not claimed passes on.
    CancelWait {
        /// The waiter.
        owner: OwnerId,
    },
}

impl LockCommand {
    /// Makes leases and waits longer by what a clock of whole milliseconds cuts off.
    pub fn lengthen(&mut self) {
        match self {
            Self::Acquire { ttl_ms, wait, .. } => {
                *ttl_ms = lengthened_ms(*ttl_ms);
                *wait = wait.lengthened();
            }
            Self::Renew { ttl_ms, .. } => *ttl_ms = lengthened_ms(*ttl_ms),
            Self::Release { .. } | Self::Revoke | Self::CancelWait { .. } => {}
        }
    }

    /// Makes a relative wait absolute.
    pub fn stamp(&mut self, now: MachineTime) {
        if let Self::Acquire { wait, .. } = self {
            *wait = wait.stamped(now);
        }
    }

    /// Makes a wait that was stamped at time zero relative again.
    pub fn unstamp(&mut self) {
        if let Self::Acquire { wait, .. } = self {
            *wait = wait.unstamped();
        }
    }
}
