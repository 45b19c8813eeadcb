//! What the machine should do with locks.

use bytes::Bytes;

use super::{Kind, Model, Reply, at, plain};
use crate::base::time::{MachineTime, Timer};
use crate::base::types::{FenceToken, OwnerId};
use crate::lock::{Lock, LockCommand, Waiter};
use crate::machine::Grant;

impl Model {
    /// The holder is gone: the first waiter that still waits gets the lock.
    fn pass_on(&mut self, name: &Bytes) {
        let mut lock = self.locks.remove(name).unwrap();
        let fence = FenceToken(self.next().0);
        while let Some(waiter) = lock.queue.pop_front() {
            if waiter.wait_until.0 <= self.now {
                continue;
            }
            lock.owner = waiter.owner;
            lock.fence = fence;
            lock.granted_at = MachineTime(self.now);
            lock.lease_until = None;
            lock.claim_by = Some(MachineTime(self.now + 5_000));
            lock.queue.retain(|waiter| waiter.wait_until.0 > self.now);
            self.grants.push(Grant {
                name: name.clone(),
                owner: lock.owner,
                fence,
            });
            self.locks.insert(name.clone(), lock);
            return;
        }
    }

    pub(super) fn lock_expires(&mut self, name: &Bytes) {
        let now = self.now;
        let Some(lock) = self.locks.get_mut(name) else {
            return;
        };
        lock.queue.retain(|waiter| waiter.wait_until.0 > now);
        let until = if lock.claim_by.is_some() {
            lock.claim_by
        } else {
            lock.lease_until
        };
        if until.is_some_and(|until| until.0 <= now) {
            self.pass_on(name);
        }
    }

    pub(super) fn lock(&mut self, name: &Bytes, command: &LockCommand) -> Reply {
        self.lock_expires(name);
        match command {
            LockCommand::Acquire {
                owner,
                ttl_ms,
                wait,
            } => self.acquire(name, *owner, *ttl_ms, *wait),
            LockCommand::Renew { owner, ttl_ms } => match self.locks.get(name) {
                Some(lock) if lock.owner == *owner => {
                    let fence = lock.fence.0;
                    self.lease(name, *ttl_ms);
                    (Kind::Renewed, fence, None)
                }
                _ => plain(Kind::NotHolder),
            },
            LockCommand::Release { owner } => {
                let holder = self.locks.get(name).map(|lock| lock.owner);
                if holder == Some(*owner) {
                    self.pass_on(name);
                } else if holder.is_some() && !self.leave(name, *owner) {
                    return plain(Kind::NotHolder);
                }
                plain(Kind::Released)
            }
            LockCommand::Revoke => match self.locks.get(name).map(|lock| lock.fence.0) {
                None => plain(Kind::Unchanged),
                Some(fence) => {
                    self.pass_on(name);
                    (Kind::Revoked, fence, None)
                }
            },
            LockCommand::CancelWait { owner } => {
                let unclaimed = |lock: &Lock| lock.owner == *owner && lock.claim_by.is_some();
                if self.locks.get(name).is_some_and(unclaimed) {
                    self.pass_on(name);
                } else {
                    self.leave(name, *owner);
                }
                plain(Kind::Cancelled)
            }
        }
    }

    fn lease(&mut self, name: &Bytes, ttl_ms: u64) {
        self.next();
        let until = MachineTime(self.now + ttl_ms);
        let lock = self.locks.get_mut(name).unwrap();
        lock.claim_by = None;
        lock.lease_until = if ttl_ms == 0 { None } else { Some(until) };
    }

    fn leave(&mut self, name: &Bytes, owner: OwnerId) -> bool {
        let Some(lock) = self.locks.get_mut(name) else {
            return false;
        };
        let place = lock.queue.iter().position(|waiter| waiter.owner == owner);
        place.map(|place| lock.queue.remove(place)).is_some()
    }

    fn acquire(&mut self, name: &Bytes, owner: OwnerId, ttl_ms: u64, wait: Timer) -> Reply {
        let Some(lock) = self.locks.get(name) else {
            let fence = FenceToken(self.revision + 1);
            let lock = Lock {
                owner,
                fence,
                granted_at: MachineTime(self.now),
                lease_until: None,
                claim_by: None,
                queue: [].into(),
            };
            self.locks.insert(name.clone(), lock);
            self.lease(name, ttl_ms);
            return (Kind::Granted, fence.0, None);
        };
        let fence = lock.fence.0;
        if lock.owner == owner {
            if lock.claim_by.is_some() {
                self.lease(name, ttl_ms);
            }
            return (Kind::Granted, fence, None);
        }
        let wait_until = match at(wait) {
            Some(until) if until.0 > self.now => until,
            _ => {
                self.leave(name, owner);
                return plain(Kind::Held);
            }
        };
        let waiter = Waiter {
            owner,
            ttl_ms,
            wait_until,
        };
        let queue = &mut self.locks.get_mut(name).unwrap().queue;
        match queue.iter_mut().find(|waiter| waiter.owner == owner) {
            Some(place) => *place = waiter,
            None => queue.push_back(waiter),
        }
        plain(Kind::Queued)
    }
}
