//! What makes a running node stop.

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::signal::unix::{SignalKind, signal};

use crate::base::{Error, Result};
use crate::cli::ready;

/// Resolves at SIGTERM or Ctrl-C, or when whoever holds the other end of the pipe `fd` is
/// gone, once a supervisor knows of it.
///
/// # Errors
/// `Internal` without signals, `Invalid` for a descriptor that is no pipe.
pub(super) fn asked(fd: Option<i32>) -> Result<impl Future<Output = ()>> {
    let failed = |error| Error::internal("signals cannot be received").with_source(error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let pipe = fd.map(open).transpose()?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = ended(pipe) => {}
        }
        if let Err(failed) = ready::stopping() {
            tracing::warn!("{failed}");
        }
    })
}

fn open(fd: i32) -> Result<pipe::Receiver> {
    pipe::OpenOptions::new()
        .open_receiver(format!("/dev/fd/{fd}"))
        .map_err(|error| Error::invalid(format!("--stop-with-fd {fd} is no pipe: {error}")))
}

/// Reads the pipe to its end, whatever is in it.
async fn ended(pipe: Option<pipe::Receiver>) {
    let Some(mut pipe) = pipe else {
        return std::future::pending().await;
    };
    let mut unread = [0; 64];
    while matches!(pipe.read(&mut unread).await, Ok(1..)) {}
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    #[tokio::test]
    async fn the_end_of_a_pipe_is_noticed_and_what_is_written_is_not() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let mut stop = Box::pin(asked(Some(reader.as_raw_fd())).unwrap());
        std::io::Write::write_all(&mut writer, b"go on").unwrap();
        tokio::select! {
            biased;
            () = &mut stop => panic!("nobody is gone"),
            () = tokio::time::sleep(std::time::Duration::from_millis(50)) => {}
        }
        drop(writer);
        stop.await;
        let file = tempfile::tempfile().unwrap();
        let Err(error) = asked(Some(file.as_raw_fd())) else {
            panic!("a file never ends");
        };
        assert!(error.message().contains("is no pipe"), "{error}");
    }
}
