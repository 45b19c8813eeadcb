//! How much a connection does in one turn, and a thread for a crowd.

use std::cell::Cell;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use crate::base::host::yield_thread;
use crate::base::limits;

/// How long a connection may look at what came in one turn, and how much it may answer.
///
/// HTTP takes whatever it can read, and frames that ask for nothing are small: without this a
/// turn lasts for as long as somebody sends. It gives whatever the system takes, which is
/// megabytes of a connection.
pub(super) struct Pace {
    epoch: Instant,
    /// When this turn began, since then.
    began_us: AtomicU64,
    wrote_bytes: AtomicUsize,
}

/// Of a connection that takes no turns: it may read for as long as it likes.
const NOT_BEGUN: u64 = u64::MAX;

impl Pace {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            epoch: Instant::now(),
            began_us: AtomicU64::new(NOT_BEGUN),
            wrote_bytes: AtomicUsize::new(0),
        })
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    pub(super) fn begin(&self) {
        self.began_us.store(self.now_us(), Ordering::Relaxed);
        self.wrote_bytes.store(0, Ordering::Relaxed);
    }

    /// How much it may still write.
    pub(super) fn bytes_left(&self) -> usize {
        match self.began_us.load(Ordering::Relaxed) {
            NOT_BEGUN => usize::MAX,
            _ => limits::TURN_WRITE_BYTES.saturating_sub(self.wrote_bytes.load(Ordering::Relaxed)),
        }
    }

    pub(super) fn wrote(&self, bytes: usize) {
        self.wrote_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// True if it has looked for long enough: the rest is for its next turn.
    pub(super) fn is_spent(&self) -> bool {
        let began_us = self.began_us.load(Ordering::Relaxed);
        self.now_us().saturating_sub(began_us) > limits::TURN_US
    }
}

/// Comes back when whoever is ready, too, had the thread: work that a client has sent much of
/// is done in pieces.
///
/// IMPORTANT: a second look in the same turn does not come back. The encoder of gRPC takes it
/// that nothing is ready for a moment to send what it has, and asks again at once.
pub(in crate::server) async fn let_others_go_on() {
    let mut asked_in = None;
    poll_fn(|context| match (asked_in, TURN.get()) {
        (None, turn) => {
            asked_in = Some(turn);
            context.waker().wake_by_ref();
            Poll::Pending
        }
        (Some(turn), now) if turn == now && now != NO_TURN => Poll::Pending,
        (Some(_), _) => Poll::Ready(()),
    })
    .await;
}

/// A turn of some task, with a number that no other one has.
pub(super) struct Turn(());

/// Work that takes no turns.
const NO_TURN: u64 = 0;

static THREADS: AtomicU64 = AtomicU64::new(0);

impl Turn {
    /// One begins on this thread, until this is dropped.
    pub(super) fn begin() -> Self {
        TURNS.set(TURNS.get() + 1);
        TURN.set(TURNS.get());
        Self(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        TURN.set(NO_TURN);
    }
}

thread_local! {
    // IMPORTANT: never those of another thread, where the same task may have its next turn.
    static TURNS: Cell<u64> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed) << 40);
    static TURN: Cell<u64> = const { Cell::new(NO_TURN) };
    static LAST_YIELD: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Lets other threads go first, now and then.
///
/// A thread that has a crowd to serve never sleeps, and the operating system may let whoever
/// wakes up beside it, such as the log, wait until its slice of some milliseconds is over.
pub(super) fn let_others_go_first() {
    let now = Instant::now();
    let pause = Duration::from_micros(limits::TURNS_UNTIL_OTHERS_US);
    let is_due = LAST_YIELD.get().is_none_or(|last| now - last >= pause);
    if is_due {
        yield_thread();
        LAST_YIELD.set(Some(Instant::now()));
    }
}
