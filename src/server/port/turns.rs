//! Turns on the processor: however many connections come from an address, and whatever they
//! send, they are a few among all that the node has to do.
//!
//! The runtime runs what is ready in the order in which it became so. Five hundred busy
//! connections are five hundred places in that order, and whoever comes after them waits for
//! all: other clients, and the node's own work for its shards and its peers. So only a few tasks
//! of one address are let into the runtime's queue at once; the others wait here, first come,
//! first served. Nothing is held back while there is time for it: one that had its turn lets the
//! next one in.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::base::limits;

/// The turns of one address.
pub(super) struct Turns {
    state: Mutex<State>,
}

struct State {
    /// Turns that nobody has.
    free: usize,
    /// Who wants one, by ticket; ascending.
    waiting: VecDeque<(u64, Waker)>,
    next_ticket: u64,
    /// Who was given one, and was woken for it.
    given: Vec<u64>,
}

impl Turns {
    /// So many at once for each thread that works.
    pub(super) fn new() -> Arc<Self> {
        let threads = Handle::try_current().map_or(1, |it| it.metrics().num_workers());
        Self::of(limits::TURNS_OF_ADDRESS * threads)
    }

    fn of(free: usize) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                free,
                waiting: VecDeque::new(),
                next_ticket: 0,
                given: Vec::new(),
            }),
        })
    }

    /// Takes a turn, or keeps a place in the line: its ticket.
    fn take(&self, ticket: Option<u64>, waker: &Waker) -> Result<(), u64> {
        let mut state = self.state.lock();
        if let Some(ticket) = ticket {
            if let Some(at) = state.given.iter().position(|it| *it == ticket) {
                state.given.swap_remove(at);
                return Ok(());
            }
            let place = state.place(ticket);
            let place = place.expect("a ticket is in the line or was called");
            state.waiting[place].1.clone_from(waker);
            return Err(ticket);
        }
        if state.free > 0 {
            state.free -= 1;
            return Ok(());
        }
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push_back((ticket, waker.clone()));
        Err(ticket)
    }

    /// Gives a turn to the next in the line.
    fn give_back(&self) {
        let mut state = self.state.lock();
        let Some((ticket, waker)) = state.waiting.pop_front() else {
            state.free += 1;
            return;
        };
        state.given.push(ticket);
        drop(state);
        waker.wake();
    }

    /// Whoever had a ticket is gone.
    fn forget(&self, ticket: u64) {
        let mut state = self.state.lock();
        if let Some(place) = state.place(ticket) {
            state.waiting.remove(place);
            return;
        }
        let Some(at) = state.given.iter().position(|it| *it == ticket) else {
            return;
        };
        state.given.swap_remove(at);
        drop(state);
        self.give_back();
    }
}

impl State {
    fn place(&self, ticket: u64) -> Option<usize> {
        let place = self.waiting.binary_search_by_key(&ticket, |(it, _)| *it);
        place.ok()
    }
}

/// Work that is done in turns.
pub(super) struct InTurn<F> {
    work: Pin<Box<F>>,
    turns: Arc<Turns>,
    ticket: Option<u64>,
    pace: Arc<Pace>,
}

impl<F: Future> InTurn<F> {
    pub(super) fn new(work: F, turns: Arc<Turns>, pace: Arc<Pace>) -> Self {
        Self {
            work: Box::pin(work),
            turns,
            ticket: None,
            pace,
        }
    }
}

/// Gives its turn back, also when the work panics.
struct Turn<'a>(&'a Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

impl<F: Future> Future for InTurn<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        match this.turns.take(this.ticket.take(), context.waker()) {
            Ok(()) => {}
            Err(ticket) => {
                this.ticket = Some(ticket);
                return Poll::Pending;
            }
        }
        let _turn = Turn(&this.turns);
        this.pace.begin();
        this.work.as_mut().poll(context)
    }
}

impl<F> Drop for InTurn<F> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.turns.forget(ticket);
        }
    }
}

/// How long a connection may look at what came in one turn.
///
/// HTTP takes whatever it can read, and frames that ask for nothing are small: without this a
/// turn lasts for as long as somebody sends.
pub(super) struct Pace {
    epoch: Instant,
    /// When this turn began, since then.
    began_us: AtomicU64,
}

/// Of a connection that takes no turns: it may read for as long as it likes.
const NOT_BEGUN: u64 = u64::MAX;

impl Pace {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            epoch: Instant::now(),
            began_us: AtomicU64::new(NOT_BEGUN),
        })
    }

    fn now_us(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn begin(&self) {
        self.began_us.store(self.now_us(), Ordering::Relaxed);
    }

    /// True if it has looked for long enough: the rest is for its next turn.
    pub(super) fn is_spent(&self) -> bool {
        let began_us = self.began_us.load(Ordering::Relaxed);
        self.now_us().saturating_sub(began_us) > limits::TURN_US
    }
}

/// Does what a connection starts in the turns of its address.
#[derive(Clone)]
pub(super) struct Executor(Arc<Turns>);

impl Executor {
    pub(super) fn new(turns: &Arc<Turns>) -> Self {
        Self(Arc::clone(turns))
    }
}

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, work: F) {
        tokio::spawn(InTurn::new(work, Arc::clone(&self.0), Pace::new()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Always has more to do.
    struct Busy(Arc<AtomicU64>);

    impl Future for Busy {
        type Output = ();

        fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            self.0.fetch_add(1, Ordering::Relaxed);
            context.waker().wake_by_ref();
            Poll::Pending
        }
    }

    fn begin(turns: &Arc<Turns>, count: usize) -> Vec<Arc<AtomicU64>> {
        let begun = (0..count).map(|_| {
            let done = Arc::new(AtomicU64::new(0));
            let work = Busy(Arc::clone(&done));
            tokio::spawn(InTurn::new(work, Arc::clone(turns), Pace::new()));
            done
        });
        begun.collect()
    }

    /// Whoever was alone at an address waited for as many turns of another as that had
    /// connections.
    #[tokio::test]
    async fn many_of_one_address_are_a_few_to_all_others() {
        let crowd = begin(&Turns::of(2), 500);
        let rounds = 5_000;
        // Not `yield_now`: that waits until all others have had their turn.
        let mut left = rounds;
        let ours = std::future::poll_fn(move |context| {
            left -= 1;
            context.waker().wake_by_ref();
            match left {
                0 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        });
        tokio::spawn(ours).await.unwrap();
        let turns: Vec<u64> = crowd.iter().map(|it| it.load(Ordering::Relaxed)).collect();
        let all: u64 = turns.iter().sum();
        assert!(all >= rounds, "nothing is held back: {all}");
        assert!(
            all <= 4 * rounds,
            "{all} of them went before {rounds} of ours"
        );
        let (least, most) = (turns.iter().min(), turns.iter().max());
        assert!(
            most <= least.map(|it| it + 2).as_ref(),
            "{least:?} to {most:?}"
        );
    }

    #[tokio::test]
    async fn a_turn_is_not_lost_with_whoever_waited_for_it() {
        let turns = Turns::of(1);
        let waker = Waker::noop();
        assert!(turns.take(None, waker).is_ok());
        let waits = || {
            let mut work = Box::pin(InTurn::new(async {}, Arc::clone(&turns), Pace::new()));
            let mut context = Context::from_waker(waker);
            assert!(work.as_mut().poll(&mut context).is_pending());
            work
        };
        let [called, gone, last] = [(); 3].map(|()| waits());
        drop(gone);
        turns.give_back();
        // It was called, and goes before it comes.
        drop(called);
        last.await;
        assert_eq!(turns.state.lock().free, 1);
        assert!(turns.state.lock().given.is_empty());
    }
}
