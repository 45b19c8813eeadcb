//! Connections as they come, one whenever there is room.

use std::io;
use std::time::Duration;

use futures_util::{Stream, stream};

use super::bind::Listener;
use super::places::{Connections, Seat};
use super::socket::Socket;

/// The pause after a connection could not be accepted: the system has no room for it, and
/// says so again at once.
const PAUSE: Duration = Duration::from_millis(100);

/// The connections of a listener, which is closed with the stream.
///
/// IMPORTANT: a node without file descriptors cannot open its next log segment, and stops.
/// So they are left over for it: a connection is accepted once there is a place for it, and
/// waits in the system's queue until then. One of an address that has too many already is
/// closed at once.
pub(super) fn coming(
    listener: Listener,
    connections: Connections,
) -> impl Stream<Item = (Socket, Seat)> {
    let first = (listener, connections, None);
    stream::unfold(first, async |(listener, connections, mut kept)| {
        loop {
            let place = match kept.take() {
                Some(place) => place,
                None => connections.place().await,
            };
            let from = &listener;
            let socket = next(move || from.accept()).await;
            match connections.seat(socket.remote(), place) {
                Ok(seat) => return Some(((socket, seat), (listener, connections, None))),
                Err(place) => kept = Some(place),
            }
        }
    })
}

/// The next connection, whatever fails before it.
async fn next<S, F>(mut accept: impl FnMut() -> F) -> S
where
    F: Future<Output = io::Result<S>>,
{
    let mut is_told = false;
    loop {
        match accept().await {
            Ok(socket) => return socket,
            // Whoever came is gone already.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if !is_told {
                    tracing::warn!(%error, "a connection cannot be accepted: trying again");
                    is_told = true;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// Without a pause a node that had no file descriptors left span on a core.
    #[tokio::test(start_paused = true)]
    async fn a_system_without_room_is_asked_again_after_a_while() {
        let mut left = vec![
            Ok(7),
            Err(rustix::io::Errno::MFILE.into()),
            Err(rustix::io::Errno::NFILE.into()),
            Err(io::ErrorKind::ConnectionAborted.into()),
        ];
        let began = Instant::now();
        let accepted = next(|| std::future::ready(left.pop().unwrap())).await;
        assert_eq!(accepted, 7);
        assert_eq!(began.elapsed(), 2 * PAUSE, "one that is gone costs nothing");
    }
}
