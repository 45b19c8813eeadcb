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
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::{Mutex, MutexGuard};
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::base::limits;

/// The turns of one address.
pub(super) struct Turns {
    line: Mutex<Line>,
    threads: usize,
}

struct Line {
    /// Turns that there are, for each thread.
    turns: usize,
    /// Turns that nobody has; below nothing while there are more than there should be.
    free: isize,
    /// Who wants one; some of them may be gone.
    waiting: VecDeque<Arc<Ticket>>,
    /// Somebody calls who waits.
    is_calling: bool,
}

impl Turns {
    /// On this runtime, of an address that has no connections yet.
    pub(super) fn new() -> Arc<Self> {
        let threads = Handle::try_current().map_or(1, |it| it.metrics().num_workers());
        Self::of(limits::TURNS_OF_ADDRESS, threads)
    }

    fn of(turns: usize, threads: usize) -> Arc<Self> {
        Arc::new(Self {
            line: Mutex::new(Line {
                turns,
                free: count(turns * threads),
                waiting: VecDeque::new(),
                is_calling: false,
            }),
            threads,
        })
    }

    /// The address has so many connections now: a crowd has fewer turns. Whoever may go now is
    /// called by [`Self::go_on`].
    pub(super) fn serve(&self, connections: usize) {
        let turns = match connections > limits::CROWD_CONNECTIONS {
            true => limits::TURNS_OF_CROWD,
            false => limits::TURNS_OF_ADDRESS,
        };
        let mut line = self.line.lock();
        line.free += (count(turns) - count(line.turns)) * count(self.threads);
        line.turns = turns;
    }

    /// Calls whoever may go.
    pub(super) fn go_on(&self) {
        self.call(self.line.lock());
    }

    /// Takes a turn, or a place in the line; true if it is a turn.
    fn take(&self, ticket: &Arc<Ticket>) -> bool {
        let mut line = self.line.lock();
        let is_free = line.free > 0;
        match is_free {
            true => line.free -= 1,
            false => line.waiting.push_back(Arc::clone(ticket)),
        }
        is_free
    }

    /// Takes a place in the line, if there is one; false if nobody waits.
    fn queue(&self, ticket: &Arc<Ticket>) -> bool {
        let mut line = self.line.lock();
        if line.waiting.is_empty() {
            return false;
        }
        line.waiting.push_back(Arc::clone(ticket));
        true
    }

    /// True if somebody waits for a turn.
    fn has_line(&self) -> bool {
        !self.line.lock().waiting.is_empty()
    }

    /// Gives a turn to the next in the line.
    fn give_back(&self) {
        let mut line = self.line.lock();
        line.free += 1;
        self.call(line);
    }

    /// Calls who has a turn now.
    fn call<'a>(&'a self, mut line: MutexGuard<'a, Line>) {
        if std::mem::replace(&mut line.is_calling, true) {
            // Whoever does will see it. It may be further up this stack: at the end of a runtime
            // each that is called ends at once, and gives its turn back.
            return;
        }
        while let Some(next) = line.next() {
            drop(line);
            let came = next.call();
            line = self.line.lock();
            line.free += isize::from(!came);
        }
        line.is_calling = false;
    }
}

/// As a number that may be below nothing.
fn count(turns: usize) -> isize {
    isize::try_from(turns).unwrap_or(isize::MAX)
}

impl Line {
    /// Who has a turn now.
    fn next(&mut self) -> Option<Arc<Ticket>> {
        if self.free <= 0 {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.free -= 1;
        Some(next)
    }
}

/// A task's place among those of its address.
///
/// IMPORTANT: what wakes the task wakes this. The runtime hears of it when the task has a turn:
/// once it is in the runtime's queue, it is before all who come later.
struct Ticket {
    turns: Arc<Turns>,
    task: Mutex<Task>,
}

struct Task {
    phase: Phase,
    /// The task's own.
    waker: Waker,
    /// The task, as long as the runtime does not know of it.
    unborn: Option<Unborn>,
}

type Unborn = Box<dyn FnOnce() + Send>;

/// Begins a task when it is woken.
struct Birth(Mutex<Option<Unborn>>);

impl Wake for Birth {
    fn wake(self: Arc<Self>) {
        let begin = self.0.lock().take();
        if let Some(begin) = begin {
            begin();
        }
    }
}

/// Wakes a task when the runtime has looked for what is new.
///
/// IMPORTANT: the runtime runs first what the running task woke. A crowd that calls one another
/// so would be before everybody, and the network not be looked at. What yields comes back behind
/// both: that is asked for here, in the name of another task.
fn wake_behind_others(waker: &Waker) {
    let yielding = pin!(tokio::task::yield_now());
    let polled = yielding.poll(&mut Context::from_waker(waker));
    if polled.is_ready() {
        waker.wake_by_ref();
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It has nothing to do.
    Asleep,
    /// In the line.
    Waiting,
    /// It has a turn, and is in the runtime's queue.
    Called,
    /// It is at work.
    Working,
    /// It is at work, and there is more to do.
    Woken,
    Gone,
}

impl Ticket {
    /// Calls who was in the line; false if it is gone.
    fn call(&self) -> bool {
        let mut task = self.task.lock();
        if task.phase == Phase::Gone {
            return false;
        }
        task.phase = Phase::Called;
        let waker = match task.unborn.take() {
            Some(begin) => Waker::from(Arc::new(Birth(Mutex::new(Some(begin))))),
            None => task.waker.clone(),
        };
        drop(task);
        wake_behind_others(&waker);
        true
    }

    /// The runtime has come to it: true if it has a turn.
    fn begin(self: &Arc<Self>, waker: &Waker) -> bool {
        let mut task = self.task.lock();
        task.waker.clone_from(waker);
        task.phase = match task.phase {
            Phase::Called => Phase::Working,
            // It is new, or was woken by who does not know of turns.
            Phase::Asleep if self.turns.take(self) => Phase::Working,
            Phase::Asleep => Phase::Waiting,
            other => other,
        };
        task.phase == Phase::Working
    }

    /// It did what it had to do for now.
    fn end(self: &Arc<Self>) {
        let mut task = self.task.lock();
        if task.phase == Phase::Woken {
            // Locked as long as the line may call it.
            if self.turns.queue(self) {
                task.phase = Phase::Waiting;
            } else {
                task.phase = Phase::Called;
                let waker = task.waker.clone();
                drop(task);
                waker.wake();
                return;
            }
        } else {
            task.phase = Phase::Asleep;
        }
        drop(task);
        self.turns.give_back();
    }

    fn leave(&self) {
        let phase = {
            let mut task = self.task.lock();
            // What may still wake it keeps no more of it than this.
            task.waker = Waker::noop().clone();
            std::mem::replace(&mut task.phase, Phase::Gone)
        };
        if matches!(phase, Phase::Called | Phase::Working | Phase::Woken) {
            self.turns.give_back();
        }
    }
}

impl Wake for Ticket {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut task = self.task.lock();
        match task.phase {
            Phase::Asleep if self.turns.take(self) => {
                task.phase = Phase::Called;
                let waker = task.waker.clone();
                drop(task);
                waker.wake();
            }
            Phase::Asleep => task.phase = Phase::Waiting,
            Phase::Working => task.phase = Phase::Woken,
            Phase::Waiting | Phase::Called | Phase::Woken | Phase::Gone => {}
        }
    }
}

/// Work that is done in turns.
pub(super) struct InTurn<F> {
    work: Pin<Box<F>>,
    ticket: Arc<Ticket>,
    /// The ticket's.
    waker: Waker,
    pace: Arc<Pace>,
}

impl<F: Future> InTurn<F> {
    pub(super) fn new(work: F, turns: Arc<Turns>, pace: Arc<Pace>) -> Self {
        let task = Task {
            phase: Phase::Asleep,
            waker: Waker::noop().clone(),
            unborn: None,
        };
        let ticket = Arc::new(Ticket {
            turns,
            task: Mutex::new(task),
        });
        Self {
            work: Box::pin(work),
            waker: Waker::from(Arc::clone(&ticket)),
            ticket,
            pace,
        }
    }
}

impl<F: Future> Future for InTurn<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if !this.ticket.begin(context.waker()) {
            return Poll::Pending;
        }
        this.pace.begin();
        let mut in_turn = Context::from_waker(&this.waker);
        let polled = this.work.as_mut().poll(&mut in_turn);
        match polled {
            // Whoever is done goes, and gives its turn back then; so does one that panicked.
            Poll::Ready(_) => this.ticket.leave(),
            Poll::Pending => this.ticket.end(),
        }
        if this.ticket.turns.has_line() {
            breather::take_if_due();
        }
        polled
    }
}

impl<F> Drop for InTurn<F> {
    fn drop(&mut self) {
        self.ticket.leave();
    }
}

/// A thread that has a crowd to serve never sleeps, and the operating system lets whoever wakes
/// up beside it, such as consensus and the log, wait until its slice of some milliseconds is over.
mod breather {
    use std::cell::Cell;
    use std::time::Duration;

    use tokio::time::Instant;

    use crate::base::limits;

    thread_local! {
        static LAST: Cell<Option<Instant>> = const { Cell::new(None) };
    }

    /// Lets other threads go first, now and then.
    pub(super) fn take_if_due() {
        let now = Instant::now();
        let pause = Duration::from_micros(limits::TURNS_UNTIL_OTHERS_US);
        let is_due = LAST.get().is_none_or(|last| now - last >= pause);
        if is_due {
            std::thread::yield_now();
            LAST.set(Some(Instant::now()));
        }
    }
}

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

/// Does what a connection starts in the turns of its address.
#[derive(Clone)]
pub(super) struct Executor {
    turns: Arc<Turns>,
    runtime: Handle,
}

impl Executor {
    /// On this runtime.
    pub(super) fn new(turns: &Arc<Turns>) -> Self {
        Self {
            turns: Arc::clone(turns),
            runtime: Handle::current(),
        }
    }
}

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output: Send> + Send + 'static,
{
    /// A task that begins is in the runtime's queue, too: it begins when it has a turn.
    fn execute(&self, work: F) {
        let work = InTurn::new(work, Arc::clone(&self.turns), Pace::new());
        let (ticket, runtime) = (Arc::clone(&work.ticket), self.runtime.clone());
        let begin = move || drop(runtime.spawn(work));
        let mut task = ticket.task.lock();
        if self.turns.take(&ticket) {
            task.phase = Phase::Called;
            drop(task);
            begin();
        } else {
            task.phase = Phase::Waiting;
            task.unborn = Some(Box::new(begin));
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::rt::Executor as _;
    use tokio::sync::Notify;

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
        let crowd = begin(&Turns::of(2, 1), 500);
        let rounds = 100_000;
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
        assert!(all <= rounds, "{all} of them went before {rounds} of ours");
        let (least, most) = (turns.iter().min(), turns.iter().max());
        assert!(least > Some(&0), "all of them go, too");
        assert!(
            most <= least.map(|it| it + 2).as_ref(),
            "{least:?} to {most:?}"
        );
    }

    /// A crowd that was woken at once was in the runtime's queue before anybody who came later:
    /// what it did first was to ask for its turn, which one thread always has to give.
    #[tokio::test]
    async fn who_comes_behind_a_crowd_that_was_woken_waits_for_a_few_of_it() {
        let (turns, wake) = (Turns::of(2, 1), Arc::new(Notify::new()));
        let done = Arc::new(AtomicU64::new(0));
        for _ in 0..500 {
            let (wake, done) = (Arc::clone(&wake), Arc::clone(&done));
            let work = async move {
                wake.notified().await;
                done.fetch_add(1, Ordering::Relaxed);
            };
            Executor::new(&turns).execute(work);
        }
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        wake.notify_waiters();
        let before = Arc::clone(&done);
        let ours = tokio::spawn(async move { before.load(Ordering::Relaxed) });
        assert!(ours.await.unwrap() <= 2);
        while done.load(Ordering::Relaxed) < 500 {
            tokio::task::yield_now().await;
        }
    }

    /// Each began at once, and was in the runtime's queue before it could ask for its turn.
    #[tokio::test]
    async fn what_a_crowd_begins_waits_for_its_turn() {
        let (turns, done) = (Turns::of(2, 1), Arc::new(AtomicU64::new(0)));
        let executor = Executor::new(&turns);
        for _ in 0..500 {
            let done = Arc::clone(&done);
            executor.execute(async move { done.fetch_add(1, Ordering::Relaxed) });
        }
        let before = Arc::clone(&done);
        let ours = tokio::spawn(async move { before.load(Ordering::Relaxed) });
        assert!(ours.await.unwrap() <= 3);
        while done.load(Ordering::Relaxed) < 500 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn an_address_has_fewer_turns_as_long_as_it_is_a_crowd() {
        let turns = Turns::new();
        let (few, many) = (limits::TURNS_OF_CROWD, limits::TURNS_OF_ADDRESS);
        let executor = Executor::new(&turns);
        let waiting = || turns.line.lock().waiting.len();
        turns.serve(limits::CROWD_CONNECTIONS + 1);
        (0..100).for_each(|_| executor.execute(std::future::pending::<()>()));
        assert_eq!(waiting(), 100 - few);
        turns.serve(limits::CROWD_CONNECTIONS);
        turns.go_on();
        assert_eq!(waiting(), 100 - many);
        turns.serve(limits::CROWD_CONNECTIONS + 1);
        assert_eq!(turns.line.lock().free, count(few) - count(many));
    }

    /// Every one that ended called the next, which ended: as deep as there were tasks.
    #[test]
    fn a_long_line_ends_with_its_runtime() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let turns = runtime.block_on(async {
            let turns = Turns::of(1, 1);
            let executor = Executor::new(&turns);
            (0..200_000).for_each(|_| executor.execute(std::future::pending::<()>()));
            turns
        });
        drop(runtime);
        let line = turns.line.lock();
        assert_eq!((line.free, line.waiting.len()), (1, 0));
    }

    #[tokio::test]
    async fn a_turn_is_not_lost_with_whoever_waited_for_it() {
        let turns = Turns::of(1, 1);
        let endless = || {
            let work = std::future::pending::<()>();
            Box::pin(InTurn::new(work, Arc::clone(&turns), Pace::new()))
        };
        let poll = |work: &mut Pin<Box<InTurn<std::future::Pending<()>>>>| {
            let mut context = Context::from_waker(Waker::noop());
            assert!(work.as_mut().poll(&mut context).is_pending());
            work.ticket.task.lock().phase
        };
        let mut busy = endless();
        assert_eq!(poll(&mut busy), Phase::Asleep);
        busy.waker.wake_by_ref();
        let [mut called, mut gone, mut last] = [(); 3].map(|()| endless());
        for waits in [&mut called, &mut gone, &mut last] {
            assert_eq!(poll(waits), Phase::Waiting);
        }
        drop(gone);
        assert_eq!(poll(&mut busy), Phase::Asleep);
        assert_eq!(called.ticket.task.lock().phase, Phase::Called);
        // It goes before it comes.
        drop(called);
        assert_eq!(last.ticket.task.lock().phase, Phase::Called);
        assert_eq!(poll(&mut last), Phase::Asleep);
        drop((busy, last));
        let line = turns.line.lock();
        assert_eq!((line.free, line.waiting.len()), (1, 0));
    }
}
