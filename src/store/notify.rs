//! Tells waiting callers that a lock has passed to them.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::base::types::{FenceToken, OwnerId};
use crate::machine::Grant;

type Waiting = HashMap<(Bytes, OwnerId), oneshot::Sender<FenceToken>>;

/// Who waits for which lock on this node.
#[derive(Clone, Default)]
pub struct Grants {
    waiting: Arc<Mutex<Waiting>>,
}

/// One caller's wait; dropping it ends it.
pub struct GrantWait {
    grants: Grants,
    key: (Bytes, OwnerId),
    granted: oneshot::Receiver<FenceToken>,
}

impl Grants {
    /// Starts to wait. Must come before the acquire is submitted, or its grant can
    /// be missed.
    pub fn wait(&self, name: Bytes, owner: OwnerId) -> GrantWait {
        let (tell, granted) = oneshot::channel();
        let key = (name, owner);
        self.waiting.lock().insert(key.clone(), tell);
        GrantWait {
            grants: self.clone(),
            key,
            granted,
        }
    }

    /// Wakes whoever waits for these grants. Nobody may: then the claim runs out.
    pub(super) fn announce(&self, grants: Vec<Grant>) {
        if grants.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock();
        for grant in grants {
            if let Some(tell) = waiting.remove(&(grant.name, grant.owner)) {
                // A caller that went away in this moment cancels its wait itself.
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
}

impl Drop for GrantWait {
    fn drop(&mut self) {
        // Only this wait's own entry: closing first makes a replaced one visible.
        self.granted.close();
        let mut waiting = self.grants.waiting.lock();
        if waiting
            .get(&self.key)
            .is_some_and(oneshot::Sender::is_closed)
        {
            waiting.remove(&self.key);
        }
    }
}
