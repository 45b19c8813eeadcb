//! Ending a run early: the first Ctrl-C asks for the end, the second does not wait for it.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::base::{Error, Result};
use crate::cli::interrupts::Interrupts;
use crate::cli::session::Session;
use crate::perf::Interrupt;

/// Runs `work` with an interrupt that Ctrl-C and SIGTERM raise, or Ctrl-C alone in the shell of `session`.
/// `None` if a second signal came before it had ended: it was broken off.
///
/// # Errors
/// `Internal` if the event loop cannot start.
pub(super) fn interruptible<T>(
    session: Option<&Session>,
    work: impl AsyncFnOnce(&Interrupt) -> T,
) -> Result<Option<T>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(not_started)?;
    runtime.block_on(async {
        let mut signals = match session {
            Some(session) => Signals::Shell(session.interrupts().clone()),
            None => Signals::own().map_err(not_started)?,
        };
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
enum Signals {
    /// A shell hears Ctrl-C itself; and once somebody has listened for SIGTERM, it would not
    /// end the shell any more.
    Shell(Interrupts),
    Own {
        interrupted: Signal,
        terminated: Signal,
    },
}

impl Signals {
    fn own() -> io::Result<Self> {
        Ok(Self::Own {
            interrupted: signal(SignalKind::interrupt())?,
            terminated: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        match self {
            Self::Shell(interrupts) => interrupts.next().await,
            Self::Own {
                interrupted,
                terminated,
            } => tokio::select! {
                biased;
                _ = interrupted.recv() => {}
                _ = terminated.recv() => {}
            },
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
