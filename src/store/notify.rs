//! Tells waiting callers that a lock has passed to them.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::base::types::{FenceToken, OwnerId};
use crate::lock::Lock;
use crate::machine::Grant;

type LockOwner = (Bytes, OwnerId);

/// Who waits for which lock on this node.
#[derive(Clone, Default)]
pub struct Grants {
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    /// The latest wait of each owner.
    waits: HashMap<LockOwner, Wait>,
    /// The number of the next wait.
    next: u64,
}

struct Wait {
    number: u64,
    /// `None` once the lock has passed to the owner.
    tell: Option<oneshot::Sender<FenceToken>>,
}

/// One caller's wait; dropping it ends it.
pub struct GrantWait {
    grants: Grants,
    key: LockOwner,
    number: u64,
    granted: oneshot::Receiver<FenceToken>,
}

impl Grants {
    /// Starts to wait. Must come before the acquire is submitted, or its grant can
    /// be missed. It takes the place of an earlier wait of the same owner: the caller
    /// has asked again, and the earlier call is of no use to anybody.
    pub fn wait(&self, name: Bytes, owner: OwnerId) -> GrantWait {
        let (tell, granted) = oneshot::channel();
        let key = (name, owner);
        let mut waiting = self.waiting.lock();
        let number = waiting.next;
        waiting.next += 1;
        let tell = Some(tell);
        waiting.waits.insert(key.clone(), Wait { number, tell });
        drop(waiting);
        GrantWait {
            grants: self.clone(),
            key,
            number,
            granted,
        }
    }

    /// Wakes whoever has his lock already, as `find` says: grants may have been missed.
    pub(super) fn look_again(&self, find: impl Fn(&[u8]) -> Option<Lock>) {
        let keys: Vec<LockOwner> = self.waiting.lock().waits.keys().cloned().collect();
        let granted = keys.into_iter().filter_map(|(name, owner)| {
            let lock = find(&name).filter(|lock| lock.owner == owner)?;
            Some(Grant {
                name,
                owner,
                fence: lock.fence,
            })
        });
        self.announce(granted.collect());
    }

    /// Wakes whoever waits for these grants. Nobody may: then the claim runs out.
    pub(super) fn announce(&self, grants: Vec<Grant>) {
        if grants.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock();
        for grant in grants {
            let wait = waiting.waits.get_mut(&(grant.name, grant.owner));
            if let Some(tell) = wait.and_then(|wait| wait.tell.take()) {
                // A caller that goes away in this moment cancels its wait itself.
                let _gone = tell.send(grant.fence);
            }
        }
    }
}

impl GrantWait {
    /// Resolves when the lock passed to the owner; never, if a later wait of the
    /// same owner took this one's place.
    pub async fn granted(&mut self) {
        if (&mut self.granted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Does `leave` if this is still the owner's latest wait. No later wait begins
    /// while it runs, so that leaving the queue cannot undo somebody's coming back.
    pub fn if_latest(&self, leave: impl FnOnce()) {
        let waiting = self.grants.waiting.lock();
        let latest = waiting.waits.get(&self.key);
        if latest.is_some_and(|wait| wait.number == self.number) {
            leave();
        }
    }
}

impl Drop for GrantWait {
    fn drop(&mut self) {
        let mut waiting = self.grants.waiting.lock();
        let latest = waiting.waits.get(&self.key);
        if latest.is_some_and(|wait| wait.number == self.number) {
            waiting.waits.remove(&self.key);
        }
    }
}
