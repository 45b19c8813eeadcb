//! Ending a run early: the first Ctrl-C asks for the end, the second does not wait for it.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::base::{Error, Result};
use crate::perf::Interrupt;

/// Runs `work` with an interrupt that Ctrl-C and SIGTERM raise. `None` if a second signal
/// came before it had ended: it was broken off.
///
/// # Errors
/// `Internal` if the event loop cannot start.
pub(super) fn interruptible<T>(work: impl AsyncFnOnce(&Interrupt) -> T) -> Result<Option<T>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(not_started)?;
    runtime.block_on(async {
        let mut signals = Signals::new().map_err(not_started)?;
        let interrupt = Interrupt::new();
        let broken_off = async {
            signals.next().await;
            interrupt.raise();
            signals.next().await;
        };
        Ok(tokio::select! {
            biased;
            () = broken_off => None,
            result = work(&interrupt) => Some(result),
        })
    })
}

/// The signals that end a run.
struct Signals {
    interrupted: Signal,
    terminated: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupted: signal(SignalKind::interrupt())?,
            terminated: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            biased;
            _ = self.interrupted.recv() => {}
            _ = self.terminated.recv() => {}
        }
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn not_started(error: io::Error) -> Error {
    Error::internal(format!("cannot start the event loop: {error}"))
}
