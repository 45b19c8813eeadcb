//! A held lock: its holder, its lease and who waits for it.

use std::collections::VecDeque;

use crate::base::time::MachineTime;
use crate::base::types::{FenceToken, OwnerId};

/// A lock that somebody holds; a free lock has no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Who holds it.
    pub owner: OwnerId,
    /// The revision of the grant.
    pub fence: FenceToken,
    /// When it was granted.
    pub granted_at: MachineTime,
    /// When the lease ends; `None`: held until released. The lease of a grant from
    /// the queue starts with its claim.
    pub lease_until: Option<MachineTime>,
    /// Granted from the queue, not yet claimed: passes on at this moment.
    pub claim_by: Option<MachineTime>,
    /// First come, first served.
    pub queue: VecDeque<Waiter>,
}

/// Somebody who waits for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiter {
    /// Who.
    pub owner: OwnerId,
    /// The lease it will get, ms; 0: until released.
    pub ttl_ms: u64,
    /// When it gives up.
    pub wait_until: MachineTime,
}

impl Lock {
    /// When this lock next changes by itself: its lease or claim ends, or a waiter
    /// gives up.
    pub fn due_at(&self) -> Option<MachineTime> {
        let held_until = self.claim_by.or(self.lease_until);
        self.queue
            .iter()
            .map(|waiter| waiter.wait_until)
            .chain(held_until)
            .min()
    }
}
