//! The transitions of one lock. Each takes the lock as it is, with everything due
//! on it settled, and gives the lock as it becomes.

use crate::base::limits::{LOCK_CLAIM_MS, LOCK_WAITERS_MAX};
use crate::base::mutant;
use crate::base::time::{MachineTime, Timer};
use crate::base::types::{FenceToken, OwnerId, Revision};
use crate::lock::command::LockCommand;
use crate::lock::record::{Lock, Waiter};

/// What a transition changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    None,
    /// Only the queue: stored, but it takes no revision.
    Queue,
    /// Holder or lease: takes the revision the transition was given.
    Holder,
    /// The lock passed to a waiter, who must be told: takes the revision, which is
    /// the new fence.
    PassedOn,
}

impl Change {
    /// True if the transition used the revision it was given.
    pub fn takes_revision(self) -> bool {
        matches!(self, Self::Holder | Self::PassedOn)
    }
}

/// The lock after a transition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `None`: nobody holds it.
    pub lock: Option<Lock>,
    /// What changed.
    pub change: Change,
}

/// What the caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The caller holds the lock, with this fence.
    Granted(FenceToken),
    /// The caller waits in the queue.
    Queued,
    /// Another holds the lock, and the caller does not wait.
    Held,
    /// The queue has no room; nothing changed.
    QueueFull,
    /// The lease was extended, with the fence as it was.
    Renewed(FenceToken),
    /// The caller does not hold the lock; nothing changed.
    NotHolder,
    /// The lock is not held by the caller any more.
    Released,
    /// The lock was taken from the holder of this fence.
    Revoked(FenceToken),
    /// The caller does not wait any more.
    Cancelled,
    /// There was nothing to do.
    Unchanged,
}

/// Does what is due at `now`: waiters give up, and a lease or a claim that ended
/// passes the lock on. `revision` is the next one; afterwards nothing is due.
pub fn settle(mut lock: Lock, now: MachineTime, revision: Revision) -> Step {
    let waiting = lock.queue.len();
    lock.queue.retain(|waiter| waiter.wait_until > now);
    let held_until = lock.claim_by.or(lock.lease_until);
    if held_until.is_some_and(|until| until <= now) {
        pass_on(lock, now, revision)
    } else if lock.queue.len() < waiting {
        keep(lock, Change::Queue)
    } else {
        keep(lock, Change::None)
    }
}

/// Does what a command says. `revision` is the next one.
///
/// # Panics
/// If the wait of an acquire was never stamped, or something is still due.
pub fn apply(
    lock: Option<Lock>,
    command: &LockCommand,
    now: MachineTime,
    revision: Revision,
) -> (Step, Answer) {
    let due = lock.as_ref().and_then(Lock::due_at);
    assert!(
        due.is_none_or(|due| due > now),
        "a lock with something due at {due:?} must be settled before a command at {now:?}"
    );
    match (lock, command) {
        (None, LockCommand::Acquire { owner, ttl_ms, .. }) => grant(*owner, *ttl_ms, now, revision),
        (
            Some(lock),
            LockCommand::Acquire {
                owner,
                ttl_ms,
                wait,
            },
        ) => acquire_held(lock, *owner, *ttl_ms, *wait, now),
        (lock, LockCommand::Renew { owner, ttl_ms }) => renew(lock, *owner, *ttl_ms, now),
        (lock, LockCommand::Release { owner }) => release(lock, *owner, now, revision),
        (lock, LockCommand::Revoke) => revoke(lock, now, revision),
        (lock, LockCommand::CancelWait { owner }) => cancel(lock, *owner, now, revision),
    }
}

fn grant(owner: OwnerId, ttl_ms: u64, now: MachineTime, revision: Revision) -> (Step, Answer) {
    let fence = FenceToken(revision.0);
    let lock = Lock {
        owner,
        fence,
        granted_at: now,
        lease_until: lease(ttl_ms, now),
        claim_by: None,
        queue: [].into(),
    };
    (keep(lock, Change::Holder), Answer::Granted(fence))
}

fn acquire_held(
    mut lock: Lock,
    owner: OwnerId,
    ttl_ms: u64,
    wait: Timer,
    now: MachineTime,
) -> (Step, Answer) {
    if lock.owner == owner {
        let answer = Answer::Granted(lock.fence);
        let change = if lock.claim_by.is_some() {
            start_lease(&mut lock, ttl_ms, now);
            Change::Holder
        } else {
            Change::None
        };
        return (keep(lock, change), answer);
    }
    let place = lock.queue.iter().position(|waiter| waiter.owner == owner);
    // A wait that is over before it begins is no wait: a waiter who says so leaves.
    let Some(wait_until) = wait.at().filter(|until| *until > now) else {
        let left = place.and_then(|place| lock.queue.remove(place)).is_some();
        return (keep(lock, queue_changed(left)), Answer::Held);
    };
    let waiter = Waiter {
        owner,
        ttl_ms,
        wait_until,
    };
    let changed = match place {
        Some(place) => std::mem::replace(&mut lock.queue[place], waiter) != waiter,
        None if lock.queue.len() >= LOCK_WAITERS_MAX => {
            return (keep(lock, Change::None), Answer::QueueFull);
        }
        None => {
            lock.queue.push_back(waiter);
            true
        }
    };
    (keep(lock, queue_changed(changed)), Answer::Queued)
}

fn renew(lock: Option<Lock>, owner: OwnerId, ttl_ms: u64, now: MachineTime) -> (Step, Answer) {
    match lock {
        Some(mut lock) if lock.owner == owner || mutant::is_on("renewed-by-anybody") => {
            start_lease(&mut lock, ttl_ms, now);
            let answer = Answer::Renewed(lock.fence);
            (keep(lock, Change::Holder), answer)
        }
        lock => (unchanged(lock), Answer::NotHolder),
    }
}

fn release(
    lock: Option<Lock>,
    owner: OwnerId,
    now: MachineTime,
    revision: Revision,
) -> (Step, Answer) {
    match lock {
        None => (unchanged(None), Answer::Released),
        Some(lock) if lock.owner == owner || mutant::is_on("released-by-anybody") => {
            (pass_on(lock, now, revision), Answer::Released)
        }
        Some(mut lock) => {
            if leave_queue(&mut lock, owner) {
                (keep(lock, Change::Queue), Answer::Released)
            } else {
                (keep(lock, Change::None), Answer::NotHolder)
            }
        }
    }
}

fn revoke(lock: Option<Lock>, now: MachineTime, revision: Revision) -> (Step, Answer) {
    match lock {
        None => (unchanged(None), Answer::Unchanged),
        Some(lock) => {
            let answer = Answer::Revoked(lock.fence);
            (pass_on(lock, now, revision), answer)
        }
    }
}

/// A holder that has claimed its grant does not wait any more and keeps the lock.
fn cancel(
    lock: Option<Lock>,
    owner: OwnerId,
    now: MachineTime,
    revision: Revision,
) -> (Step, Answer) {
    let step = match lock {
        None => unchanged(None),
        Some(lock) if lock.owner == owner && lock.claim_by.is_some() => {
            pass_on(lock, now, revision)
        }
        Some(mut lock) => {
            let left = leave_queue(&mut lock, owner);
            keep(lock, queue_changed(left))
        }
    };
    (step, Answer::Cancelled)
}

/// Gives the lock to the first waiter, or to nobody. Whoever has given up by `now`
/// is not in the queue any more.
fn pass_on(lock: Lock, now: MachineTime, revision: Revision) -> Step {
    let mut queue = lock.queue;
    let Some(next) = queue.pop_front() else {
        return Step {
            lock: None,
            change: Change::Holder,
        };
    };
    let fence = match mutant::is_on("fence-handed-down") {
        true => lock.fence,
        false => FenceToken(revision.0),
    };
    let lock = Lock {
        owner: next.owner,
        fence,
        granted_at: now,
        lease_until: None,
        claim_by: Some(now.plus_ms(LOCK_CLAIM_MS)),
        queue,
    };
    keep(lock, Change::PassedOn)
}

fn start_lease(lock: &mut Lock, ttl_ms: u64, now: MachineTime) {
    lock.claim_by = None;
    lock.lease_until = lease(ttl_ms, now);
}

fn lease(ttl_ms: u64, now: MachineTime) -> Option<MachineTime> {
    (ttl_ms > 0).then(|| now.plus_ms(ttl_ms))
}

fn leave_queue(lock: &mut Lock, owner: OwnerId) -> bool {
    let waiting = lock.queue.len();
    lock.queue.retain(|waiter| waiter.owner != owner);
    lock.queue.len() < waiting
}

fn queue_changed(changed: bool) -> Change {
    if changed { Change::Queue } else { Change::None }
}

fn keep(lock: Lock, change: Change) -> Step {
    Step {
        lock: Some(lock),
        change,
    }
}

fn unchanged(lock: Option<Lock>) -> Step {
    Step {
        lock,
        change: Change::None,
    }
}

#[cfg(test)]
mod tests;
