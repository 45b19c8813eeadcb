//! What the consensus library runs on: tokio, with nothing that a seed does not repeat.
//!
//! The library draws only the moments of elections. It has no place for our seam, so
//! each group is started under a seed from there, which its tasks hand on.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use futures_util::FutureExt;
use openraft::rt::deterministic_rng::DeterministicRng;
use openraft::{AsyncRuntime, OptionalSend};
use tokio::task_local;

use super::watch::InOrder;

/// The library marks the name, not the type, as old; its crate is no dependency of ours.
#[allow(deprecated, reason = "see above")]
type Tokio = openraft::impls::TokioRuntime;

type Seeded = DeterministicRng<Tokio>;

task_local! {
    static SEED: Cell<u64>;
}

/// The runtime of all groups.
#[derive(Debug)]
pub(super) struct Runtime {
    inner: Tokio,
}

impl Runtime {
    /// Everything that `future` starts draws from this seed.
    pub(super) async fn seeded<F: Future>(seed: u64, future: F) -> F::Output {
        SEED.scope(Cell::new(seed), future).await
    }
}

/// The next seed of this task; tasks that no group started share one.
fn next_seed() -> u64 {
    SEED.try_with(|seed| {
        seed.set(seed.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        seed.get()
    })
    .unwrap_or_default()
}

impl AsyncRuntime for Runtime {
    type JoinError = <Tokio as AsyncRuntime>::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = <Tokio as AsyncRuntime>::JoinHandle<T>;
    type Sleep = <Tokio as AsyncRuntime>::Sleep;
    type Instant = <Tokio as AsyncRuntime>::Instant;
    type TimeoutError = <Tokio as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = <Tokio as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = <Seeded as AsyncRuntime>::ThreadLocalRng;
    type Mpsc = <Tokio as AsyncRuntime>::Mpsc;
    type Watch = InOrder;
    type Oneshot = <Tokio as AsyncRuntime>::Oneshot;
    type Mutex<T: OptionalSend + 'static> = <Tokio as AsyncRuntime>::Mutex<T>;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        // Not the parent's own sequence, or both would draw the same.
        let seed = next_seed().rotate_left(32);
        Tokio::spawn(SEED.scope(Cell::new(seed), future))
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        Tokio::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        Tokio::sleep_until(deadline)
    }

    fn timeout<R, F>(duration: Duration, future: F) -> Self::Timeout<R, F>
    where
        F: Future<Output = R> + OptionalSend,
    {
        Tokio::timeout(duration, future)
    }

    fn timeout_at<R, F>(deadline: Self::Instant, future: F) -> Self::Timeout<R, F>
    where
        F: Future<Output = R> + OptionalSend,
    {
        Tokio::timeout_at(deadline, future)
    }

    fn is_panic(join_error: &Self::JoinError) -> bool {
        Tokio::is_panic(join_error)
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        let drawn = DeterministicRng::<Tokio>::scope(next_seed(), async { Seeded::thread_rng() });
        drawn.now_or_never().expect("nothing in it waits")
    }

    fn new(threads: usize) -> Self {
        let inner = Tokio::new(threads);
        Self { inner }
    }

    fn block_on<F, T>(&mut self, future: F) -> T
    where
        F: Future<Output = T>,
    {
        self.inner.block_on(future)
    }
}

#[cfg(test)]
mod tests {
    use openraft::rt::testing::Suite;

    use super::*;

    #[test]
    fn it_keeps_what_the_library_expects_of_a_runtime() {
        Suite::<Runtime>::test_all();
    }

    #[tokio::test]
    async fn a_seed_repeats_what_is_drawn_by_a_task_and_its_children() {
        let draw = || async {
            let drawn = || format!("{:?}", Runtime::thread_rng());
            let child = Runtime::spawn(async move { drawn() });
            let first = drawn();
            [first, child.await.unwrap(), drawn()]
        };
        let once = Runtime::seeded(7, draw()).await;
        assert_eq!(once, Runtime::seeded(7, draw()).await);
        assert_ne!(once, Runtime::seeded(8, draw()).await);
        assert_ne!(once[0], once[1]);
        assert_ne!(once[0], once[2]);
    }
}
