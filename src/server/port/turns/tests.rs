//! Who goes when.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use hyper::rt::Executor as _;
use tokio::sync::Notify;

use super::ticket::Phase;
use super::*;
use crate::server::port::pace::{Pace, let_others_go_on};

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

/// The encoder of gRPC sent what it had when nothing was ready for a moment, and asked again in
/// the same turn: whoever let others go on went on.
#[tokio::test]
async fn who_lets_others_go_on_is_asked_twice_in_a_turn_and_waits_for_the_next() {
    let looks = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&looks);
    let mut letting = Box::pin(let_others_go_on());
    let work = std::future::poll_fn(move |context| {
        for _ in 0..2 {
            counted.fetch_add(1, Ordering::Relaxed);
            if letting.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    });
    tokio::spawn(InTurn::new(work, Turns::of(1, 1), Pace::new()))
        .await
        .unwrap();
    assert_eq!(looks.load(Ordering::Relaxed), 3, "two, and one in the next");
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
