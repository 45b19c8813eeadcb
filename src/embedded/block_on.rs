//! Waiting for a future without a runtime.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::{Condvar, Mutex};

/// Runs a future to its end on this thread, which sleeps while there is nothing to do.
/// For programs without `async`, one call at a time:
///
/// ```
/// use dkv::LocalStore;
/// use dkv::embedded::block_on;
///
/// let store = block_on(LocalStore::in_memory())?;
/// let revision = block_on(store.set("user:1", "alice"))?;
/// let record = block_on(store.get("user:1"))?.expect("it was just set");
/// assert_eq!(record.revision, revision);
/// # Ok::<(), dkv::base::Error>(())
/// ```
///
/// In `async` code write `.await`: this would hold up the thread that others share.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut cx = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return output;
        }
        bell.wait();
    }
}

/// Rings at most once between two waits.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    fn wait(&self) {
        let mut rung = self.rung.lock();
        while !*rung {
            self.heard.wait(&mut rung);
        }
        *rung = false;
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.rung.lock() = true;
        self.heard.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_for_a_wake_from_another_thread_and_for_one_from_within() {
        let (tell, told) = tokio::sync::oneshot::channel();
        let telling = std::thread::spawn(move || tell.send(7));
        assert_eq!(block_on(told), Ok(7));
        assert_eq!(telling.join().unwrap(), Ok(()));
        let mut polls = 0;
        block_on(std::future::poll_fn(|cx| {
            polls += 1;
            cx.waker().wake_by_ref();
            if polls < 3 {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        }));
        assert_eq!(polls, 3);
    }
}
