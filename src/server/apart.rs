//! A runtime for what a node owes its cluster: consensus, and the links between members.
//!
//! Whatever clients have a node do, heartbeats and votes wait for none of it: the threads of the
//! two runtimes have their shares of the processor from the operating system.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::base::{Error, Result};

/// A runtime beside the one that serves clients. Dropped, it ends what it still does.
pub(super) struct Apart {
    /// Until it is dropped.
    runtime: Option<Runtime>,
}

impl Apart {
    /// Starts one with as many threads as this runtime has.
    ///
    /// # Errors
    /// `Internal` when the operating system does not give what it needs.
    pub(super) fn start() -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .enable_all()
            .worker_threads(Handle::current().metrics().num_workers())
            .thread_name("consensus")
            .build();
        let runtime = runtime.map_err(|error| {
            Error::internal("the runtime of consensus did not start").with_source(error)
        })?;
        Ok(Self {
            runtime: Some(runtime),
        })
    }

    pub(super) fn handle(&self) -> Handle {
        let runtime = self.runtime.as_ref();
        runtime
            .expect("it is there until it is dropped")
            .handle()
            .clone()
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // To wait for it here would block a thread that serves.
            runtime.shutdown_background();
        }
    }
}

/// `work`, done here: what it starts, and the sockets and timers it makes, are there.
pub(super) struct Within<F> {
    there: Handle,
    work: Pin<Box<F>>,
}

impl<F: Future> Within<F> {
    pub(super) fn new(there: Handle, work: F) -> Self {
        Self {
            there,
            work: Box::pin(work),
        }
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let _there = this.there.enter();
        this.work.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread() -> String {
        let thread = std::thread::current();
        thread.name().unwrap_or_default().to_owned()
    }

    /// Members voted each other out while clients kept the only runtime busy.
    #[tokio::test]
    async fn what_is_started_within_is_done_apart_and_ends_with_it() {
        let apart = Apart::start().unwrap();
        let started = Within::new(apart.handle(), async {
            let task = tokio::spawn(async { thread() });
            (thread(), task, tokio::spawn(std::future::pending::<()>()))
        });
        let (starter, task, endless) = started.await;
        assert_ne!(starter, "consensus");
        assert_eq!(task.await.unwrap(), "consensus");
        drop(apart);
        assert!(endless.await.unwrap_err().is_cancelled());
    }
}
