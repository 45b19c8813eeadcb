//! A value that changes, and those who wait for the change, in the order in which they began to.
//!
//! tokio has the same, but wakes waiters in an order drawn from randomness that no seed
//! repeats. Here it is theirs; nothing else is different.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use openraft::rt::watch;
use openraft::{OptionalSend, OptionalSync};
use parking_lot::{RwLock, RwLockReadGuard};
use tokio::sync::Notify;
use tokio::task::coop::consume_budget;

/// The library's name for this kind of channel.
pub(super) struct InOrder;

struct Shared<T> {
    value: RwLock<T>,
    /// One more with each change; changes only while `value` is locked.
    version: AtomicU64,
    changed: Notify,
    senders: AtomicUsize,
    receivers: AtomicUsize,
}

/// Changes the value. Clones change the same.
pub(super) struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// Sees the value. Clones have seen the same, and see on by themselves.
pub(super) struct Receiver<T> {
    shared: Arc<Shared<T>>,
    seen: u64,
}

/// The value that nobody has changed yet.
pub(super) fn channel<T>(init: T) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        value: RwLock::new(init),
        version: AtomicU64::new(0),
        changed: Notify::new(),
        senders: AtomicUsize::new(1),
        receivers: AtomicUsize::new(1),
    });
    let sender = Sender {
        shared: shared.clone(),
    };
    (sender, Receiver { shared, seen: 0 })
}

impl<T> Sender<T> {
    /// Changes the value whether somebody sees it or not.
    pub(super) fn replace(&self, value: T) {
        self.modify(|current| {
            *current = value;
            true
        });
    }

    /// Changes the value unless it is this one already.
    pub(super) fn replace_if_other(&self, value: T)
    where
        T: PartialEq,
    {
        self.modify(|current| {
            let is_other = *current != value;
            *current = value;
            is_other
        });
    }

    fn modify(&self, modify: impl FnOnce(&mut T) -> bool) -> bool {
        let mut value = self.shared.value.write();
        let modified = modify(&mut value);
        if modified {
            self.shared.version.fetch_add(1, Ordering::SeqCst);
        }
        drop(value);
        if modified {
            self.shared.changed.notify_waiters();
        }
        modified
    }
}

impl<T> Receiver<T> {
    /// The value as it is.
    pub(super) fn borrow(&self) -> RwLockReadGuard<'_, T> {
        self.shared.value.read()
    }

    /// Resolves once there is a value that this receiver has not seen; false if there
    /// will be none.
    pub(super) async fn has_changed(&mut self) -> bool {
        // Or a loop of those who find something new at once would never let others run.
        consume_budget().await;
        loop {
            // Made before the look, it hears of every change after it.
            let notified = self.shared.changed.notified();
            let version = self.shared.version.load(Ordering::SeqCst);
            if version != self.seen {
                self.seen = version;
                return true;
            }
            if self.shared.senders.load(Ordering::SeqCst) == 0 {
                return false;
            }
            notified.await;
        }
    }

    /// Resolves once the value is as wanted; false if it never will be.
    pub(super) async fn has_become(&mut self, wanted: impl Fn(&T) -> bool) -> bool {
        while !wanted(&self.borrow()) {
            if !self.has_changed().await {
                return false;
            }
        }
        true
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.senders.fetch_add(1, Ordering::SeqCst);
        let shared = self.shared.clone();
        Self { shared }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.shared.senders.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.shared.changed.notify_waiters();
        }
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        self.shared.receivers.fetch_add(1, Ordering::SeqCst);
        let shared = self.shared.clone();
        let seen = self.seen;
        Self { shared, seen }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.shared.receivers.fetch_sub(1, Ordering::SeqCst);
    }
}

impl watch::Watch for InOrder {
    type Sender<T: OptionalSend + OptionalSync> = Sender<T>;
    type Receiver<T: OptionalSend + OptionalSync> = Receiver<T>;
    type Ref<'a, T: OptionalSend + 'a> = RwLockReadGuard<'a, T>;

    fn channel<T: OptionalSend + OptionalSync>(init: T) -> (Sender<T>, Receiver<T>) {
        channel(init)
    }
}

impl<T: OptionalSend + OptionalSync> watch::WatchSender<InOrder, T> for Sender<T> {
    fn send(&self, value: T) -> Result<(), watch::SendError<T>> {
        if self.shared.receivers.load(Ordering::SeqCst) == 0 {
            return Err(watch::SendError(value));
        }
        self.replace(value);
        Ok(())
    }

    fn send_if_modified<F: FnOnce(&mut T) -> bool>(&self, modify: F) -> bool {
        self.modify(modify)
    }

    fn borrow_watched(&self) -> RwLockReadGuard<'_, T> {
        self.shared.value.read()
    }

    fn subscribe(&self) -> Receiver<T> {
        self.shared.receivers.fetch_add(1, Ordering::SeqCst);
        let shared = self.shared.clone();
        let value = shared.value.read();
        let seen = shared.version.load(Ordering::SeqCst);
        drop(value);
        Receiver { shared, seen }
    }
}

impl<T: OptionalSend + OptionalSync> watch::WatchReceiver<InOrder, T> for Receiver<T> {
    async fn changed(&mut self) -> Result<(), watch::RecvError> {
        match self.has_changed().await {
            true => Ok(()),
            false => Err(watch::RecvError(())),
        }
    }

    fn borrow_watched(&self) -> RwLockReadGuard<'_, T> {
        self.borrow()
    }

    fn borrow_and_update(&mut self) -> RwLockReadGuard<'_, T> {
        let value = self.shared.value.read();
        self.seen = self.shared.version.load(Ordering::SeqCst);
        value
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[tokio::test]
    async fn waiters_wake_in_the_order_in_which_they_began_to_wait() {
        for _ in 0..20 {
            let (sender, receiver) = channel(0);
            let woken = Arc::new(Mutex::new(Vec::new()));
            let waiters = (0..10).map(|number| {
                let (mut receiver, woken) = (receiver.clone(), woken.clone());
                tokio::spawn(async move {
                    assert!(receiver.has_become(|value| *value == 1).await);
                    woken.lock().push(number);
                })
            });
            let waiters: Vec<_> = waiters.collect();
            tokio::task::yield_now().await;
            sender.replace(1);
            for waiter in waiters {
                waiter.await.unwrap();
            }
            assert_eq!(*woken.lock(), (0..10).collect::<Vec<_>>());
        }
    }

    /// A task asked for news in a loop, with a fresh receiver each time, until something was
    /// so that another task had to bring about; the two had one thread.
    #[tokio::test]
    async fn a_loop_that_always_finds_news_lets_others_run() {
        let (sender, receiver) = channel(0);
        sender.replace(1);
        let other = tokio::spawn(async move { sender.replace(2) });
        while *receiver.borrow() != 2 {
            assert!(receiver.clone().has_changed().await);
        }
        other.await.unwrap();
    }

    #[tokio::test]
    async fn nobody_waits_for_a_sender_that_is_gone() {
        let (sender, mut receiver) = channel(0);
        let waiting = tokio::spawn(async move { receiver.has_become(|value| *value == 1).await });
        tokio::task::yield_now().await;
        drop(sender);
        assert!(!waiting.await.unwrap());
    }
}
