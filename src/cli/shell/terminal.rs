//! The terminal as it was before the prompt, for a shell that is ended from outside.

use std::io;
use std::process;

use rustix::process::Signal;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};

use crate::base::{Error, Result};
use crate::cli::session::Session;

/// Lets SIGTERM and SIGHUP end the shell with its terminal as it is now.
///
/// The line editor reads key by key and shows none itself: a shell that was just ended would
/// leave its terminal to the next program like that.
///
/// # Errors
/// `Internal` if the operating system does not allow it.
#[allow(
    clippy::exit,
    reason = "the thread that reads keys cannot be told: a signal ended the process before, too"
)]
pub(super) fn restore_when_ended(session: &Session) -> Result<()> {
    let Ok(before) = tcgetattr(io::stdin()) else {
        return Ok(());
    };
    session.briefly(async {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Error::internal(format!("cannot listen for signals: {error}")))
        };
        let mut terminated = listen(SignalKind::terminate())?;
        let mut hung_up = listen(SignalKind::hangup())?;
        tokio::spawn(async move {
            let ended_by = tokio::select! {
                _ = terminated.recv() => Signal::TERM,
                _ = hung_up.recv() => Signal::HUP,
            };
            // A terminal that is gone needs nothing.
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
            process::exit(128 + ended_by.as_raw());
        });
        Ok(())
    })
}
